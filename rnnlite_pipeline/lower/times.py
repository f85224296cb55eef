"""What another form or scheme of a recurrence would gain on a CPU, by measurement.

`times.json` holds times as parts of that of the loop in float: by cell, by what is asked of it
(`Work`), by units. `python -m benchmarks.gains` measured them, with one thread, a batch of 1 and
LiteRT's default delegate; the file says on which machine. They tell which form is faster by far,
not a time: `recurrent.lowering: fastest` and `rnnlite benchmark` measure on the machine at hand.
"""

from __future__ import annotations

import json
from bisect import bisect_left
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from typing import Final, Literal

from rnnlite_pipeline.graph.ir import OPEN, Model, Op
from rnnlite_pipeline.lower.layers import Layer
from rnnlite_pipeline.runtimes.litert import CPU

#: What is asked of a recurrence: all outputs, the last one, or a call a step.
Work = Literal["sequence", "last", "step"]

#: What is measured. Where the number of steps is 1, a loop is that step.
FORMS: Final = ("loop", "fused")
SCHEMES: Final = ("none", "dynamic_range", "int8")

#: A gain is told from this part of the time down: forms differ by less from machine to machine.
TELLS = 0.85


@dataclass(frozen=True)
class Recurrent:
    """A recurrence as the table knows it.

    Attributes:
        kind: The cell's name.
        units: The width of its last state.
        work: What is asked of it.
        form: What it became: "loop" or "fused". A step that is written out is a "loop".
        scheme: How it is quantized: "none" or "dynamic_range".
        others: The other forms that its targets take and that compute the same.
    """

    kind: str
    units: int
    work: Work
    form: str
    scheme: str
    others: Sequence[str] = ()


def gain(layer: Recurrent) -> str:
    """What would make the layer faster on a CPU, in words; empty where nothing known would.

    Of other forms, of the scheme `dynamic_range` and of both at once, each is named that takes
    clearly less time than those named before it.
    """
    times = _times(layer.kind, layer.work, layer.units)
    own = times.get(f"{layer.form}, {layer.scheme}")
    if own is None:
        return ""
    ways = [(form, layer.scheme) for form in layer.others]
    if layer.scheme == "none":
        ways += [(form, "dynamic_range") for form in (layer.form, *layer.others)]
    named, best = [], own
    for form, scheme in ways:
        time = times.get(f"{form}, {scheme}")
        if time is not None and time <= TELLS * best:
            keys = [f"recurrent.lowering: {form}"] if form != layer.form else []
            keys += [f"quantization.scheme: {scheme}"] if scheme != layer.scheme else []
            named.append(f"about {time / own:.1f} of this time with {' and '.join(keys)}")
            best = time
    return f"on a CPU {', '.join(named)} (docs/guides/benchmark.md)" if named else ""


def works_of(model: Model, pseudo: Iterable[Op]) -> dict[str, Work]:
    """What is asked of each recurrence, by its name.

    Args:
        model: A model with pseudo ops.
        pseudo: They.
    """
    read = {tensor for op in model.ops() for tensor in op.inputs if tensor is not None}
    read |= {tensor for graph in model.subgraphs for tensor in graph.outputs}
    works: dict[str, Work] = {}
    for op in pseudo:
        x, y = op.inputs[0], 0
        for recurrence in op.options.values():
            steps = x.shape[0 if recurrence.time_major else 1] if x and x.shape else OPEN
            whole: Work = "sequence" if op.outputs[y] in read else "last"
            works[recurrence.name] = "step" if steps == 1 else whole
            y += 1 + len(recurrence.cell.states)
    return works


def with_gain(
    layer: Layer, works: Mapping[str, Work], scheme: str, targets: Collection[str]
) -> Layer:
    """The layer, saying what would make it faster, where only CPUs of LiteRT are meant to run it.

    Nothing is said where the forms were measured here (`lowering: fastest`), of several steps that
    are written out, and of integers: their outcomes say it (quantize/worth.py).

    Args:
        layer: What became of a recurrence.
        works: What is asked of each.
        scheme: How the model is quantized.
        targets: What the model is meant for.
    """
    work = works.get(layer.name)
    measured = bool(layer.milliseconds)
    if layer.recurrence is None or work is None or measured or not CPU.issuperset(targets):
        return layer
    if layer.op == "UNROLLED" and work != "step":
        return layer
    cell, form, others = layer.recurrence.cell, "fused", ["loop"]
    if layer.op in ("WHILE", "UNROLLED"):
        fuses = not cell.why_not("fused") and {*targets} == {"litert"}
        form, others = "loop", ["fused"] if fuses else []
    computes = "none" if scheme == "float16" else scheme
    found = Recurrent(cell.kind, cell.states[-1], work, form, computes, others)
    return replace(layer, gain=gain(found))


def integer_times(form: str, units: int) -> tuple[float, float]:
    """The times of int8 and of dynamic_range as parts of that in float, over a whole sequence.

    Args:
        form: "fused": an LSTM's. "loop": a GRU's, which stands for all loops.
        units: The width of the state.
    """
    times = _times("LSTM" if form == "fused" else "GRU", "sequence", units)
    own = times[f"{form}, none"]
    return times[f"{form}, int8"] / own, times[f"{form}, dynamic_range"] / own


def _times(kind: str, work: Work, units: int) -> Mapping[str, float]:
    """The line of the table for at least so many units, or the last one; empty if unknown."""
    sizes = _table().get(kind, {}).get(work, {})
    known = sorted(map(int, sizes))
    if not known:
        return {}
    return sizes[str(known[min(bisect_left(known, units), len(known) - 1)])]


@cache
def _table() -> Mapping[str, Mapping[str, Mapping[str, Mapping[str, float]]]]:
    text = (files("rnnlite_pipeline.lower") / "times.json").read_text(encoding="utf-8")
    table: Mapping[str, Mapping[str, Mapping[str, Mapping[str, float]]]] = json.loads(text)["times"]
    return table
