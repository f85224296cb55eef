"""The section on latency: times where they were measured on this model, else what is counted.

A time belongs to a machine. The page that a release carries must be the same on all of them, so it
has none: verify writes that page, and the stage report puts the times into the copy beside it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from rnnlite_pipeline.latency.rows import place, title
from rnnlite_pipeline.report.html import bar, section, size, table

#: How many ops are shown; what the others take is said in one line.
SHOWN = 12

#: Models that come before the others.
_PLACES = {"model.tflite": 0, "stock": 1}

_OPEN, _CLOSE = '<section id="latency">', "</section>"


def counted(rows: Sequence[Mapping[str, Any]], note: str = "") -> str:
    """The section without times: what each op computes and reads, the same on every machine.

    Args:
        rows: The parts of the model (latency/rows.py).
        note: Why there are no times, where that is not told by the page itself.
    """
    why = (
        "A time belongs to a machine, so a release tells none: “rnnlite benchmark CONFIG” measures"
        " the model beside the stock conversion and each op alone, and the report in its folder"
        " shows it. Here is what each op multiplies and reads for a batch of 1."
    )
    most = max((_work(row) for row in rows), default=0) or 1
    dearest = sorted(rows, key=lambda row: (-_work(row), -row["weight_bytes"]))
    shown = [row for row in dearest if _work(row)][:SHOWN]
    lines = [
        (title(r), _arithmetic(r), bar(_work(r) / most), size(r["weight_bytes"]), place(r))
        for r in shown
    ]
    content = table(("op", "#multiply-adds", "", "#weights", "where"), lines)
    return _as_section(content or f"<p>{escape('No op multiplies matrices.')}</p>", note or why)


def measured(told: Mapping[str, Any]) -> str:
    """The section with times.

    Args:
        told: A benchmark.json of this model.
    """
    machine, settings = told["machine"], told["settings"]
    processor = machine["processor"] or machine["architecture"]
    shapes = ", ".join(f"{n} {' × '.join(map(str, s))}" for n, s in settings["inputs"].items())
    note = (
        f"Measured on {processor} ({machine['processors']} processors, {machine['system']}"
        f" {machine['architecture']}): one thread, the default delegate, {settings['data']},"
        f" {shapes}. On another machine all of this is different."
    )
    columns = ("", "#median", "", "#ratio", "#size", "made by")
    models = sorted(told["models"].items(), key=lambda each: _PLACES.get(each[0], len(_PLACES)))
    most = max(model["ms"]["median"] for _, model in models if "ms" in model)
    whole = table(columns, [_model(name, model, most) for name, model in models])
    return _as_section(whole + _by_op(told["ops"]), note)


def replaced(page: str, latency: str) -> str:
    """The page with another section on latency.

    No text of a model can hold the section's tag: all of it is escaped.
    """
    above, tag, rest = page.partition(_OPEN)
    return f"{above}{latency}{rest.partition(_CLOSE)[2]}" if tag else page


def _as_section(content: str, note: str) -> str:
    return section("Latency", content, note).replace("<section>", _OPEN, 1)


def _model(name: str, model: Mapping[str, Any], most: float) -> Sequence[str]:
    told = size(model["bytes"]) if "bytes" in model else ""
    if "ms" not in model:
        return name, "", "", "", told, model["reason"]
    median = model["ms"]["median"]
    times = (_time(median), bar(median / most), f"{model['ratio']:.2f} ×")
    return name, *times, told, model["how"]


def _by_op(ops: Mapping[str, Any]) -> str:
    if "reason" in ops:
        return f"<p>{escape('No op was timed alone: ' + ops['reason'])}.</p>"
    timed = sorted((row for row in ops["parts"] if "ms" in row), key=lambda row: -row["ms"])
    most = max((row["ms"] for row in timed), default=0.0) or 1.0
    lines = [
        (
            title(row),
            _time(row["ms"]),
            bar(row["ms"] / most),
            f"{row['share']:.1%}",
            _arithmetic(row),
            place(row),
        )
        for row in timed[:SHOWN]
    ]
    columns = ("op", "#alone", "", "#share", "#multiply-adds", "where")
    said = (
        "Each op was cut out of the model, fed what it is fed in it, and timed alone. Together they"
        f" take {_time(ops['sum_ms'])}; the whole model, without feeding it,"
        f" {_time(ops['whole_ms'])}.{_rest(timed[SHOWN:])}"
    )
    missing = [f"{title(r)}, {place(r)}: {r['reason']}" for r in ops["parts"] if "reason" in r]
    items = "".join(f"<li>{escape(line)}</li>" for line in missing)
    failed = f"<p>Not timed alone:</p><ul>{items}</ul>" if items else ""
    heading = f'<h3>Where the time goes</h3><p class="note">{escape(said)}</p>'
    return heading + table(columns, lines) + failed


def _rest(rows: Sequence[Mapping[str, Any]]) -> str:
    if not rows:
        return ""
    return f" {len(rows)} ops are not shown: {_time(sum(row['ms'] for row in rows))}."


def _arithmetic(row: Mapping[str, Any]) -> str:
    count = row["multiply_adds"]
    told = [f"{count['fixed']:,}"] if count["fixed"] else []
    told += [f"{count['per_step']:,} a step"] if count["per_step"] else []
    return " + ".join(told)


def _work(row: Mapping[str, Any]) -> int:
    return sum(row["multiply_adds"].values())


def _time(ms: float) -> str:
    return f"{1000 * ms:.1f} µs" if ms < 1 else f"{ms:.2f} ms"
