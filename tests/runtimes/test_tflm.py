"""The table of TensorFlow Lite Micro, held to what the wheel really takes."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from rnnlite_pipeline.errors import StageError
from rnnlite_pipeline.graph.ir import NUMPY, Model
from rnnlite_pipeline.graph.read import read_model
from rnnlite_pipeline.graph.write import write_model
from rnnlite_pipeline.runtimes import RUNTIMES, micro
from rnnlite_pipeline.runtimes.micro import MicroRunner
from tests.quantize.test_loops import CELLS
from tests.release.deployed import counter
from tests.runtimes.models import STEPS, in_integers, lowered, sample
from tests.runtimes.single_ops import CODES, single_op_models

needs_tflm = pytest.mark.skipif(
    importlib.util.find_spec("tflite_micro") is None, reason="the extra tflm is not installed"
)

TFLM = RUNTIMES["tflm"]


def wheel_takes(model: Model) -> bool:
    """Whether the wheel runs the model; it is tried in a fork, for it may end the process."""
    content = write_model(model)
    from tflite_micro.python.tflite_micro.runtime import Interpreter

    child = os.fork()
    if child == 0:
        status = 1
        try:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, 1)
            os.dup2(nowhere, 2)
            interpreter = Interpreter.from_bytes(content, arena_size=100_000)
            for place, tensor in enumerate(model.main.inputs):
                interpreter.set_input(np.ones(tensor.shape or (), NUMPY[tensor.dtype]), place)
            interpreter.invoke()
            for place in range(len(model.main.outputs)):
                interpreter.get_output(place)
            status = 0
        finally:
            os._exit(status)
    return os.waitpid(child, 0)[1] == 0


@needs_tflm
def test_single_ops_agree_with_the_wheel() -> None:
    """For each op that lowerings emit and each type, the table says what the wheel does."""
    differing = [
        (code, dtype)
        for code, dtype, model in single_op_models()
        if TFLM.judge(model).takes != wheel_takes(model)
    ]
    assert differing == []


def test_single_ops_cover_what_lowerings_emit() -> None:
    """Every op of the lowered cells is among the single ops, or is a loop or a fused op."""
    emitted = {
        op.code
        for make in CELLS.values()
        for micro in (False, True)
        for op in lowered(make(np.random.default_rng(1)), "loop", micro=micro).ops()
    }
    assert emitted - set(CODES) <= {"WHILE"}
    assert len(emitted) > 15


@needs_tflm
@pytest.mark.parametrize("scheme", ["none", "int8", "int16x8"])
@pytest.mark.parametrize("cell", CELLS)
def test_lowered_cells_agree_with_the_wheel(cell: str, scheme: str) -> None:
    """The table takes a cell's loop exactly where the wheel runs it."""
    features = 6
    make: Callable[[np.random.Generator], Any] = CELLS[cell]
    model = lowered(make(np.random.default_rng(1)), "loop", micro=scheme == "none", steps=STEPS)
    assert model.main.inputs[0].shape is not None
    assert model.main.inputs[0].shape[-1] >= features
    if scheme != "none":
        model = in_integers(model, scheme)
    verdict = TFLM.judge(model)
    try:
        runner = MicroRunner(write_model(model))
        runner.run(sample(model, 1))
        runner.close()
        said = ""
    except StageError as error:
        said = str(error)
    assert verdict.takes == (not said), f"{verdict}\n{said}"


@needs_tflm
@pytest.mark.parametrize("first", [0.0, 5.0])
def test_a_reset_gives_the_first_states_or_is_refused(
    monkeypatch: pytest.MonkeyPatch, first: float
) -> None:
    """TFLM's reset makes states zero: a model that starts from other numbers is refused."""
    content = write_model(counter("persist", first=first))
    lines = TFLM.judge(read_model(content)).lines()
    assert bool(lines) == bool(first)
    assert all("sum/h" in line and "state: explicit" in line for line in lines)
    monkeypatch.setattr(micro, "why_wrong", lambda _: [])
    runner, x = MicroRunner(content), {"x": np.ones((1, 2), np.float32)}
    told = [next(iter(runner.run(x).values()))[0, 0] for _ in range(2)]
    runner.reset()
    again = next(iter(runner.run(x).values()))[0, 0]
    assert runner.arena_bytes > 0
    runner.close()
    assert told == [first + 1, first + 2]
    assert (again == told[0]) == (not lines)
