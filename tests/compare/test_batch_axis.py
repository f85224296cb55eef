"""The batch's axis is found by what a batch is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from rnnlite_pipeline.compare.batch_axis import Axes, Run, batch_axes
from rnnlite_pipeline.sources.model import TensorSpec

Array = NDArray[Any]


def spec(name: str, *shape: int | None) -> TensorSpec:
    """A float input."""
    return TensorSpec(name, "float32", shape)


def recurrent(axis: int, emit: str = "all") -> Run:
    """h' = tanh(x + h), over time along the other axis than the batch's; `h` is a first state."""

    def run(arrays: Mapping[str, Array]) -> dict[str, Array]:
        x = np.moveaxis(arrays["x"], axis, 0)
        h, steps = np.zeros_like(x[:, 0]), []
        if "h" in arrays:
            h = h + arrays["h"]
            assert arrays["h"].shape == h.shape
        for t in range(x.shape[1]):
            h = np.tanh(x[:, t] + h)
            steps.append(h)
        y = np.moveaxis(np.stack(steps, 1), 0, axis)
        return {"y": y if emit == "all" else h, "constant": np.ones(3)}

    return run


X = spec("x", None, None, 2)


@pytest.mark.parametrize(
    ("inputs", "axis", "emit", "found"),
    [
        ([X], 0, "all", Axes({"x": 0}, {"y": 0, "constant": 0})),
        ([X], 1, "all", Axes({"x": 1}, {"y": 1, "constant": 0})),
        ([X], 1, "last", Axes({"x": 1}, {"y": 0, "constant": 0})),
        ([X, spec("h", None, 2)], 1, "all", Axes({"x": 1, "h": 0}, {"y": 1, "constant": 0})),
        ([X, spec("h", None, 2)], 0, "all", Axes({"x": 0, "h": 0}, {"y": 0, "constant": 0})),
        ([spec("x", 1, None, 2)], 0, "all", Axes()),
        ([spec("x", 3, None, 2)], 0, "all", Axes()),
        ([spec("x", 5, None, 2)], 1, "all", Axes({"x": 1}, {"y": 1, "constant": 0})),
        ([spec("x", None, 5, 2)], 0, "all", Axes()),
    ],
)
def test_entries_of_a_batch_do_not_know_of_each_other(
    inputs: list[TensorSpec], axis: int, emit: str, found: Axes
) -> None:
    """Time-major sequences, a state beside them, last steps only; what is closed needs no test."""
    assert batch_axes(inputs, recurrent(axis, emit), {}) == found


def test_states_of_layers_stacked() -> None:
    """Beside tokens [B, 6], states [layers, 2, B, U] have the batch where only one axis is open."""

    def run(arrays: Mapping[str, Array]) -> dict[str, Array]:
        state = np.tanh(arrays["state"] + arrays["ids"].sum(1)[:, None])
        return {"p": state[-1, 0] @ np.ones((2, 3)), "after": state}

    inputs = [TensorSpec("ids", "int32", (None, 6)), spec("state", 2, 2, None, 2)]
    assert batch_axes(inputs, run, {}) == Axes({"ids": 0, "state": 2}, {"p": 0, "after": 2})


def test_a_model_that_mixes_everything_has_the_usual_axes() -> None:
    """Where no axis is a batch, the first one is taken for it."""
    assert batch_axes([X], lambda a: {"y": a["x"] - a["x"].mean()}, {}) == Axes()


def test_a_run_takes_and_gives_the_batch_in_front() -> None:
    """What is [T, B, F] to the model is [B, T, F] to its caller."""
    axes = Axes({"x": 1}, {"y": 1})
    x = np.random.default_rng(0).normal(size=(3, 5, 2))
    swapped = recurrent(1)({"x": np.moveaxis(x, 0, 1)})["y"]
    result = axes.running(recurrent(1))({"x": x})["y"]
    assert np.array_equal(result, np.moveaxis(swapped, 1, 0))
    assert axes.batch_first([spec("x", 7, None, 2)])[0].shape == (None, 7, 2)
