"""A forward and a backward recurrence of one input become one bidirectional op."""

from __future__ import annotations

from collections.abc import Iterator

from rnnlite_pipeline.cells.recurrence import BIDIRECTIONAL, RECURRENCE, Recurrence
from rnnlite_pipeline.graph.edit import producers
from rnnlite_pipeline.graph.ir import Model, Op, Subgraph, Tensor


def group_bidirectional(model: Model) -> bool:
    """Makes one BIDIRECTIONAL of two RECURRENCEs, whatever is done with their outputs.

    1. They read the same x in the same layout, one forward, one in reverse.
    2. One fused op can run both: the same kind of cell and activation; for LSTM also equal
       widths, clips and variant (coupled gates, peepholes, projection), and no layer norm. Of
       cells that have no fused op, one loop can: they are the same equations with other numbers.
    3. Neither depends on the other, through any op or initial state.
    """
    changed = False
    for subgraph in model.subgraphs:
        while _group_one(subgraph):
            changed = True
    return changed


def _group_one(subgraph: Subgraph) -> bool:
    made = producers(subgraph)
    for first, second in _pairs(subgraph):
        if _depends(second, first, made):
            continue
        _join(subgraph, first, second, made)
        return True
    return False


def _pairs(subgraph: Subgraph) -> Iterator[tuple[Op, Op]]:
    """Pairs that rules 1 and 2 allow, in execution order."""
    ops = [op for op in subgraph.ops if op.code == RECURRENCE]
    for k, first in enumerate(ops):
        for second in ops[k + 1 :]:
            a, b = _recurrence(first), _recurrence(second)
            same_input = first.inputs[0] is second.inputs[0] and a.time_major == b.time_major
            if same_input and a.reverse != b.reverse and a.cell.pairs_with(b.cell):
                yield first, second


def _depends(op: Op, on: Op, made: dict[Tensor, Op]) -> bool:
    """Whether `op` reads, directly or not, what `on` computes."""
    stack, seen = [op], {op}
    while stack:
        for tensor in stack.pop().inputs:
            maker = made.get(tensor) if tensor is not None else None
            if maker is on:
                return True
            if maker is not None and maker not in seen:
                seen.add(maker)
                stack.append(maker)
    return False


def _join(subgraph: Subgraph, first: Op, second: Op, made: dict[Tensor, Op]) -> None:
    """Puts the pair where the second stood, and what reads the first behind it."""
    forward, backward = (second, first) if _recurrence(first).reverse else (first, second)
    options = {"forward": _recurrence(forward), "backward": _recurrence(backward)}
    inputs = [forward.inputs[0], *_initial(forward), *_initial(backward)]
    pair = Op(BIDIRECTIONAL, inputs, [*forward.outputs, *backward.outputs], options)
    start, stop = subgraph.ops.index(first), subgraph.ops.index(second)
    between = subgraph.ops[start + 1 : stop]
    behind = [op for op in between if _depends(op, first, made)]
    before = [op for op in between if op not in behind]
    subgraph.ops[start : stop + 1] = [*before, pair, *behind]


def _initial(op: Op) -> list[Tensor | None]:
    states = len(_recurrence(op).cell.states)
    return [*op.inputs[1:], *[None] * (states - len(op.inputs) + 1)]


def _recurrence(op: Op) -> Recurrence:
    recurrence: Recurrence = op.options["recurrence"]
    return recurrence
