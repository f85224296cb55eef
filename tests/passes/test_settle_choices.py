"""Dropout that drops nothing goes; dropout that is on stays."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import TypeAlias

import numpy as np
import pytest

from rnnlite_pipeline.compare.validation import objection
from rnnlite_pipeline.graph.build import Builder
from rnnlite_pipeline.graph.ir import OPEN, Model, Tensor
from rnnlite_pipeline.lower import lower
from rnnlite_pipeline.passes.settle_choices import settle_choices
from rnnlite_pipeline.passes.tensor_lists import tensor_lists_to_tensors
from rnnlite_pipeline.recognise import recognise
from tests.passes.sequences import Graph, changed_alike, counts
from tests.recognise.alike import check_alike
from tests.recognise.author import Author
from tests.recognise.spelling import Spelling
from tests.recognise.strategies import lstm

#: x with dropout, given what builds the graph.
Dropout: TypeAlias = Callable[[Builder, Tensor], Tensor]


def number(build: Builder, value: float) -> Tensor:
    """A float32 scalar."""
    return build.constant("number", np.full((), value, np.float32))


def uniform(build: Builder, x: Tensor) -> Tensor:
    """Numbers from [0, 1) in the shape of x."""
    return build.op("RANDOM_UNIFORM", [build.shape(x)], "FLOAT32", x.shape or ())


def compared(code: str, threshold: float, version: str = "SELECT_V2") -> Dropout:
    """As TensorFlow 2 writes it: select(u >= rate, x, 0)."""

    def dropout(build: Builder, x: Tensor) -> Tensor:
        keep = build.binary(code, uniform(build, x), number(build, threshold))
        zero = number(build, 0.0) if version == "SELECT_V2" else build.unary("ZEROS_LIKE", x)
        kept = [x, zero] if code.startswith("GREATER") else [zero, x]
        return build.op(version, [keep, *kept], "FLOAT32", x.shape or ())

    return dropout


def floored(keep: float) -> Dropout:
    """As TensorFlow 1 writes it: x * floor(keep_prob + u)."""

    def dropout(build: Builder, x: Tensor) -> Tensor:
        total = build.binary("ADD", number(build, keep), uniform(build, x))
        return build.binary("MUL", x, build.unary("FLOOR", total))

    return dropout


def cast(rate: float) -> Dropout:
    """As versions between do: x * cast of u >= rate."""

    def dropout(build: Builder, x: Tensor) -> Tensor:
        keep = build.binary("GREATER_EQUAL", uniform(build, x), number(build, rate))
        return build.binary("MUL", x, build.op("CAST", [keep], "FLOAT32", x.shape or ()))

    return dropout


OFF = [
    compared("GREATER_EQUAL", 0.0),
    compared("GREATER_EQUAL", 0.0, "SELECT"),
    compared("LESS", 0.0),
    compared("GREATER", -0.5),
    floored(1.0),
    cast(0.0),
]

ON = [
    compared("GREATER_EQUAL", 0.1),
    compared("GREATER", 0.0),
    compared("LESS", 0.999),
    floored(0.9),
    floored(1.0 + 2.0**-23),
    cast(1e-6),
]


class DropsOut(Author):
    """Dropout on what a step reads and on what it puts out."""

    dropout: Dropout

    def read(self, sequence: Tensor) -> Tensor:
        """x[t] with dropout."""
        return type(self).dropout(self.body, super().read(sequence))

    def item(self, states: list[Tensor]) -> Tensor:
        """The output with dropout."""
        return type(self).dropout(self.body, states[0])


def loop_with(dropout: Dropout) -> Model:
    """An LSTM whose steps drop out."""
    made = type("Made", (DropsOut,), {"dropout": staticmethod(dropout)})
    author: Author = made([lstm(4)], Spelling())
    return author.model()


@pytest.mark.parametrize("dropout", OFF)
def test_dropout_that_is_off(dropout: Dropout) -> None:
    """The numbers stay, and nothing is random any more."""
    graph = Graph()
    model = graph.model(graph.unary("TANH", dropout(graph, graph.x)))
    assert changed_alike(model, settle_choices) == {"TANH": 1}


@pytest.mark.parametrize("dropout", ON)
def test_dropout_that_is_on(dropout: Dropout) -> None:
    """A choice that can come out either way stays as it is."""
    graph = Graph()
    model = graph.model(graph.unary("TANH", dropout(graph, graph.x)))
    before = counts(model)
    assert not settle_choices(model)
    assert counts(model) == before


def test_operand_of_another_shape_stays() -> None:
    """A product with ones that makes its operand larger is not the operand."""
    graph = Graph()
    ones = graph.unary("FLOOR", graph.binary("ADD", number(graph, 1.0), uniform(graph, graph.x)))
    row = graph.op("MEAN", [graph.x, graph.indices([1])], "FLOAT32", (OPEN, 1, 3), keep_dims=True)
    model = graph.model(graph.op("MUL", [row, ones], "FLOAT32", (OPEN, OPEN, 3)))
    assert changed_alike(model, settle_choices)["MUL"] == 1


@pytest.mark.parametrize("dropout", OFF)
def test_loops_with_dropout_off_fuse(dropout: Dropout) -> None:
    """The loop is one fused op, and computes what the loop did."""
    model = loop_with(dropout)
    loop = copy.deepcopy(model)
    tensor_lists_to_tensors(loop)
    assert settle_choices(model)
    (finding,) = recognise(model, objection)
    assert not finding.reason, finding.reason
    lower(model)
    assert counts(model)["UNIDIRECTIONAL_SEQUENCE_LSTM"] == 1
    check_alike(loop, model)


@pytest.mark.parametrize("dropout", ON)
def test_loops_with_dropout_on_stay(dropout: Dropout) -> None:
    """A loop that draws what it drops stays, and the reason says so."""
    model = loop_with(dropout)
    assert not settle_choices(model)
    (finding,) = recognise(model, objection)
    assert "draws random numbers" in finding.reason
