"""Reads the loops of a graph as mathematics and puts recurrences in their place.

What is not read stays as it is, and the finding says why.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count
from typing import TypeAlias

from rnnlite_pipeline.cells.recurrence import Recurrence
from rnnlite_pipeline.graph.edit import reachable
from rnnlite_pipeline.graph.ir import Model, Op, Subgraph
from rnnlite_pipeline.recognise.fused import read_fused_ops
from rnnlite_pipeline.recognise.loop.loop import Unrecognised
from rnnlite_pipeline.recognise.loop.rewrite import Replacement, replace_loop
from rnnlite_pipeline.recognise.unrolled import roll_up

__all__ = ["Finding", "Replacement", "recognise"]


@dataclass(frozen=True, eq=False)
class Finding:
    """What was found in one loop, or in one unrolled layer.

    Attributes:
        name: The layer's name, as its author knows it.
        recurrences: What it was read as; empty where it was not.
        reason: Why it stays as it is, in the user's terms; empty where it was read.
        stays: What it stays where it was not read: the op WHILE, UNROLLED steps, or a fused op.
        note: What the user is to know of it besides; empty if nothing.
    """

    name: str
    recurrences: tuple[Recurrence, ...] = ()
    reason: str = ""
    stays: str = "WHILE"
    note: str = ""


#: Says why a replacement must not be made, or None.
Objection: TypeAlias = Callable[[Replacement], str | None]


def recognise(model: Model, objection: Objection = lambda _: None) -> list[Finding]:
    """Replaces every loop that is a recurrence by RECURRENCE ops, in place.

    1. A loop is replaced whole, or not at all.
    2. Loops inside loops are read first.
    3. Steps written out are read when the loops are done.
    4. Fused ops, which the file has already, are read without an objection: they are the
       recurrences of the runtime itself.
    5. The findings stand in execution order, the loops' first and the fused ops' last.

    Args:
        model: Changed in place.
        objection: Asked before each replacement.
    """
    findings: list[Finding] = []
    taken: set[str] = set()
    for subgraph in reversed(model.subgraphs):
        here = [
            _read(op, subgraph, model, objection, taken)
            for op in list(subgraph.ops)
            if op.code == "WHILE"
        ]
        findings = [*here, *findings]
    for subgraph in reachable(model):
        findings += _unrolled(model, subgraph, objection, taken)
    for subgraph in reachable(model):
        fused = read_fused_ops(model, subgraph)
        findings += [Finding(f.name, f.recurrences, stays=f.code, note=f.note) for f in fused]
    return findings


def _unrolled(
    model: Model, subgraph: Subgraph, objection: Objection, taken: set[str]
) -> Iterator[Finding]:
    for name, found in roll_up(model, subgraph, objection, taken).items():
        if isinstance(found, str):
            yield Finding(name, reason=found, stays="UNROLLED")
        else:
            yield Finding(name, (found,))


def _read(
    op: Op, subgraph: Subgraph, model: Model, objection: Objection, taken: set[str]
) -> Finding:
    name = _unique(layer_name(op), taken)
    try:
        replacement = replace_loop(op, subgraph, name)
    except Unrecognised as problem:
        return Finding(name, reason=str(problem))
    reason = objection(replacement)
    if reason:
        return Finding(name, reason=reason)
    _apply(op, replacement, model, subgraph)
    return Finding(name, tuple(replacement.recurrences))


def layer_name(op: Op) -> str:
    """The scope of a loop: the layer that its author wrote."""
    scope = op.outputs[0].name.rsplit(":", 1)[0]
    return re.sub(r"/(while|rnn/while)(_\d+)?\d*$", "", scope) or scope


def _unique(name: str, taken: set[str]) -> str:
    """The name, numbered where a layer is called more than once."""
    numbered = (f"{name}_{k}" if k else name for k in count())
    free = next(n for n in numbered if n not in taken)
    taken.add(free)
    return free


def _apply(op: Op, replacement: Replacement, model: Model, subgraph: Subgraph) -> None:
    """Puts the new ops where the loop was, and the new tensors where the old ones were read."""
    place = subgraph.ops.index(op)
    subgraph.ops[place : place + 1] = replacement.ops
    new = {old: tensor for old, (_, tensor) in replacement.results.items()}
    gone = set(new)
    subgraph.ops[:] = [o for o in subgraph.ops if not any(id(t) in gone for t in o.outputs)]
    for other in subgraph.ops:
        other.inputs = [new.get(id(t), t) for t in other.inputs]
    left = set(op.outputs)  # what stacked a list of which only the last step was taken
    subgraph.ops[:] = [o for o in subgraph.ops if left.isdisjoint(filter(None, o.inputs))]
    subgraph.outputs = [new.get(id(t), t) for t in subgraph.outputs]
    for signature in model.signatures:
        if signature.subgraph is subgraph:
            signature.outputs = {k: new.get(id(t), t) for k, t in signature.outputs.items()}
