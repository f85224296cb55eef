"""benchmark.json as a person reads it: the models beside each other, then the dearest ops."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rnnlite_pipeline.latency.rows import place, title

#: How many ops the table shows.
SHOWN = 10

#: The columns of numbers, which are set right.
_NUMBER = frozenset({"median", "best", "ratio", "size", "memory", "time", "share"})


def as_text(told: Mapping[str, Any]) -> str:
    """The whole of benchmark.txt."""
    machine = told["machine"]
    named = machine["processor"] or machine["architecture"]
    cores = f"{machine['processors']} of them, {machine['system']} {machine['architecture']}"
    lines = [*_models(told), f"{named}, {cores}", "", *_ops(told["ops"])]
    return "\n".join(lines) + "\n"


def _models(told: Mapping[str, Any]) -> Iterator[str]:
    rows = [("", "median", "best", "ratio", "size", "memory")]
    yield from _table([*rows, *(_model(name, m) for name, m in told["models"].items())])
    for name, model in told["models"].items():
        if model["reason"]:
            yield f"{name}: {model['reason']}"
    if stock := told["models"].get("stock", {}).get("how"):
        yield f"stock: {stock}"
    settings = told["settings"]
    shapes = ", ".join(f"{name} {shape}" for name, shape in settings["inputs"].items())
    yield f"one thread, the default delegate, {settings['data']}: {shapes}"


def _model(name: str, model: Mapping[str, Any]) -> tuple[str, ...]:
    size = f"{model['bytes']:,} B" if "bytes" in model else "-"
    if "ms" not in model:
        return (name, "-", "-", "-", size, "-")
    ms, memory = model["ms"], f"{model['memory_bytes'] / 2**20:.1f} MiB"
    figures = (f"{ms['median']:.3f} ms", f"{ms['best']:.3f} ms", f"{model['ratio']:.2f}x")
    return (name, *figures, size, memory)


def _ops(ops: Mapping[str, Any]) -> Iterator[str]:
    """The dearest ops, and how well they add up."""
    if "reason" in ops:
        yield f"No op was timed alone: {ops['reason']}."
        return
    timed = sorted((r for r in ops["parts"] if "ms" in r), key=lambda row: -row["ms"])
    rows = [("op", "time", "share", "where")]
    rows += [(title(r), _ms(r["ms"]), f"{r['share']:.1%}", place(r)) for r in timed[:SHOWN]]
    yield from _table(rows)
    if rest := timed[SHOWN:]:
        yield f"and {len(rest)} more, {_ms(sum(row['ms'] for row in rest))} together"
    yield (
        f"each op alone, cut out of model.tflite: {_ms(ops['sum_ms'])} together; "
        f"the whole, without feeding it: {_ms(ops['whole_ms'])}"
    )
    for row in ops["parts"]:
        if "reason" in row:
            yield f"{title(row)}, {place(row)}: not timed, {row['reason']}"


def _ms(value: float) -> str:
    return f"{value:.4f} ms"


def _table(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = zip(row, widths, rows[0], strict=True)
        yield "  ".join(c.rjust(w) if n in _NUMBER else c.ljust(w) for c, w, n in cells).rstrip()
