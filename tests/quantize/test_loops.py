"""Loops in integers: every cell, long sequences, slow states, and the same on TFLM."""

from __future__ import annotations

import copy
import importlib.util
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from rnnlite_pipeline.algebra.forms import Form, apply, constant
from rnnlite_pipeline.cells.cell import Cell
from rnnlite_pipeline.graph.extract import with_called
from rnnlite_pipeline.graph.ir import Model, Signature
from rnnlite_pipeline.graph.write import write_model
from rnnlite_pipeline.lower import choice, lower
from rnnlite_pipeline.quantize.full_integer import rewrite
from rnnlite_pipeline.quantize.ranges import measure
from rnnlite_pipeline.quantize.skip import SKIPPED, Skip
from rnnlite_pipeline.runtimes.interpreter import Runner
from rnnlite_pipeline.runtimes.micro import MicroRunner
from tests.lower.cases import Case, random_lstm, random_rnn
from tests.lower.loop_cases import gru, hard_lstm, masked, one_state
from tests.quantize.author import KERNELS, Array, db, run

#: F features, U units.
SIZES = (6, 24)

CELLS: dict[str, Callable[[np.random.Generator], Cell]] = {
    "GRU": lambda rng: gru(rng, *SIZES),
    "GRU reset before": lambda rng: gru(rng, *SIZES, reset_after=False),
    "masked GRU": lambda rng: masked(gru(rng, *SIZES)),
    "simple RNN": lambda rng: random_rnn(rng, *SIZES),
    "hard sigmoid LSTM": lambda rng: hard_lstm(rng, *SIZES),
    "LSTM": lambda rng: random_lstm(rng, *SIZES),
    "peephole LSTM": lambda rng: random_lstm(rng, *SIZES, peephole=True, cell_clip=1.0),
    "normalized LSTM": lambda rng: random_lstm(rng, *SIZES, layer_norm=True, outputs=7),
}

#: The least signal-to-noise ratio in dB, over 60 steps; the fused int8 LSTM op has some 30.
LEAST = {"int8": 25.0, "int16x8": 30.0}


def model_of(case: Case, form: choice.Form = "loop", *, micro: bool = False) -> Model:
    """A case lowered, for integers or for TFLM, with a signature."""
    model = case.model()
    lower(model, form, integers=not micro, targets=("tflm",) if micro else ())
    main = model.main
    ports = ({t.name: t for t in side} for side in (main.inputs, main.outputs))
    model.signatures = [Signature("main", main, *ports)]
    return model


def feed(model: Model, seed: int, batch: int, steps: int) -> dict[str, Array]:
    """Sequences that vary slowly, batch-major, a tenth of them masked; states at random."""
    rng = np.random.default_rng(seed)
    made: dict[str, Array] = {}
    for tensor in model.main.inputs:
        *lead, width = tensor.shape or ()
        noise = rng.normal(size=(batch, steps, width) if len(lead) > 1 else (batch, width))
        if len(lead) > 1:
            noise = np.sum([np.roll(noise, k, 1) for k in range(4)], 0)
            noise[..., -1] *= rng.random((batch, steps)) > 0.1
        made[tensor.name] = noise.astype(np.float32)
    return made


