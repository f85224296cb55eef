"""Calibration on inputs that are tiny, all zero or huge: biases and sums must not overflow."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from rnnlite_pipeline.algebra.atoms import Symbol
from rnnlite_pipeline.algebra.forms import Form, symbol
from rnnlite_pipeline.cells.cell import Cell, Equations
from rnnlite_pipeline.cells.equations import substituted
from rnnlite_pipeline.cells.lstm import Lstm
from rnnlite_pipeline.cells.simple_rnn import SimpleRnn
from rnnlite_pipeline.cells.symbols import INPUT
from rnnlite_pipeline.graph.build import Builder, make_op
from rnnlite_pipeline.graph.ir import NUMPY, Model, Signature, Subgraph, Tensor
from rnnlite_pipeline.graph.write import write_model
from rnnlite_pipeline.lower import lower
from rnnlite_pipeline.quantize.full_integer import rewrite
from rnnlite_pipeline.quantize.outcome import Outcome
from rnnlite_pipeline.quantize.ranges import measure
from rnnlite_pipeline.quantize.skip import Skip
from rnnlite_pipeline.runtimes.interpreter import Runner
from tests.lower.cases import Case, random_lstm, random_rnn
from tests.lower.loop_cases import gru
from tests.quantize.author import KERNELS, Array, db

#: F features, U units, T steps.
F, U, T = 6, 12, 10

#: The least signal-to-noise ratio in dB.
LEAST = 20.0

#: How large inputs are; 0 is all zeros.
SIZES = (0.0, 1e-30, 1e-6, 1e-3, 1e3, 1e6, 1e20)

#: What saturates every gate.
HUGE = (1e3, 1e6, 1e20)

CELLS: dict[str, Callable[[np.random.Generator], Cell]] = {
    "LSTM": lambda rng: random_lstm(rng, F, U),
    "normalized LSTM": lambda rng: random_lstm(rng, F, U, layer_norm=True),
    "projected LSTM": lambda rng: random_lstm(rng, F, U, outputs=5, projection_bias=True),
    "GRU": lambda rng: gru(rng, F, U),
    "simple RNN": lambda rng: random_rnn(rng, F, U),
}


def signed(model: Model) -> Model:
    """The model with its ports named."""
    ports = ({t.name: t for t in side} for side in (model.main.inputs, model.main.outputs))
    model.signatures = [Signature("main", model.main, *ports)]
    return model


def quantized(
    model: Model, size: float, scheme: str = "int8", mean: float = 0.0
) -> tuple[Model, list[Outcome], dict[str, Array]]:
    """The model in integers, what became of its ops, and one of the calibration samples."""
    rng = np.random.default_rng(1)
    (x,) = model.main.inputs
    shape = [n if n != -1 else (8, T)[k] for k, n in enumerate(x.shape or ())]
    data = [{x.name: (rng.normal(mean, size=shape) * size).astype(np.float32)} for _ in range(4)]
    made = copy.deepcopy(signed(model))
    return made, rewrite(made, scheme, measure(made, iter(data)), Skip()), data[0]


def check(model: Model, size: float, scheme: str = "int8", mean: float = 0.0) -> list[Outcome]:
    """In integers it says what the float model says; every bias is below its dtype's end."""
    made, outcomes, given = quantized(model, size, scheme, mean)
    for op in made.ops():
        for tensor in op.inputs:
            if tensor is not None and tensor.dtype in ("INT32", "INT64") and tensor.quantization:
                assert tensor.array is not None
                limits = np.iinfo(NUMPY[tensor.dtype])
                assert np.abs(tensor.array.astype(float)).max() < limits.max / 1.9
    want = Runner(write_model(model), "reference").run(given)
    for kernels in KERNELS:
        runner = Runner(write_model(made), kernels)
        first, second = runner.run(given), runner.run(given)
        for name, values in want.items():
            np.testing.assert_array_equal(first[name], second[name])
            assert db(values, first[name]) > LEAST, (kernels, outcomes)
    return outcomes


def loop_or_op(cell: Cell) -> Model:
    """A layer as int8 has it."""
    model = Case((cell,), time_major=False, outputs="y").model()
    lower(model, "auto", integers=True)
    return model


