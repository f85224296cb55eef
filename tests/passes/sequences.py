"""Small graphs of recurrences with reversals and transposes around them, and their numbers."""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from rnnlite_pipeline.cells.cell import Cell
from rnnlite_pipeline.cells.recurrence import RECURRENCE, Recurrence
from rnnlite_pipeline.config import Config
from rnnlite_pipeline.graph.build import Builder
from rnnlite_pipeline.graph.edit import prune
from rnnlite_pipeline.graph.ir import OPEN, Model, Op, Subgraph, Tensor
from rnnlite_pipeline.graph.write import write_model
from rnnlite_pipeline.lower import lower
from rnnlite_pipeline.passes.manager import run
from rnnlite_pipeline.runtimes.interpreter import Runner
from rnnlite_pipeline.stages.conversion import FOLDING, Context
from rnnlite_pipeline.state import Keeping
from tests.lower.cases import random_lstm

SWAP = (1, 0, 2)

RNG = np.random.default_rng(0)
CELL, OTHER = random_lstm(RNG, 3, 4), random_lstm(RNG, 3, 4)


@dataclass(frozen=True)
class Settings:
    """What folding, grouping and layout read of a config."""

    time_major: Literal["keep"] | bool = "keep"
    bidirectional: Literal["group", "split"] = "group"


def context(settings: Settings = Settings(), **keys: object) -> Context:
    """What the passes of a conversion know that asks for these settings."""
    values = {
        "name": "test",
        "source": {"format": "keras", "path": "test.keras"},
        "recurrent": {**asdict(settings), **keys},
    }
    config = Config.model_validate(values)
    return Context(config, Keeping(config.recurrent.state))


def run_passes(model: Model, settings: Settings) -> None:
    """Folds, groups and lays out the recurrences of `model`, in place."""
    run(FOLDING, model, context(settings))


class Graph(Builder):
    """A graph under construction, with an input x [B, T, F], B open."""

    def __init__(self, features: int = 3, steps: int = OPEN) -> None:
        super().__init__("test")
        self.x = Tensor("x", "FLOAT32", (OPEN, steps, features))

    def recurrence(
        self, x: Tensor, cell: Cell, name: str = "layer", reverse: bool = False
    ) -> list[Tensor]:
        """A time-major RECURRENCE of x [T, B, F]: y and the final states."""
        steps, batch, _ = x.shape or ()
        outputs = [
            self.tensor("y", "FLOAT32", (steps, batch, cell.states[0])),
            *(self.tensor("final", "FLOAT32", (batch, width)) for width in cell.states),
        ]
        options = {"recurrence": Recurrence(name, cell, reverse)}
        self.ops.append(Op(RECURRENCE, [x, *[None] * len(cell.states)], outputs, options))
        return outputs

    def model(self, *outputs: Tensor) -> Model:
        """The finished graph."""
        for k, tensor in enumerate(outputs):
            tensor.name = f"output{k}"
        return Model([Subgraph("main", [self.x], list(outputs), self.ops)])


def bidirectional(graph: Graph, steps: bool = True) -> list[Tensor]:
    """Both directions as Keras writes them: the backward one reads and writes reversed."""
    x = graph.transpose(graph.x, SWAP)
    forward = graph.recurrence(x, CELL, "forward")[0]
    backward = graph.recurrence(graph.reverse(x, 0), OTHER, "backward")[0]
    if not steps:
        return [graph.step(forward, 0, -1), graph.step(backward, 0, -1)]
    return [graph.transpose(forward, SWAP), graph.reverse(graph.transpose(backward, SWAP), 1)]


def counts(model: Model) -> Counter[str]:
    """How many ops of each code the model has."""
    return Counter(op.code for op in model.ops())


def outputs_of(model: Model, steps: int) -> list[NDArray[Any]]:
    """What the model puts out once lowered, for x of batch 2, in the order of its outputs."""
    lowered = copy.deepcopy(model)
    lower(lowered)
    x = np.random.default_rng(0).normal(size=(2, steps, 3)).astype(np.float32)
    results = Runner(write_model(lowered), "reference").run({"x": x})
    return [results[t.name] for t in lowered.main.outputs]


def changed_alike(model: Model, change: Callable[[Model], object], steps: int = 5) -> Counter[str]:
    """Applies `change`, asserts equal numbers and interface, and counts the ops that are left."""
    before = outputs_of(model, steps)
    interface = [(t.name, t.shape) for t in (*model.main.inputs, *model.main.outputs)]
    change(model)
    prune(model)
    assert [(t.name, t.shape) for t in (*model.main.inputs, *model.main.outputs)] == interface
    for old, new in zip(before, outputs_of(model, steps), strict=True):
        np.testing.assert_allclose(new, old, atol=1e-6)
    return counts(model)
