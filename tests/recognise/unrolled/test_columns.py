"""The steps of a chain side by side, and the states found by following them backwards."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from rnnlite_pipeline.graph.build import Builder
from rnnlite_pipeline.graph.ir import Subgraph, Tensor
from rnnlite_pipeline.recognise.loop.loop import Unrecognised
from rnnlite_pipeline.recognise.unrolled.chains import Chain, Straight
from rnnlite_pipeline.recognise.unrolled.columns import Column, Columns, Kind, key

STEPS, SHAPE = 3, (1, 2)


class Steps:
    """Three steps h = tanh(W h + x_k), or as `step` says."""

    def __init__(self, step: Callable[[Steps, int, Tensor], Tensor] | None = None) -> None:
        self.build = Builder("g")
        self.inputs = [Tensor(f"x{k}", "FLOAT32", SHAPE) for k in range(STEPS)]
        self.first = Tensor("h", "FLOAT32", SHAPE)
        self.states = [self.first]
        self.parts: dict[str, list[Tensor]] = {}
        for k in range(STEPS):
            self.states.append((step or Steps.plain)(self, k, self.states[-1]))
        graph = Subgraph("g", [self.first, *self.inputs], [self.states[-1]], self.build.ops)
        products = tuple(op for op in graph.ops if op.code == "FULLY_CONNECTED")
        self.chain = Chain(Straight(graph), products)

    def note(self, name: str, tensor: Tensor) -> Tensor:
        """One more step of a column."""
        self.parts.setdefault(name, []).append(tensor)
        return tensor

    def product(self, value: Tensor) -> Tensor:
        """W times the value."""
        weights = self.build.constant("w", np.eye(2, dtype=np.float32))
        out = self.build.op("FULLY_CONNECTED", [value, weights, None], "FLOAT32", SHAPE)
        return self.note("product", out)

    def plain(self, k: int, state: Tensor) -> Tensor:
        """tanh(W h + x_k)."""
        total = self.note("sum", self.build.binary("ADD", self.product(state), self.inputs[k]))
        return self.build.unary("TANH", total)

    def column(self, name: str) -> Column:
        """A column that was noted."""
        return tuple(self.parts[name])


def two_states(steps: Steps, k: int, state: Tensor) -> Tensor:
    """c = c + tanh(W h) beside h = tanh(c) * x."""
    old = (
        steps.parts["c"][-1]
        if "c" in steps.parts
        else steps.note("c", Tensor("c", "FLOAT32", SHAPE))
    )
    new = steps.build.binary("ADD", old, steps.build.unary("TANH", steps.product(state)))
    steps.note("c", new)
    return steps.build.binary("MUL", steps.build.unary("TANH", new), steps.inputs[k])


def test_the_state_that_the_products_read() -> None:
    """Before and after each step; the last one is computed as those before it."""
    steps = Steps()
    ((before, after),) = Columns(steps.chain).states
    assert key(before) == key(tuple(steps.states[:-1]))
    assert key(after) == key(tuple(steps.states[1:]))


def test_a_second_state_is_met_on_the_way() -> None:
    """The one that the products read stands first."""
    steps = Steps(two_states)
    (h, _), (c, after) = Columns(steps.chain).states
    assert key(h) == key(tuple(steps.states[:-1]))
    assert key(c) == key(tuple(steps.parts["c"][:-1]))
    assert key(after) == key(tuple(steps.parts["c"][1:]))


def test_kinds_of_columns() -> None:
    """By how many products each tensor of a column depends on."""
    steps = Steps()
    columns = Columns(steps.chain)
    constants = tuple(op.inputs[1] for op in steps.chain.products)
    assert columns.kind(tuple(t for t in constants if t is not None)) is Kind.SAME
    assert columns.kind((steps.first,) * STEPS) is Kind.SAME
    assert columns.kind(tuple(steps.inputs)) is Kind.OUTSIDE
    assert columns.kind(steps.column("sum")) is Kind.INSIDE
    assert columns.kind(tuple(steps.states[:-1])) is Kind.CARRIED
    with pytest.raises(Unrecognised, match="do not all compute the same"):
        columns.kind((steps.states[0], steps.states[0], steps.states[2]))
    other = [steps.build.constant("w", np.full((2, 2), k, np.float32)) for k in range(STEPS)]
    with pytest.raises(Unrecognised, match="different weights"):
        columns.kind(tuple(other))


def test_the_op_of_a_column() -> None:
    """Alike in every step, or None; its operands are columns."""
    steps = Steps()
    columns = Columns(steps.chain)
    made = columns.op(steps.column("sum"))
    assert made is not None
    assert (made[0].code, made[1]) == ("ADD", 0)
    assert [key(c) for c in columns.inputs(steps.column("sum"))] == [
        key(steps.column("product")),
        key(tuple(steps.inputs)),
    ]
    assert columns.op(tuple(steps.inputs)) is None
    mixed = (steps.parts["sum"][0], steps.parts["product"][1], steps.parts["sum"][2])
    assert columns.op(mixed) is None


def other_op(steps: Steps, k: int, state: Tensor) -> Tensor:
    """The second step applies another function."""
    total = steps.build.binary("ADD", steps.product(state), steps.inputs[k])
    return steps.build.unary("TANH" if k != 1 else "RELU", total)


def other_options(steps: Steps, k: int, state: Tensor) -> Tensor:
    """The second step has another slope."""
    slope: dict[str, Any] = {"alpha": 0.5 if k != 1 else 0.25}
    return steps.build.op("LEAKY_RELU", [steps.product(state)], "FLOAT32", SHAPE, **slope)


def two_back(steps: Steps, k: int, state: Tensor) -> Tensor:
    """Each step also reads the state of two steps before."""
    further = steps.states[max(0, k - 1)]
    return steps.build.binary("ADD", steps.product(state), further)


@pytest.mark.parametrize("step", [other_op, other_options, two_back])
def test_steps_that_are_not_alike_are_refused(step: Callable[[Steps, int, Tensor], Tensor]) -> None:
    """Another op, another option, and a state from further back."""
    with pytest.raises(Unrecognised, match="do not all compute the same"):
        Columns(Steps(step).chain)


def joined(steps: Steps, k: int, state: Tensor) -> Tensor:
    """W [x_k, h], cut to the width of h."""
    both = steps.build.concatenate([steps.inputs[k], state], 1)
    steps.note("both", both)
    weights = steps.build.constant("w", np.ones((2, 4), np.float32))
    out = steps.build.op("FULLY_CONNECTED", [both, weights, None], "FLOAT32", SHAPE)
    return steps.build.unary("TANH", out)


def test_input_and_state_side_by_side_are_no_state() -> None:
    """The state is the part that is carried."""
    steps = Steps(joined)
    ((before, _),) = Columns(steps.chain).states
    assert key(before) == key(tuple(steps.states[:-1]))


def derived(steps: Steps, k: int, state: Tensor) -> Tensor:
    """W [x_k, 2 h, h]: the product reads the state and a function of it."""
    two = steps.build.constant("two", np.full(2, 2.0, np.float32))
    double = steps.build.binary("MUL", state, two)
    both = steps.build.concatenate([steps.inputs[k], double, state], 1)
    weights = steps.build.constant("w", np.ones((2, 6), np.float32))
    out = steps.build.op("FULLY_CONNECTED", [both, weights, None], "FLOAT32", SHAPE)
    return steps.build.unary("TANH", out)


def test_a_function_of_a_state_is_no_state() -> None:
    """2 h is computed from h where it is read."""
    steps = Steps(derived)
    ((before, after),) = Columns(steps.chain).states
    assert key(before) == key(tuple(steps.states[:-1]))
    assert key(after) == key(tuple(steps.states[1:]))
