"""Faults, one at a time, in a replacement that is right."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TypeAlias

import numpy as np

from rnnlite_pipeline.cells.lstm import Lstm
from rnnlite_pipeline.cells.recurrence import RECURRENCE
from rnnlite_pipeline.graph.ir import Op, Tensor
from rnnlite_pipeline.recognise import Replacement

Fault: TypeAlias = Callable[[Replacement], None]


def recurrence_op(replacement: Replacement) -> Op:
    """The op that stands for the loop; the first where there are several."""
    return next(op for op in replacement.ops if op.code == RECURRENCE)


def old_ops(replacement: Replacement) -> list[Op]:
    """The ops that compute a step: the loop's body, or the steps written out."""
    return list(replacement.replaced) or replacement.loop.op.options["body_subgraph"].ops


def constants(replacement: Replacement) -> list[list[Tensor]]:
    """The float constants of a step, biases, matrices and others; equal ones together."""
    found: dict[tuple[object, ...], dict[int, Tensor]] = {}
    for op in old_ops(replacement):
        for tensor in op.inputs:
            if tensor is not None and tensor.data is not None and tensor.dtype == "FLOAT32":
                array = tensor.array
                if array is not None and array.any():
                    found.setdefault((tensor.shape, tensor.data), {})[id(tensor)] = tensor
    return [list(same.values()) for same in found.values()]


def off(which: int, entry: float, error: float) -> Fault:
    """One entry of one constant of the step differs.

    It is changed in the loop, which is as good as in what replaces it, and serves every cell.

    Args:
        which: The constant's number.
        entry: The entry's place, from 0 for the first to 1 for the last.
        error: By how much of the constant's scale.
    """

    def fault(replacement: Replacement) -> None:
        for tensor in constants(replacement)[which]:
            array = tensor.array
            assert array is not None
            changed = array.copy()
            changed.flat[int(entry * (changed.size - 1))] += error * np.abs(changed).max()
            tensor.data = changed.tobytes()

    return fault


def turned_round(replacement: Replacement) -> None:
    """The sequence is read from its other end."""
    options = recurrence_op(replacement).options
    options["recurrence"] = replace(options["recurrence"], reverse=True)


def state_dropped(index: int) -> Fault:
    """A state starts from zeros."""

    def fault(replacement: Replacement) -> None:
        recurrence_op(replacement).inputs[1 + index] = None

    return fault


def gates_exchanged(one: str, other: str) -> Fault:
    """Two gates are taken for each other."""

    def fault(replacement: Replacement) -> None:
        options = recurrence_op(replacement).options
        recurrence = options["recurrence"]
        gates = {one: getattr(recurrence.cell, other), other: getattr(recurrence.cell, one)}
        options["recurrence"] = replace(recurrence, cell=replace(recurrence.cell, **gates))

    return fault


def clipped(bound: float) -> Fault:
    """A clip of the cell that the loop has not."""

    def fault(replacement: Replacement) -> None:
        options = recurrence_op(replacement).options
        recurrence = options["recurrence"]
        cell = replace(recurrence.cell, cell_clip=bound)
        options["recurrence"] = replace(recurrence, cell=cell)

    return fault


def finals_exchanged(replacement: Replacement) -> None:
    """The final states are taken for each other."""
    op, results = recurrence_op(replacement), replacement.results
    swapped = {id(op.outputs[1]): op.outputs[2], id(op.outputs[2]): op.outputs[1]}
    for key, (old, new) in results.items():
        results[key] = (old, swapped.get(id(new), new))


def faults(replacement: Replacement, scale: float, error: float) -> Iterator[tuple[str, Fault]]:
    """Every fault that makes a difference in this replacement.

    Args:
        replacement: A right one; not changed.
        scale: Of the states.
        error: How far off a constant is, as a part of its scale.
    """
    for which in range(len(constants(replacement))):
        yield f"constant {which}, first entry", off(which, 0.0, error)
        yield f"constant {which}, last entry", off(which, 1.0, error)
    yield "direction", turned_round
    op = recurrence_op(replacement)
    for index, state in enumerate(op.inputs[1:]):
        if state is not None:
            yield f"initial state {index}", state_dropped(index)
    cell = op.options["recurrence"].cell
    results = {id(new) for _, new in replacement.results.values()}
    if isinstance(cell, Lstm):
        if cell.input is not None:
            yield "input and forget gate", gates_exchanged("input", "forget")
        yield "output and forget gate", gates_exchanged("output", "forget")
        yield "clip", clipped(0.3 * scale)
    finals = op.outputs[1:]
    alike = len({t.shape for t in finals}) == 1 < len(finals)
    if alike and results & {id(t) for t in finals}:
        yield "final states", finals_exchanged
