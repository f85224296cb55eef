"""A converted call is run on what its function was run on, and compared."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from rnnlite_pipeline.composites.record import Sample
from rnnlite_pipeline.errors import StageError
from rnnlite_pipeline.graph.build import Builder
from rnnlite_pipeline.graph.ir import OPEN, Tensor
from rnnlite_pipeline.resolve.check import distance
from rnnlite_pipeline.resolve.composites import Composite

Array = np.ndarray[Any, Any]

X = np.random.default_rng(0).normal(size=(4, 3)).astype(np.float32)
TWO = Tensor.constant("two", np.array(2, np.float32))


def converted(*factors: float | None) -> Composite:
    """Of operands x and 2: for each factor a result x * 2 * factor; None for no result."""
    build, x = Builder("m"), Tensor("x", "FLOAT32", (OPEN, 3))
    doubled = build.binary("MUL", x, TWO)
    results = [
        None
        if f is None
        else build.binary("MUL", doubled, build.constant("f", np.array(f, np.float32)))
        for f in factors
    ]
    return Composite("n", "layer", "acme", (x, TWO), tuple(build.ops), tuple(results), ())


def sample(function: Callable[[Array], Array], x: Array = X, count: int = 1) -> Sample:
    """What a function gives for x, in each of its results."""
    moved = np.nextafter(x, np.array(np.inf, np.float32))
    return Sample((x, np.zeros(0)), (function(x),) * count, (function(moved),) * count)


def double(x: Array) -> Array:
    """What the function should compute."""
    return 2 * x


def test_a_right_conversion() -> None:
    """It differs by nothing, in every sample."""
    assert distance(converted(1), [sample(double), sample(double, 20 * X)]) == 0


def test_a_wrong_conversion() -> None:
    """The difference is a part of the scale: the worst of all samples and results."""
    assert distance(converted(1.25), [sample(double)]) == pytest.approx(0.25, rel=1e-3)
    assert distance(converted(1, 1.5), [sample(double, count=2)]) == pytest.approx(0.5, rel=1e-3)


def test_a_result_that_nothing_reads() -> None:
    """It is not compared; the others are found by their place."""
    three = Sample((X, None), (5 * X, 2 * X), (5 * X, 2 * X))
    assert distance(converted(None, 1), [three]) == 0


def test_an_operand_that_is_not_read() -> None:
    """The conversion need not take what the function does not use."""
    build, x, h = Builder("m"), *(Tensor(n, "FLOAT32", (OPEN, 3)) for n in "xh")
    y = build.binary("MUL", x, TWO)
    made = Composite("n", "layer", "acme", (h, x), tuple(build.ops), (y,), ())
    assert distance(made, [Sample((X + 9, X), (2 * X,), (2 * X,))]) == 0


def test_one_tensor_for_two_results() -> None:
    """Each of them is compared."""
    build, x = Builder("m"), Tensor("x", "FLOAT32", (OPEN, 3))
    y = build.binary("MUL", x, TWO)
    made = Composite("n", "layer", "acme", (x,), tuple(build.ops), (y, y), ())
    right = Sample((X,), (2 * X, 2 * X), (2 * X, 2 * X))
    wrong = Sample((X,), (2 * X, 3 * X), (2 * X, 3 * X))
    assert distance(made, [right]) == 0
    assert distance(made, [wrong]) > 0.1


def test_what_roundings_move_proves_nothing() -> None:
    """A result that is firm in no sample is infinitely far, equal or not."""
    x = np.full((4, 3), 1e30, np.float32)
    assert distance(converted(1), [sample(double, x)]) == float("inf")
    assert distance(converted(1), [sample(double, x), sample(double)]) == 0
    assert distance(converted(1), []) == float("inf")


def test_a_result_of_another_shape() -> None:
    """It is infinitely far."""
    wrong = Sample((X, None), (2 * X[:2],), (2 * X[:2],))
    assert distance(converted(1), [wrong]) == float("inf")


def test_a_state_that_leaks() -> None:
    """The second call counts as well as the first."""
    build, x = Builder("m"), Tensor("x", "FLOAT32", (1, 1, 3))
    state = Tensor("state", "FLOAT32", (1, 3), is_variable=True)
    eye, zero = np.eye(3, dtype=np.float32), np.zeros(3, np.float32)
    weights = [build.constant(n, a) for n, a in (("w", eye), ("r", eye), ("b", zero))]
    options: dict[str, Any] = {"time_major": True, "fused_activation_function": "RELU"}
    operands = [x, *weights, state]
    y = build.op("UNIDIRECTIONAL_SEQUENCE_RNN", operands, "FLOAT32", (1, 1, 3), **options)
    made = Composite("n", "layer", "acme", (x,), tuple(build.ops), (y,), ())
    ones = np.ones((1, 1, 3), np.float32)
    assert distance(made, [Sample((ones,), (ones,), (ones,))]) == pytest.approx(1.0)


def test_what_the_runtime_cannot_run() -> None:
    """The runtime's own error says so."""
    made = converted(1)
    made.ops[0].version = 99
    with pytest.raises(StageError):
        distance(made, [sample(double)])
