"""Small graphs with a recurrence between x and y, and what an application does with states."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence

import numpy as np

from rnnlite_pipeline.cells.cell import Cell
from rnnlite_pipeline.cells.recurrence import RECURRENCE, Array, Recurrence
from rnnlite_pipeline.graph.ir import OPEN, Model, Op, Signature, Subgraph, Tensor
from rnnlite_pipeline.graph.write import write_model
from rnnlite_pipeline.lower import lower
from rnnlite_pipeline.runtimes.interpreter import Kernels, Runner
from rnnlite_pipeline.state import Keeping, described
from rnnlite_pipeline.verify.application import Started

FEATURES = 3
BATCH = 2


def graph(
    cell: Cell,
    *,
    initial: Sequence[Tensor | None] = (),
    batch: int = BATCH,
    reverse: bool = False,
) -> Model:
    """x [B, T, 3] through a layer "keeper" to y [B, T, O]; the length is open."""
    x = Tensor("x", "FLOAT32", (batch, OPEN, FEATURES))
    y = Tensor("y", "FLOAT32", (batch, OPEN, cell.states[0]))
    finals = [Tensor(f"final_{k}", "FLOAT32", (batch, w)) for k, w in enumerate(cell.states)]
    recurrence = Recurrence("keeper", cell, reverse=reverse, time_major=False)
    op = Op(RECURRENCE, [x, *initial], [y, *finals], {"recurrence": recurrence})
    main = Subgraph("main", [x], [y], [op])
    return Model([main], [Signature("serving_default", main, {"x": x}, {"y": y})])


def converted(model: Model, policy: str) -> Model:
    """The graph with its states as `recurrent.state` asks for, lowered."""
    states = Keeping(policy)
    states.lift(model)
    states.expose(model)
    lower(model)
    states.conclude(model)
    return model


def opened(model: Model, kernels: Kernels = "default") -> Started:
    """The model, as an application runs it."""
    return Started(Runner(write_model(model), kernels), described(model))


def in_pieces(model: Started, x: Array, lengths: Sequence[int]) -> Array:
    """y of x [B, T, F] fed in pieces of so many steps, joined."""
    pieces: list[Mapping[str, Array]] = []
    for start, stop in itertools.pairwise([0, *itertools.accumulate(lengths)]):
        run = model.resume if pieces else model.run
        pieces.append(run({"x": x[:, start:stop]}))
    return np.concatenate([piece["y"] for piece in pieces], axis=1)


def sequence(seed: int = 0, steps: int = 7, batch: int = BATCH) -> Array:
    """Random x [B, T, F]."""
    return np.random.default_rng(seed).normal(size=(batch, steps, FEATURES)).astype(np.float32)
