"""Steps of one layer, each a recurrence over a sequence of one, become one recurrence over all.

A cell that is annotated and called once a step, in a loop of Python, is one composite a step.

1. A step reads one row as a sequence of one: RECURRENCE of EXPAND_DIMS along its time.
2. The next step has an equal cell, takes every final state of the one before as its own initial
   state, and reads a row that does not depend on the steps before it (a decoder's does).
3. Of the states between steps, only the output is read by anything but the next step.
4. Rows that are the steps of one sequence are that sequence (restack.py), others are packed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any

import numpy as np

from rnnlite_pipeline.cells.recurrence import RECURRENCE, Recurrence
from rnnlite_pipeline.graph.build import Builder, make_op
from rnnlite_pipeline.graph.edit import (
    consumers,
    producers,
    prune,
    replace_uses,
    topological_sort,
)
from rnnlite_pipeline.graph.ir import Model, Op, Subgraph, Tensor
from rnnlite_pipeline.recognise.unrolled.restack import restack


@dataclass(frozen=True, eq=False)
class _Step:
    """A RECURRENCE op over one row."""

    op: Op
    row: Tensor

    @property
    def recurrence(self) -> Recurrence:
        found: Recurrence = self.op.options["recurrence"]
        return found

    @property
    def finals(self) -> list[Tensor]:
        return self.op.outputs[1:]


def chain_steps(model: Model) -> set[str]:
    """Chains the steps of every layer of the main graph, in place.

    Returns:
        The names of the recurrences that are now a part of the first of their steps.
    """
    absorbed = set[str]()
    while chain := _chain(model.main):
        _replace(model, model.main, chain)
        prune(model)
        absorbed |= {step.recurrence.name for step in chain[1:]}
    if absorbed:
        restack(model, model.main)
    return absorbed


def _chain(subgraph: Subgraph) -> list[_Step]:
    """The first chain of two steps or more; empty where there is none."""
    users, made = consumers(subgraph), producers(subgraph)
    for op in subgraph.ops:
        first = _step(op, made)
        after = _after(subgraph, op) if first else set()
        chain = [first] if first else []
        while chain and (following := _next(chain[-1], users, made, after)) is not None:
            if any(t in subgraph.outputs for t in chain[-1].finals[1:]):
                break
            chain.append(following)
        if len(chain) > 1:
            return chain
    return []


def _step(op: Op, made: dict[Tensor, Op]) -> _Step | None:
    """Rule 1."""
    x = op.inputs[0] if op.code == RECURRENCE else None
    source = made.get(x) if x is not None else None
    if source is None or x is None or source.code != "EXPAND_DIMS" or None in source.inputs:
        return None
    row, axis = source.inputs
    time = 0 if op.options["recurrence"].time_major else 1
    if row is None or axis is None or axis.array is None or len(row.shape or ()) != 2:
        return None
    return _Step(op, row) if int(axis.array.reshape(-1)[0]) % 3 == time else None


def _after(subgraph: Subgraph, op: Op) -> set[Tensor]:
    """Every tensor that depends on what an op puts out."""
    found = set(op.outputs)
    for other in subgraph.ops:
        if not found.isdisjoint(t for t in other.inputs if t is not None):
            found.update(other.outputs)
    return found


def _next(
    step: _Step, users: dict[Tensor, list[Op]], made: dict[Tensor, Op], after: set[Tensor]
) -> _Step | None:
    """Rules 2 and 3."""
    found = [
        _step(op, made)
        for op in users.get(step.finals[-1], [])
        if op.code == RECURRENCE and op.inputs[1:] == step.finals
    ]
    following = found[0] if len(found) == 1 else None
    if following is None or following.row in after:
        return None
    private = all(users[t] == [following.op] for t in step.finals[1:])
    return (
        following if private and _alike(step.recurrence.cell, following.recurrence.cell) else None
    )


def _alike(one: Any, other: Any) -> bool:
    """Whether two cells are made of equal parts."""
    if type(one) is not type(other):
        return False
    if isinstance(one, np.ndarray):
        return np.array_equal(one, other)
    if isinstance(one, (tuple, list)):
        return len(one) == len(other) and all(map(_alike, one, other))
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(_alike(v, other[k]) for k, v in one.items())
    if is_dataclass(one):
        return all(_alike(getattr(one, f.name), getattr(other, f.name)) for f in fields(one))
    return bool(one == other)


def _replace(model: Model, subgraph: Subgraph, chain: Sequence[_Step]) -> None:
    """Puts one recurrence in the place of the steps; `prune` removes what is left of them."""
    first, last, count = chain[0], chain[-1], len(chain)
    build = Builder(first.recurrence.name)
    rows = [step.row for step in chain]
    shape = rows[0].shape or ()
    x = build.op("PACK", rows, rows[0].dtype, (count, *shape), values_count=count, axis=0)
    width = first.recurrence.cell.states[0]
    y = build.tensor("y", x.dtype, (count, shape[0], width))
    finals = [build.tensor(f"final_{k}", t.dtype, t.shape) for k, t in enumerate(last.finals)]
    recurrence = replace(first.recurrence, reverse=False, time_major=True)
    options = {"recurrence": recurrence}
    build.ops.append(Op(RECURRENCE, [x, *first.op.inputs[1:]], [y, *finals], options))
    parts = [build.tensor(f"step_{k}", y.dtype, (shape[0], width)) for k in range(count)]
    build.ops.append(make_op("UNPACK", [y], parts, num=count, axis=0))
    sequences = [
        build.expand_dims(part, 0 if step.recurrence.time_major else 1)
        for part, step in zip(parts, chain, strict=True)
    ]
    steps = {step.op for step in chain}
    subgraph.ops = [op for op in subgraph.ops if op not in steps] + build.ops
    outputs = [step.finals[0] for step in chain]
    between = _read(subgraph, outputs[:-1])
    news = [*zip(outputs, parts, strict=True)]
    news = news if between else news[:-1]
    news += zip((step.op.outputs[0] for step in chain), sequences, strict=True)
    news += zip(last.finals[between:], finals[between:], strict=True)
    for old, new in news:
        replace_uses(model, subgraph, old, new)
    topological_sort(subgraph)


def _read(subgraph: Subgraph, tensors: Sequence[Tensor]) -> bool:
    """Whether anything that is left reads one of the tensors."""
    read = {t for op in subgraph.ops for t in op.inputs} | set(subgraph.outputs)
    return not read.isdisjoint(tensors)
