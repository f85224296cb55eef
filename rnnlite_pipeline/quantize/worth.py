"""What integers cost in time on a CPU: the figure that a config's author should see."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from rnnlite_pipeline.graph.calls import called
from rnnlite_pipeline.graph.extract import with_called
from rnnlite_pipeline.graph.ir import Model, Op, Subgraph
from rnnlite_pipeline.lower.times import integer_times
from rnnlite_pipeline.quantize.outcome import Outcome
from rnnlite_pipeline.runtimes.litert import CPU

_LSTM = "UNIDIRECTIONAL_SEQUENCE_LSTM"

#: The ops of recurrences, and their form in the table of times.
_FORMS: Mapping[str, str] = {"WHILE": "loop", _LSTM: "fused"}


def recurrent_units(model: Model) -> dict[str, int]:
    """The units of each fused LSTM, and of each loop with a product, by its first output's name."""
    found = {op.outputs[0].name: _units(op) for op in model.main.ops if op.code in _FORMS}
    return {name: units for name, units in found.items() if units}


def with_times(
    outcomes: Iterable[Outcome], units: Mapping[str, int], targets: Sequence[str]
) -> list[Outcome]:
    """The outcomes; those of recurrences in int8 say what time they take on LiteRT's CPU kernels.

    Args:
        outcomes: What became of each op.
        units: As `recurrent_units` found them before the rewrite.
        targets: What the model is meant for; nothing is added where no CPU of LiteRT is among them.
    """
    if CPU.isdisjoint(targets):
        return list(outcomes)
    return [
        replace(o, reason=_time(o.op, units[o.name]))
        if o.became == "int8" and not o.reason and not o.inside and o.name in units
        else o
        for o in outcomes
    ]


def size(before: int, after: int) -> str:
    """The size of a quantized file beside that in float."""
    return f"{after:,} bytes, {after / before:.0%} of {before:,} in float"


def _time(code: str, units: int) -> str:
    integers, hybrid = integer_times(_FORMS[code], units)
    return (
        f"on a CPU about {integers:.1f} times its time in float (dynamic_range: about"
        f" {hybrid:.1f} times; docs/guides/quantization.md)"
    )


def _units(op: Op) -> int:
    """Of an LSTM the width of its result; of a loop the longest row that its body multiplies by."""
    if op.code == _LSTM:
        return max(0, (op.outputs[0].shape or (0,))[-1])
    inner = with_called([Subgraph("", ops=[op])])[1:] if any(called(op)) else []
    products = (each for g in inner for each in g.ops if each.code == "FULLY_CONNECTED")
    weights = (each.inputs[1] for each in products)
    return max((t.shape[-1] for t in weights if t is not None and t.data and t.shape), default=0)