def integers(model: Model, scheme: str, steps: int = 60, batch: int = 16, **how: Any) -> Any:
    """A copy by the scheme, and what became of its ops."""
    made = copy.deepcopy(model)
    data = (feed(model, 1000 + k, batch, steps) for k in range(64 // batch))
    return made, rewrite(made, scheme, measure(made, data), how.pop("skip", Skip()), **how)


def check(model: Model, made: Model, least: float, steps: int, batches: tuple[int, ...]) -> None:
    """Every output is near the float model's on every set of kernels, and the same twice."""
    expected = Runner(write_model(model), "reference")
    for kernels in KERNELS:
        runner = Runner(write_model(made), kernels)
        for batch in batches:
            given = feed(model, batch, batch, steps)
            want = expected.run(given)
            first, second = run(runner, made, given), run(runner, made, given)
            for name in want:
                np.testing.assert_array_equal(first[name], second[name])
                assert db(want[name], first[name]) > least, (kernels, batch, name)


@pytest.mark.parametrize("scheme", LEAST)
@pytest.mark.parametrize("name", CELLS)
def test_every_cell_computes_in_integers(name: str, scheme: str) -> None:
    """Near the float model at batches of 1, 3 and 17, from states at random, in reverse too."""
    for reverse in (False, True):
        cell = CELLS[name](np.random.default_rng(0))
        case = Case((cell,), reverse=reverse, time_major=False, initial=("input",) * 2)
        model = model_of(case)
        made, outcomes = integers(model, scheme)
        floats = {o.op for o in outcomes if o.became == "float32"}
        assert floats <= {"RSQRT", "GATHER", "BROADCAST_TO", "STRIDED_SLICE"}
        check(model, made, LEAST[scheme], 60, (1, 3, 17))


@pytest.mark.parametrize("open_steps", [False, True])
def test_long_sequences(open_steps: bool) -> None:
    """2,000 steps, three loops deep, are as near as 60: errors do not add up."""
    case = Case(
        (CELLS["GRU"](np.random.default_rng(0)),),
        time_major=False,
        steps=2000,
        open_steps=open_steps,
    )
    model = model_of(case)
    made, _ = integers(model, "int8", steps=2000)
    check(model, made, LEAST["int8"], 2000, (1, 3))


def test_a_slow_state_does_not_stand_still() -> None:
    """An average over 1,000 steps is followed: in int8 each step of it would round to nothing."""
    rng = np.random.default_rng(0)

    def update(x: Form, h: Form) -> Form:
        keep = apply("LOGISTIC", h @ np.zeros((4, 4)) + constant(np.full(4, np.log(999.0))))
        candidate = apply("TANH", x @ rng.normal(0, 0.5, (6, 4)) + h @ np.zeros((4, 4)))
        return keep * h + candidate - keep * candidate

    model = model_of(Case((one_state(6, 4, update),), time_major=False, initial=("input",)))
    made, _ = integers(model, "int8", steps=3000)
    given = feed(model, 1, 2, 3000)
    given["initial0"] = np.full((2, 4), 0.9, np.float32)
    want, got = Runner(write_model(model)).run(given), run(Runner(write_model(made)), made, given)
    assert np.abs(want["final0_0"]).max() < 0.2
    np.testing.assert_allclose(got["final0_0"], want["final0_0"], atol=0.03)


def test_states_are_int16_and_what_steps_compute_too() -> None:
    """The body of an int8 GRU holds no real number; states are int16, sequences int8."""
    made, _ = integers(model_of(Case((CELLS["GRU"](np.random.default_rng(0)),))), "int8")
    (loop,) = (op for op in made.main.ops if op.code == "WHILE")
    inner = with_called([made.main])[1:]
    assert not [t for s in inner for op in s.ops for t in op.outputs if t.dtype == "FLOAT32"]
    assert [t and t.dtype for t in loop.inputs[1:3]] == ["INT16", "INT8"]
    products = [op for s in inner for op in s.ops if op.code == "FULLY_CONNECTED"]
    assert {(op.inputs[0] and op.inputs[0].dtype, op.outputs[0].dtype) for op in products} == {
        ("INT16", "INT16")
    }


def test_what_has_no_integer_op_becomes_a_loop() -> None:
    """Where integers are wanted a simple RNN is a loop, with the reason; a plain LSTM is not."""
    rng = np.random.default_rng(0)
    for cell, initial, form, said in (
        (random_rnn(rng, 3, 4), "none", "loop", "no integer form"),
        (random_lstm(rng, 3, 4, activation="RELU"), "none", "loop", "computes tanh"),
        (random_lstm(rng, 3, 4), "input", "loop", "computed values"),
        (random_lstm(rng, 3, 4), "zeros", "fused", ""),
    ):
        case = Case((cell,), outputs="y", initial=(initial,))  # type: ignore[arg-type]
        (found,) = lower(case.model(), integers=True)
        assert found.form == form
        assert said in found.reason
    (found,) = lower(Case((random_rnn(rng, 3, 4),)).model(), "fused", integers=True)
    assert found.form == "fused"


def test_a_loop_to_skip_stays_float() -> None:
    """Nothing in it is quantized, nor its weights."""
    model = model_of(Case((CELLS["GRU"](np.random.default_rng(0)),)))
    made, outcomes = integers(model, "int8", skip=Skip(["layer0"]))
    assert {o.reason for o in outcomes if o.op == "WHILE"} == {SKIPPED}
    assert not [t for op in made.ops() for t in op.inputs if t and t.dtype in ("INT8", "INT16")]


def test_ranges_inside_are_those_of_the_equations() -> None:
    """What the loop measures of its state is what the specification computes."""
    case = Case((CELLS["simple RNN"](np.random.default_rng(0)),), time_major=False)
    model = model_of(case)
    x = feed(model, 0, 5, 90)
    ranges = measure(model, iter([x]))
    states = case.recurrences[0].run(x["x"])[0]
    (new,) = (op for s in with_called([model.main])[1:] for op in s.ops if op.code == "TANH")
    np.testing.assert_allclose(
        ranges.tensors[new.outputs[0]], (states.min(), states.max()), atol=1e-5
    )


def test_what_micro_lacks_becomes_a_loop() -> None:
    """RNNs, peepholes, projections, norms and coupled gates; a plain LSTM keeps its op."""
    rng = np.random.default_rng(0)
    for cell, form, said in (
        (random_rnn(rng, 3, 4), "loop", "no kernel"),
        (random_lstm(rng, 3, 4, peephole=True), "loop", "a peephole"),
        (random_lstm(rng, 3, 8, layer_norm=True), "loop", "layer normalization"),
        (random_lstm(rng, 3, 4, outputs=2), "loop", "a projection"),
        (random_lstm(rng, 3, 4, coupled=True), "loop", "coupled"),
        (random_lstm(rng, 3, 4), "fused", ""),
    ):
        (found,) = lower(Case((cell,), outputs="y").model(), targets=("tflm",))
        assert found.form == form
        assert said in found.reason
    (found,) = lower(Case((random_rnn(rng, 3, 4),)).model(), "fused")
    assert found.form == "fused"


needs_tflm = pytest.mark.skipif(
    importlib.util.find_spec("tflite_micro") is None, reason="the extra tflm is not installed"
)


@needs_tflm
@pytest.mark.parametrize("scheme", LEAST)
@pytest.mark.parametrize("name", ["GRU", "masked GRU", "simple RNN", "hard sigmoid LSTM"])
def test_tflm_runs_loops_in_integers(name: str, scheme: str) -> None:
    """All ops are there, the numbers are near the float model's, and the same twice."""
    cell = CELLS[name](np.random.default_rng(0))
    closed: dict[str, Any] = {"open_batch": False, "open_steps": False, "batch": 1, "steps": 60}
    model = model_of(Case((cell,), time_major=False, **closed))
    made, _ = integers(model, scheme, batch=1)
    micro, given = MicroRunner(write_model(made)), feed(model, 0, 1, 60)
    first, second = run(micro, made, given), run(micro, made, given)
    micro.close()
    want = Runner(write_model(model)).run(given)
    for port, value in want.items():
        np.testing.assert_array_equal(first[port], second[port])
        assert db(value, first[port]) > LEAST[scheme]


@needs_tflm
@pytest.mark.parametrize("name", CELLS)
def test_tflm_runs_every_cell_in_float(name: str) -> None:
    """Whatever TFLM has no op for, or would ignore, it computes as the source does."""
    cell = CELLS[name](np.random.default_rng(0))
    closed: dict[str, Any] = {"open_batch": False, "open_steps": False, "batch": 1, "steps": 50}
    case = Case((cell,), time_major=False, outputs="y", **closed)
    model = model_of(case, "auto", micro=True)
    micro, given = MicroRunner(write_model(model)), feed(model, 0, 1, 50)
    got = run(micro, model, given)["y0"]
    micro.close()
    np.testing.assert_allclose(got, case.recurrences[0].run(given["x"])[0], atol=1e-4)
