"""States kept from call to call in integers: int8 and int16x8 models, several calls on end."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest

from rnnlite_pipeline.cells.cell import Cell
from rnnlite_pipeline.cells.recurrence import Array
from rnnlite_pipeline.config import Config
from rnnlite_pipeline.graph.ir import Model
from rnnlite_pipeline.graph.read import read_model
from rnnlite_pipeline.graph.write import write_model
from rnnlite_pipeline.lower import lower
from rnnlite_pipeline.lower.by_targets import has_op
from rnnlite_pipeline.lower.integer_rows import integer_rows
from rnnlite_pipeline.lower.unrolled import unroll
from rnnlite_pipeline.quantize import lowering, quantize
from rnnlite_pipeline.runtimes.interpreter import Kernels, Runner
from rnnlite_pipeline.runtimes.micro import MicroRunner
from rnnlite_pipeline.runtimes.runners import RUNNERS
from rnnlite_pipeline.state import Keeping, described
from rnnlite_pipeline.verify.application import RealRunner, Started
from tests.lower.cases import random_lstm, random_rnn
from tests.lower.loop_cases import gru
from tests.quantize.author import db
from tests.state.graphs import BATCH, FEATURES, graph, in_pieces

CELLS: dict[str, Cell] = {
    "gru": gru(np.random.default_rng(0), FEATURES, 12),
    "lstm": random_lstm(np.random.default_rng(1), FEATURES, 8),
    "rnn": random_rnn(np.random.default_rng(2), FEATURES, 8),
}

#: Samples, steps of each.
CALIBRATION = (40, 10)

Policy = Literal["persist", "explicit"]


def config(folder: Path, policy: Policy, scheme: str, interface: str, **arrays: Array) -> Config:
    """What is asked for, with calibration data."""
    path = folder / "calibration.npz"
    np.savez(path, **{"x": samples(0, *CALIBRATION), **arrays})  # type: ignore[arg-type]
    quantization = {
        "scheme": scheme,
        "calibration": {"path": str(path)},
        "input_type": interface,
        "output_type": interface,
    }
    return Config.model_validate(
        {
            "name": "kept",
            "source": {"format": "keras", "path": "kept.keras"},
            "recurrent": {"state": policy},
            "quantization": quantization,
        }
    )


def samples(seed: int, count: int, steps: int) -> Array:
    """x [N, T, F], of which each goes on about where the one before ended."""
    rng = np.random.default_rng(seed)
    noise = rng.normal(size=(count * steps + 3, FEATURES))
    smooth = np.sum([noise[k : k + count * steps] for k in range(4)], axis=0)
    x: Array = smooth.reshape(count, steps, FEATURES).astype(np.float32)
    return x


def converted(cell: Cell, asked: Config, batch: int = BATCH) -> tuple[Model, Model]:
    """The float model and the quantized one, with the states that the config asks for."""
    made = []
    for quantized in (False, True):
        model = graph(cell, batch=batch)
        states = Keeping(asked.recurrent.state)
        states.lift(model)
        states.expose(model)
        lower(model, *lowering(asked))
        if quantized:
            quantize(model, asked, {}, states)
        states.conclude(model)
        made.append(model)
    return made[0], made[1]


def test_the_last_cell_state_is_read_behind_the_fused_op(tmp_path: Path) -> None:
    """The integer LSTM op gives its cell state by a CONCATENATION, which depends on its output."""
    _, made = converted(CELLS["lstm"], config(tmp_path, "explicit", "int8", "int8"))
    (fused,) = [op for op in made.main.ops if op.code == "UNIDIRECTIONAL_SEQUENCE_LSTM"]
    state = fused.inputs[19]
    (join,) = [op for op in made.main.ops if op.code == "CONCATENATION" and state in op.inputs]
    given = made.signatures[0].outputs["keeper/c_out"]
    assert given is not state
    assert [op.outputs for op in made.main.ops if join.outputs[0] in op.inputs] == [[given]]


def closed(
    folder: Path,
    policy: Policy,
    scheme: str,
    steps: int,
    target: str = "tflm",
    *,
    interface: str = "float32",
) -> Model:
    """An LSTM of batch 1 over so many steps, for a target; calibrated on a stream of 240 steps."""
    np.savez(folder / "stream.npz", x=samples(0, 240 // steps, steps))
    asked = config(folder, policy, scheme, interface)
    calibration = {"path": str(folder / "stream.npz"), "samples": 240 // steps}
    said = asked.model_dump(exclude_unset=True, mode="json")
    said["quantization"] |= {"calibration": calibration}
    asked = Config.model_validate_json(json.dumps(said | {"targets": [target]}))
    model = graph(CELLS["lstm"], batch=1)
    for tensor in (model.main.inputs[0], model.main.outputs[0]):
        tensor.shape = (1, steps, (tensor.shape or ())[2])
    states = Keeping(policy)
    states.lift(model)
    states.expose(model)
    lower(model, *lowering(asked))
    quantize(model, asked, {}, states)
    has = has_op((target,))
    unroll(model, every=not has("WHILE"), has=has)
    integer_rows(model)
    states.conclude(model)
    return model


@pytest.mark.skipif(bool(RUNNERS["tflm"].missing()), reason="tflite-micro is not installed")
@pytest.mark.parametrize("scheme", ["int8", "int16x8"])
@pytest.mark.parametrize("policy", ["persist", "explicit"])
def test_pieces_equal_the_whole_on_tflm(tmp_path: Path, policy: Policy, scheme: str) -> None:
    """A fused integer LSTM goes on from call to call on TensorFlow Lite Micro, to the last bit."""
    x, results = samples(7, 1, 24), []
    for steps in (24, 6):
        made = closed(tmp_path, policy, scheme, steps)
        assert "UNIDIRECTIONAL_SEQUENCE_LSTM" in {op.code for op in made.main.ops}
        content = write_model(made)
        runner = MicroRunner(content)
        model = Started(RealRunner(runner, read_model(content)), described(made))
        results.append(in_pieces(model, x, (steps,) * (24 // steps)))
        np.testing.assert_array_equal(in_pieces(model, x, (steps,) * (24 // steps)), results[-1])
        runner.close()
    whole, pieces = results
    np.testing.assert_array_equal(pieces, whole)
    real, _ = converted(CELLS["lstm"], config(tmp_path, policy, scheme, "float32"), batch=1)
    assert db(in_pieces(opened(real), x, (24,)), whole) > 25.0


@pytest.mark.parametrize("target", ["ethos-u55", "tflm-cmsis-nn"])
def test_a_last_cell_state_is_not_read_where_that_goes_wrong(tmp_path: Path, target: str) -> None:
    """Vela would read it before the op, CMSIS-NN has none: the layer is no fused op there."""
    made = closed(tmp_path, "explicit", "int8", 4, target)
    assert "UNIDIRECTIONAL_SEQUENCE_LSTM" not in {op.code for op in made.ops()}


def opened(model: Model, kernels: Kernels = "default") -> Started:
    """The model, as an application runs it, on real numbers."""
    content = write_model(model)
    runner = Runner(content, kernels)
    return Started(RealRunner(runner, read_model(content)), described(model))


@pytest.mark.parametrize("kernels", ["reference", "default", "no_delegate"])
@pytest.mark.parametrize("scheme", ["int8", "int16x8"])
@pytest.mark.parametrize("policy", ["persist", "explicit"])
@pytest.mark.parametrize("cell", CELLS.values(), ids=CELLS)
def test_call_after_call_stays_near_the_float_model(
    tmp_path: Path, cell: Cell, policy: Policy, scheme: str, kernels: Kernels
) -> None:
    """Ten calls on end are near the float model's ten, and pieces equal the whole to the bit."""
    real, made = converted(cell, config(tmp_path, policy, scheme, "float32"))
    x = samples(7, BATCH, 100)
    expected, quantized = opened(real, kernels), opened(made, kernels)
    want, got = (in_pieces(m, x, (10,) * 10) for m in (expected, quantized))
    assert db(want, got) > 25.0
    assert db(want[:, -10:], got[:, -10:]) > 20.0
    np.testing.assert_array_equal(in_pieces(quantized, x, (1, 29, 70)), got)


