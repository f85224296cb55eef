"""Random cells, random spellings and random numbers to run them on."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from rnnlite_pipeline.cells.gate import Gate
from rnnlite_pipeline.cells.lstm import Lstm
from rnnlite_pipeline.cells.simple_rnn import SimpleRnn
from rnnlite_pipeline.graph.ir import OPEN, Model
from tests.recognise.spelling import Spelling

Array = NDArray[Any]

GATES = ("input", "forget", "candidate", "output")


def lstm(seed: int = 0, units: int = 3, outputs: int = 0, features: int = 2, **kind: Any) -> Lstm:
    """An LSTM of random float32 weights.

    Args:
        seed: Of the weights.
        units: U.
        outputs: O, where it is projected; 0 for no projection.
        features: F.
        kind: `coupled`, `peephole`, `projection_bias`: whether it has them; `activation` and
            the clips as in `Lstm`.
    """
    random = np.random.default_rng(seed)

    def gate(name: str) -> Gate:
        peeps = kind.get("peephole") and name != "candidate"
        return Gate(
            weights(random, units, features),
            weights(random, units, outputs or units),
            weights(random, units),
            weights(random, units) if peeps else None,
        )

    input_, forget, candidate, output = (gate(name) for name in GATES)
    biased = outputs and kind.get("projection_bias")
    return Lstm(
        None if kind.get("coupled") else input_,
        forget,
        candidate,
        output,
        activation=kind.get("activation", "TANH"),
        projection=weights(random, outputs, units) if outputs else None,
        projection_bias=weights(random, outputs) if biased else None,
        cell_clip=kind.get("cell_clip", 0.0),
        projection_clip=kind.get("projection_clip", 0.0) if outputs else 0.0,
    )


def simple_rnn(
    seed: int = 0, units: int = 3, features: int = 2, activation: str = "TANH"
) -> SimpleRnn:
    """A simple RNN of random float32 weights."""
    random = np.random.default_rng(seed)
    kernel, recurrent = weights(random, units, features), weights(random, units, units)
    return SimpleRnn(kernel, recurrent, weights(random, units), activation)


def weights(random: np.random.Generator, *shape: int) -> Array:
    """Small enough that no recurrence blows a rounding error up."""
    return random.normal(0.0, 0.4, shape).astype(np.float32).astype(np.float64)


@st.composite
def lstms(draw: st.DrawFn, features: int | None = None) -> Lstm:
    """Every variant of the LSTM."""
    coupled, peephole = draw(st.booleans()), draw(st.booleans())
    return lstm(
        draw(st.integers(0, 2**32 - 1)),
        units=draw(st.integers(1, 4)),
        outputs=draw(st.sampled_from([0, 0, 2, 3])),
        features=features or draw(st.integers(1, 3)),
        coupled=coupled,
        peephole=peephole,
        projection_bias=draw(st.booleans()),
        activation=draw(st.sampled_from(["TANH", "TANH", "RELU", "SIGMOID", "RELU6"])),
        cell_clip=draw(st.sampled_from([0.0, 0.5])),
        projection_clip=draw(st.sampled_from([0.0, 0.25])),
    )


@st.composite
def simple_rnns(draw: st.DrawFn, features: int | None = None) -> SimpleRnn:
    """Simple RNNs of every activation."""
    activations = ["TANH", "RELU", "SIGMOID", "RELU6", "RELU_N1_TO_1"]
    return simple_rnn(
        draw(st.integers(0, 2**32 - 1)),
        draw(st.integers(1, 4)),
        features or draw(st.integers(1, 3)),
        draw(st.sampled_from(activations)),
    )


@st.composite
def layers(draw: st.DrawFn) -> list[Lstm | SimpleRnn]:
    """One cell, or two of which the second reads the first."""
    cells: list[Lstm | SimpleRnn] = [draw(st.one_of(lstms(), simple_rnns()))]
    if draw(st.sampled_from([False, False, True])):
        features = cells[0].states[0]
        cells.append(draw(st.one_of(lstms(features), simple_rnns(features))))
    return cells


@st.composite
def spellings(draw: st.DrawFn, cells: list[Lstm | SimpleRnn]) -> Spelling:
    """Every spelling that the cells can have."""
    steps = draw(st.sampled_from([OPEN, 1, 4]))
    peephole = any(isinstance(c, Lstm) and c.forget.peephole is not None for c in cells)
    coupled = ["f,1-f", "g+f(c-g)"] if peephole else ["f,1-f", "g+f(c-g)", "1-i,i"]
    choices: dict[str, list[Any]] = {
        "kernels": ["separate", "joined", "concatenated"],
        "cut": ["split", "slice"],
        "matmul": ["fully_connected", "batch_matmul", "batch_matmul_adj_y"],
        "bias": ["fused", "apart", "forget_apart"],
        "sigmoid": ["op", "op", "tanh"],
        "gates_first": [False, True],
        "coupled": coupled,
        "maximum_first": [False, True],
        "states": ["two", "h|c", "c|h"],
        "counters": [1, 2],
        "read": ["forward", "backward", "countdown"],
        "write": ["forward", "backward", "last"],
        "batch_major": [False, True],
        "trip": ["shape"] if steps == OPEN else ["constant", "shape"],
        "initial": ["zero", "input"],
        "unused": [False, True],
        "carried": ["", "first", "last"],
        "finals": [False, True],
        "batch": [OPEN, 2],
    }
    chosen: dict[str, Any] = {name: draw(st.sampled_from(c)) for name, c in choices.items()}
    order = tuple(draw(st.permutations(GATES)))
    return Spelling(order=order, steps=steps, seed=draw(st.integers(0, 99)), **chosen)


def numbers(model: Model, seed: int = 0, batch: int = 2, steps: int = 4) -> dict[str, Array]:
    """Random float32 inputs of a model."""
    random = np.random.default_rng(seed)
    arrays = {}
    for name, tensor in model.signatures[0].inputs.items():
        sizes = (batch, steps, 0)
        shape = [s if d == OPEN else d for d, s in zip(tensor.shape or (), sizes, strict=False)]
        arrays[name] = random.normal(0.0, 0.7, shape).astype(np.float32)
    return arrays
