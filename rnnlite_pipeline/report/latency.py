"""The section on the cost of each op: measured times, or else multiply-adds.

A time is true for one machine only. The page in a release must be the same on every machine, so it
has no times. Verify writes that page; the stage report writes a copy with times beside the model.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rnnlite_pipeline.latency.rows import place, title
from rnnlite_pipeline.report.figures import plural, share, size, time, times
from rnnlite_pipeline.report.html import Bar, Both, Cell, Section, section, table

#: How many ops are shown. The times of the others are added up in one sentence.
SHOWN = 12

#: The models that come first, in this order.
_PLACES = {"model.tflite": 0, "stock": 1}


def counted(rows: Sequence[Mapping[str, Any]], note: str = "") -> Section:
    """The section without times: the multiply-adds and weights of each op.

    Args:
        rows: The parts of the model (latency/rows.py).
        note: Why there are no times; empty for the usual reason.
    """
    why = (
        "Counted for a batch of 1, not measured: times differ between machines, so a release has"
        " none. `rnnlite benchmark CONFIG` measures the model here, and this page shows it."
    )
    total = sum(map(_work, rows)) or 1
    most = max(map(_work, rows), default=0) or 1
    dearest = sorted(rows, key=lambda row: (-_work(row), -row["weight_bytes"]))
    shown = [row for row in dearest if _work(row)][:SHOWN]
    lines: list[list[Cell]] = [
        [
            title(r),
            _arithmetic(r),
            share(_work(r), total),
            Bar(_work(r) / most),
            size(r["weight_bytes"]),
            place(r),
        ]
        for r in shown
    ]
    columns = ("op", "#multiply-adds", "#share", "", "#weights", "where")
    return section("work", "Work of each op", note=note or why, table=table(columns, lines))


def measured(told: Mapping[str, Any]) -> Section:
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
    columns = ("model", "#median", "", "#to this model", "#size", "made by")
    models = sorted(told["models"].items(), key=lambda each: _PLACES.get(each[0], len(_PLACES)))
    most = max((model["ms"]["median"] for _, model in models if "ms" in model), default=0.0) or 1.0
    own = told["models"].get("model.tflite", {}).get("bytes", 0)
    whole = table(columns, [_model(name, model, most, own) for name, model in models])
    return section("latency", "Latency", note=note, models=whole, **_by_op(told["ops"]))


def _model(name: str, model: Mapping[str, Any], most: float, own: int) -> list[Cell]:
    bytes_ = model.get("bytes", 0)
    told: Cell = Both(size(bytes_), times(bytes_ / own) if own else "") if bytes_ else ""
    if "ms" not in model:
        return [name, "", "", "", told, model["reason"]]
    median = model["ms"]["median"]
    return [name, time(median), Bar(median / most), times(model["ratio"]), told, model["how"]]


def _by_op(ops: Mapping[str, Any]) -> dict[str, Any]:
    if "reason" in ops:
        return {"ops": None, "said": f"No op was timed alone: {ops['reason']}.", "missing": []}
    timed = sorted((row for row in ops["parts"] if "ms" in row), key=lambda row: -row["ms"])
    most = max((row["ms"] for row in timed), default=0.0) or 1.0
    lines: list[list[Cell]] = [
        [
            title(row),
            time(row["ms"]),
            f"{row['share']:.1%}",
            Bar(row["ms"] / most),
            _arithmetic(row),
            place(row),
        ]
        for row in timed[:SHOWN]
    ]
    columns = ("op", "#alone", "#share", "", "#multiply-adds", "where")
    said = (
        "Each op was cut out of the model, and timed alone with the same inputs. Together the ops"
        f" take {time(ops['sum_ms'])}; the whole model, without copying its inputs, takes"
        f" {time(ops['whole_ms'])}.{_rest(timed[SHOWN:])}"
    )
    missing = [f"{title(r)}, {place(r)}: {r['reason']}" for r in ops["parts"] if "reason" in r]
    return {"ops": table(columns, lines), "said": said, "missing": missing}


def _rest(rows: Sequence[Mapping[str, Any]]) -> str:
    if not rows:
        return ""
    return f" {plural(len(rows), 'op')} not shown: {time(sum(row['ms'] for row in rows))}."


def _arithmetic(row: Mapping[str, Any]) -> str:
    count = row["multiply_adds"]
    told = [f"{count['fixed']:,}"] if count["fixed"] else []
    told += [f"{count['per_step']:,} per step"] if count["per_step"] else []
    return " + ".join(told)


def _work(row: Mapping[str, Any]) -> int:
    return sum(row["multiply_adds"].values())