def read_as(cell: Cell, kernel: Callable[[Array], Array]) -> Cell:
    """The cell with another kernel for x in place of each of its own."""
    if isinstance(cell, Lstm):
        gates = {n: getattr(cell, n) for n in ("input", "forget", "candidate", "output")}
        return replace(cell, **{n: replace(g, kernel=kernel(g.kernel)) for n, g in gates.items()})
    if isinstance(cell, SimpleRnn):
        return replace(cell, kernel=kernel(cell.kernel))
    assert isinstance(cell, Equations)
    x = symbol(INPUT, F)

    def read(s: Symbol) -> Form:
        mapped = x @ kernel(np.eye(F))
        return mapped if s.name == INPUT else symbol(s.name, U).columns(s.start, s.stop)

    return replace(cell, updates=tuple(substituted(update, read) for update in cell.updates))


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", CELLS)
def test_recurrences_of_any_input_size(name: str, size: float) -> None:
    """Every cell is near the float one, and where it stays float its outcome says why.

    Its weights are so much smaller as its input is larger, as behind a training.
    """
    cell = read_as(CELLS[name](np.random.default_rng(0)), lambda kernel: kernel / max(size, 1.0))
    for outcome in check(loop_or_op(cell), size):
        assert outcome.became == "int8" or outcome.reason


@pytest.mark.parametrize("size", HUGE)
@pytest.mark.parametrize("name", ["LSTM", "projected LSTM", "simple RNN"])
def test_sums_far_beyond_saturation_do_not_wrap(name: str, size: float) -> None:
    """Gates that large inputs saturate, all features pulling one way, stay saturated."""
    cell = read_as(
        CELLS[name](np.random.default_rng(0)),
        lambda kernel: np.sign(kernel[:, :1]) * (0.3 + np.abs(kernel)),
    )
    check(loop_or_op(cell), size, mean=4.0)


def dense(kernel: Array, bias: Array | None, then: str = "") -> Model:
    """x [B, T, F] by one FULLY_CONNECTED, and perhaps an op that cancels it."""
    build, x = Builder("dense"), Tensor("x", "FLOAT32", (-1, T, F))
    constants = [None if a is None else build.constant(n, a.astype(np.float32)) for n, a in
                 (("kernel", kernel), ("bias", bias))]  # fmt: skip
    y = Tensor("dense", "FLOAT32", (-1, T, len(kernel)))
    build.ops.append(make_op("FULLY_CONNECTED", [x, *constants], [y], keep_num_dims=True))
    outputs = [y, build.binary(then, y, y)] if then else [y]
    return Model([Subgraph("main", [x], outputs, build.ops)], [])


@pytest.mark.parametrize("scheme", ["int8", "int16x8"])
@pytest.mark.parametrize("size", SIZES[:-1])
def test_products_of_any_input_size(size: float, scheme: str) -> None:
    """A dense layer with biases from 1e-3 to 1e3 is near the float one."""
    rng = np.random.default_rng(0)
    bias = 10.0 ** np.linspace(-3, 3, U)
    check(dense(rng.normal(0, 0.5, (U, F)), bias), size, scheme)


@pytest.mark.parametrize("then", ["", "SUB", "MUL"])
@pytest.mark.parametrize("bias", [None, 1.0])
def test_what_cancels_is_zero(bias: float | None, then: str) -> None:
    """Weights of 0, and differences of equals, end no process, and give what they give in float."""
    model = dense(np.zeros((U, F)), None if bias is None else np.full(U, bias), then)
    made, _, given = quantized(model, 400.0)
    want = Runner(write_model(model)).run(given)
    for kernels in KERNELS:
        found = Runner(write_model(made), kernels).run(given)
        for name, expected in want.items():
            np.testing.assert_allclose(found[name], expected, atol=1e-2)


def test_an_lstm_that_integers_would_silence_stays_float() -> None:
    """Without biases, inputs of 1e-6 are far below a step of the op's gates, and it says so."""
    cell = random_lstm(np.random.default_rng(0), F, U)
    gates = {n: getattr(cell, n) for n in ("input", "forget", "candidate", "output")}
    quiet = replace(cell, **{n: replace(g, bias=np.zeros(U)) for n, g in gates.items()})
    outcomes = check(loop_or_op(quiet), 1e-6)
    (outcome,) = (o for o in outcomes if o.op == "UNIDIRECTIONAL_SEQUENCE_LSTM")
    assert outcome.became == "int8 weights"
    assert "its cell state stays below" in outcome.reason