#: What holds a layer's states between calls: int16 throughout in a loop, as in the fused op else.
TYPES = {"gru": ["INT16"], "lstm": ["INT16", "INT8"]}


@pytest.mark.parametrize("cell", TYPES)
@pytest.mark.parametrize("policy", ["persist", "explicit"])
def test_states_are_integers_between_the_calls_of_an_integer_model(
    tmp_path: Path, policy: Policy, cell: str
) -> None:
    """Where the interface is int8, states are variables, or inputs and outputs, of integers."""
    _, made = converted(CELLS[cell], config(tmp_path, policy, "int8", "int8"))
    read = [op.outputs[0] for op in made.main.ops if op.code == "READ_VARIABLE"]
    assigned = [op.inputs[1] for op in made.main.ops if op.code == "ASSIGN_VARIABLE"]
    ports = (made.main.inputs[1:], made.main.outputs[1:])
    for side in ports if policy == "explicit" else (read, assigned):
        assert sorted({t.dtype for t in side if t}) == TYPES[cell]
    assert "DEQUANTIZE" not in {op.code for op in made.ops()}
    model, x = opened(made), samples(3, BATCH, 20)
    first, after, again = model.run({"x": x}), model.resume({"x": x}), model.run({"x": x})
    assert np.abs(first["y"] - after["y"]).max() > 1e-3
    np.testing.assert_array_equal(first["y"], again["y"])


def test_an_open_batch_calibrates_its_own_states(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Explicit states need no arrays; with arrays in the data, these are what is measured."""
    _, made = converted(CELLS["gru"], config(tmp_path, "explicit", "int8", "float32"), batch=-1)
    assert "each sample goes on" in capsys.readouterr().out
    x = samples(5, 3, 50)
    real, _ = converted(CELLS["gru"], config(tmp_path, "explicit", "int8", "float32"), batch=-1)
    want, got = (in_pieces(opened(m), x, (20, 30)) for m in (real, made))
    assert db(want, got) > 25.0
    capsys.readouterr()
    given = {"keeper/h_in": np.zeros((40, 12), np.float32)}
    converted(CELLS["gru"], config(tmp_path, "explicit", "int8", "float32", **given), batch=-1)
    assert "each sample goes on" not in capsys.readouterr().out


def test_first_values_of_integer_states(tmp_path: Path) -> None:
    """A state that starts away from zero starts so in integers, and after a reset again."""
    asked = config(tmp_path, "persist", "int8", "float32")
    model = graph(CELLS["rnn"])
    states = Keeping("persist")
    states.lift(model)
    states.expose(model)
    for state in states.states:
        state.initial[...] = 0.7
    lower(model, *lowering(asked))
    quantize(model, asked, {}, states)
    states.conclude(model)
    x = samples(4, BATCH, 1)
    want, *_ = graph_recurrence().run(x, [np.full((BATCH, 8), 0.7)])
    runner = opened(model)
    for _ in range(2):
        np.testing.assert_allclose(runner.run({"x": x})["y"], want, atol=0.05)


def graph_recurrence() -> Any:
    """The recurrence of `graph`."""
    (op,) = graph(CELLS["rnn"]).main.ops
    return op.options["recurrence"]
