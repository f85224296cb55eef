"""Numbers off by their last bit."""

from __future__ import annotations

import numpy as np
import pytest

from rnnlite_pipeline.compare.roundings import rounded, rounded_weights
from rnnlite_pipeline.graph.build import Builder
from rnnlite_pipeline.graph.ir import Model, Subgraph, Tensor


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_each_number_is_the_next_one_up_or_down(dtype: type[np.floating]) -> None:
    """Some go up and some down; the last bit of each has changed, and of no number more."""
    numbers = np.random.default_rng(0).normal(size=200).astype(dtype)
    moved = rounded({"x": numbers}, seed=1)["x"]
    up, down = np.nextafter(numbers, dtype(np.inf)), np.nextafter(numbers, dtype(-np.inf))
    assert moved.dtype == dtype
    assert np.all((moved == up) | (moved == down))
    assert np.any(moved == up)
    assert np.any(moved == down)


def test_what_has_no_last_bit_stays() -> None:
    """Zeros, infinities, no numbers, and integers."""
    still = np.array([0.0, -0.0, np.inf, -np.inf, np.nan], np.float32)
    moved = rounded({"x": still, "i": np.arange(4)}, seed=0)
    np.testing.assert_array_equal(moved["x"], still)
    np.testing.assert_array_equal(moved["i"], np.arange(4))


def test_a_seed_is_one_set_of_roundings() -> None:
    """The same seed gives the same numbers, another one others; the given array stays."""
    numbers = np.linspace(1, 2, 50, dtype=np.float32)
    first, same, other = (rounded({"x": numbers}, seed)["x"] for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, same)
    assert not np.array_equal(first, other)
    np.testing.assert_array_equal(numbers, np.linspace(1, 2, 50, dtype=np.float32))


def test_only_the_weights_of_a_copy_are_rounded() -> None:
    """The model itself and its integers stay."""
    build, x = Builder("g"), Tensor("x", "FLOAT32", (2,))
    weights = build.constant("w", np.array([1.0, 2.0], np.float32))
    y = build.gather(build.binary("MUL", x, weights), build.indices([1]))
    model = Model([Subgraph("main", [x], [y], build.ops)])
    moved = rounded_weights(model, seed=0)
    product, gather = moved.main.ops
    assert product.inputs[1] is not None
    assert product.inputs[1].data != weights.data
    assert gather.inputs[1] is not None
    assert gather.inputs[1].data == model.main.ops[1].inputs[1].data  # type: ignore[union-attr]
