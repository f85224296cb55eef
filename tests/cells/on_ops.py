"""A cell's step as the ops of a loop's body, and what every named cell is held to."""

from __future__ import annotations

import copy
from dataclasses import dataclass, fields, is_dataclass
from typing import Any

import numpy as np

from rnnlite_pipeline.algebra.functions import ACTIVATION_OPS
from rnnlite_pipeline.algebra.numbers import LAYER_NORM_EPSILON
from rnnlite_pipeline.cells.gate import Gate
from rnnlite_pipeline.cells.named import NamedCell
from rnnlite_pipeline.cells.recurrence import Recurrence
from rnnlite_pipeline.compare.validation import objection
from rnnlite_pipeline.graph.ir import Tensor
from rnnlite_pipeline.graph.write import write_model
from rnnlite_pipeline.lower import lower
from rnnlite_pipeline.passes.tensor_lists import tensor_lists_to_tensors
from rnnlite_pipeline.recognise import recognise
from rnnlite_pipeline.runtimes.interpreter import Runner
from tests.recognise.author import Author
from tests.recognise.spelling import Spelling, Step
from tests.recognise.strategies import numbers

RNG = np.random.default_rng(0)

SPELLINGS = [
    Spelling(),
    Spelling(batch=2, steps=4, trip="constant", seed=1, matmul="batch_matmul"),
    Spelling(sigmoid="tanh", seed=2, read="backward", write="backward", initial="input"),
]


@dataclass(frozen=True)
class Value:
    """A tensor of the body, with the operators of an algebra's values."""

    step: OpsStep
    tensor: Tensor

    def __add__(self, other: Value) -> Value:
        return Value(self.step, self.step.add(self.tensor, other.tensor))

    def __sub__(self, other: Value) -> Value:
        return Value(self.step, self.step.build.binary("SUB", self.tensor, other.tensor))

    def __mul__(self, other: Value) -> Value:
        return Value(self.step, self.step.times(self.tensor, other.tensor))


@dataclass
class Ops:
    """The algebra of ops."""

    step: OpsStep

    @property
    def one(self) -> Value:
        """1."""
        return Value(self.step, self.step.constant(1.0))

    def times(self, value: Value, matrix: Any, _name: str) -> Value:
        """A product."""
        return Value(self.step, self.step.product(value.tensor, matrix))

    def scaled(self, value: Value, diagonal: Any, _name: str) -> Value:
        """A diagonal."""
        return value * Value(self.step, self.step.constant(diagonal))

    def shifted(self, value: Value, bias: Any, _name: str) -> Value:
        """A bias."""
        return value + Value(self.step, self.step.constant(bias))

    def normalized(self, value: Value, scale: Any, name: str) -> Value:
        """A layer norm."""
        build, axes = self.step.build, self.step.build.indices([1])
        shape = ((value.tensor.shape or ())[0], 1)

        def mean(z: Value) -> Value:
            made = build.op("MEAN", [z.tensor, axes], "FLOAT32", shape, keep_dims=True)
            return Value(self.step, made)

        deviation = value - mean(value)
        epsilon = Value(self.step, self.step.constant(LAYER_NORM_EPSILON))
        root = build.unary("RSQRT", (mean(deviation * deviation) + epsilon).tensor)
        return self.scaled(deviation * Value(self.step, root), scale, name)

    def activation(self, function: str, value: Value) -> Value:
        """An op; the sigmoid as the spelling has it."""
        if function == "NONE":
            return value
        if function == "SIGMOID":
            return Value(self.step, self.step.sigmoid(value.tensor))
        made = self.step.build.unary(ACTIVATION_OPS[function], value.tensor)
        return Value(self.step, made)

    def clip(self, value: Value, bound: float) -> Value:
        """Two ops."""
        return Value(self.step, self.step.clipped(value.tensor, bound))

    def let(self, _name: str, value: Value, _called: str) -> Value:
        """The value itself."""
        return value

    def new(self, _k: int, _name: str, value: Value, _called: str) -> Value:
        """The value itself."""
        return value


class OpsStep(Step):
    """Writes one step of any named cell."""

    def write(self, cell: NamedCell, x: Tensor, states: list[Tensor]) -> list[Tensor]:
        """The new states."""
        given = (Value(self, tensor) for tensor in (x, *states))
        return [value.tensor for value in cell.over(Ops(self), *given)]


class Doubled(OpsStep):
    """A step of one state, whose new state is half of the cell's."""

    def write(self, cell: NamedCell, x: Tensor, states: list[Tensor]) -> list[Tensor]:
        """0.5 h'."""
        (h,) = super().write(cell, x, states)
        return [self.times(self.constant(0.5), h)]


def gate(features: int = 3, units: int = 4, **parts: Any) -> Gate:
    """Random weights."""
    shapes = ((units, features), (units, units), (units,))
    return Gate(*(RNG.normal(0, 0.6, shape) for shape in shapes), **parts)


def check_cell(cell: NamedCell, spelling: Spelling, step: type[OpsStep] = OpsStep) -> None:
    """Its loop is read as it, with its weights, and becomes ops that compute what it computes."""
    model = Author([cell], spelling, step).model()  # type: ignore[list-item]
    loop = copy.deepcopy(model)
    tensor_lists_to_tensors(loop)
    (finding,) = recognise(model, objection)
    assert not finding.reason, finding.reason
    (recurrence,) = finding.recurrences
    assert type(recurrence.cell) is type(cell)
    check_same_weights(recurrence.cell, cell)
    lower(model)
    arrays = numbers(model)
    expected = Runner(write_model(loop), "reference").run(arrays)
    for name, values in Runner(write_model(model), "default").run(arrays).items():
        np.testing.assert_allclose(values, expected[name], rtol=0, atol=2e-5, err_msg=name)


def check_same_weights(found: Any, cell: Any) -> None:
    """Every field of both, gate by gate, to the precision of float32."""
    for field in fields(cell):
        a, b = getattr(found, field.name), getattr(cell, field.name)
        if is_dataclass(b):
            check_same_weights(a, b)
        elif isinstance(b, np.ndarray):
            np.testing.assert_allclose(a, b, atol=1e-6, err_msg=field.name)
        else:
            assert a == b, field.name


def check_equations(cell: NamedCell) -> None:
    """The step on numbers and the step by its equations are one step."""
    x = RNG.normal(size=(5, cell.features))
    states = [RNG.normal(size=(5, width)) for width in cell.states]
    by_equations = cell.equations().step(x, states)
    for got, want in zip(by_equations, cell.step(x, states), strict=True):
        np.testing.assert_allclose(got, want, atol=1e-12)


def read_as(cell: NamedCell, step: type[OpsStep] = OpsStep) -> tuple[str, str]:
    """What the one recurrence of its loop is called, and why it has no fused op."""
    model = Author([cell], Spelling(), step).model()  # type: ignore[list-item]
    (finding,) = recognise(model, objection)
    (recurrence,) = finding.recurrences
    return recurrence.cell.kind, recurrence.cell.reason


def run(cell: NamedCell, x: Any, h: Any) -> Any:
    """What the cell puts out over x [T, B, F] from h [B, U]."""
    return Recurrence("", cell).run(x, [h])[0]
