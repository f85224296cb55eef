"""CompiledModel: it runs what the table takes, refuses what it refuses, and fits its buffers."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import numpy as np
import pytest

from rnnlite_pipeline.errors import StageError
from rnnlite_pipeline.graph.ir import Model
from rnnlite_pipeline.graph.write import write_model
from rnnlite_pipeline.runtimes import RUNTIMES
from rnnlite_pipeline.runtimes.compiled_runner import CompiledRunner, _aligned, _reason
from rnnlite_pipeline.runtimes.interpreter import Runner
from tests.runtimes.models import a_gru, an_lstm, counter, dense, in_integers, lowered, sample

TABLE = RUNTIMES["litert-compiled"]

#: Batch and length of calls one after the other: they grow, shrink and stay.
CALLS = ((1, 2), (3, 7), (3, 7), (2, 9), (1, 1), (5, 30))

OPENED: dict[str, dict[str, Any]] = {
    "closed": {},
    "open batch": {"open_batch": True},
    "open length": {"open_steps": True},
    "open": {"open_batch": True, "open_steps": True},
    "open, time-major": {"open_batch": True, "open_steps": True, "time_major": True},
    "open, sized late": {"open_batch": True, "open_steps": True, "sized_late": True},
}


def same_as_the_interpreter(model: Model, calls: tuple[tuple[int, ...], ...]) -> None:
    """Each call gives what the Interpreter gives, to the last bit: the kernels are the same."""
    content = write_model(model)
    compiled, interpreter = CompiledRunner(content), Runner(content)
    for seed, sizes in enumerate(calls):
        given = sample(model, seed, sizes)
        if "begin" in given:
            given["begin"][:] = 0
        got, want = compiled.run(given), interpreter.run(given)
        assert got.keys() == want.keys()
        for name, array in want.items():
            assert (got[name].shape, got[name].dtype) == (array.shape, array.dtype)
            np.testing.assert_array_equal(got[name], array)
    compiled.close()


@pytest.mark.parametrize("outputs", ["y", "finals"])
@pytest.mark.parametrize("opened", OPENED)
def test_loops_agree_with_the_interpreter(opened: str, outputs: str) -> None:
    """Whatever is open, and whether an output's size is known before the call or not."""
    model = lowered(a_gru(), "loop", outputs=outputs, **OPENED[opened])
    count = sum(size == -1 for size in model.main.inputs[0].shape or ())
    calls = tuple(call[2 - count :] for call in CALLS)
    if opened == "open, time-major":
        calls = tuple((steps, batch) for batch, steps in calls)
    assert TABLE.judge(model).takes
    same_as_the_interpreter(model, calls)


def test_buffers_of_a_delegated_part_fit() -> None:
    """The output of a part that the delegate takes grows with its input: no byte is missing."""
    same_as_the_interpreter(dense(), ((1,), (3,), (4096,), (2,)))


@pytest.mark.parametrize("interface", ["float32", "int8"])
def test_integer_loops_agree_with_the_interpreter(interface: str) -> None:
    """Loops in integers, with float and with integer inputs."""
    same_as_the_interpreter(in_integers(lowered(a_gru(), "loop"), "int8", interface), ((), ()))


def test_int16_inputs_are_taken() -> None:
    """The Python binding names no int16; the bytes are the same."""
    same_as_the_interpreter(in_integers(lowered(a_gru(), "loop"), "int16x8", "int16"), ((),))


@pytest.mark.parametrize("scheme", ["none", "int8"])
def test_fused_lstms_are_refused_by_both(scheme: str) -> None:
    """The runtime and its table refuse a fused LSTM with one reason."""
    model = lowered(an_lstm(), "fused")
    model = model if scheme == "none" else in_integers(model)
    (refusal,) = TABLE.judge(model).refusals
    with pytest.raises(StageError, match="Variable tensors not yet supported") as raised:
        CompiledRunner(write_model(model))
    assert "Variable tensors not yet supported" in refusal.reason
    assert "targets" in raised.value.remedy


def test_states_in_resource_variables_are_kept_and_reset() -> None:
    """The loader refuses variable tensors; resource variables work, and so does `reset`."""
    model = counter()
    assert TABLE.judge(model).takes
    runner = CompiledRunner(write_model(model))
    given = {"x": np.ones((1, 4), np.float32)}
    assert [runner.run(given)["s"][0, 0] for _ in range(3)] == [1, 2, 3]
    runner.reset()
    assert runner.run(given)["s"][0, 0] == 1
    runner.close()


def test_a_model_without_states_has_no_reset() -> None:
    """The error says so."""
    with pytest.raises(StageError, match="keeps no state between calls"):
        CompiledRunner(write_model(dense(rows=1))).reset()


def test_the_runtime_still_writes_past_small_buffers() -> None:
    """Why outputs get memory of ours: 3 rows go into a buffer for one, unchecked.

    Where this fails, LiteRT was mended; then its own output buffers can be tried again.
    """
    ended = subprocess.run(
        [sys.executable, "-m", "tests.runtimes.small_buffer"],
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    assert ended.stdout.split()[-1] == "12"


def test_wrong_inputs_are_refused() -> None:
    """A wrong size or type is an error with what was expected, and no copy of too many bytes."""
    model = lowered(a_gru(), "loop")
    for given in (np.zeros((2, 5, 6), np.float32), np.zeros((1, 5, 6), np.float64)):
        with pytest.raises(StageError, match=r"takes float32 \[1, 5, 6\]"):
            CompiledRunner(write_model(model)).run({"x": given})


def test_fifty_fresh_instances_agree_with_the_interpreter() -> None:
    """In 50 models loaded one after the other, on a heap with junk, three calls each are right."""
    ended = subprocess.run(
        [sys.executable, "-m", "tests.runtimes.fifty"],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert ended.returncode == 0, ended.stderr[-2000:]
    assert ended.stdout.split()[-1] == "150"


@pytest.mark.parametrize(
    ("printed", "reason"),
    [
        (["INFO: x", "ERROR: [model_load.cc:12] Variable tensors"], "Variable tensors"),
        (["ERROR: Node 3 [ADD] failed"], "Node 3 [ADD] failed"),
        (["ERROR: a", "ERROR: a", "ERROR: b", "ERROR: c"], "a; b"),
        (["ERROR: [compiler_plugin.cc:3] none found", "ValueError: wrong"], "wrong"),
        (["WARNING: ValueError: no", "a", "KeyError: 'x'", "RuntimeError: it fails"], "it fails"),
        (["WARNING: Error: no"], "its process ended with status -11"),
    ],
)
def test_the_reason_of_a_failure(printed: list[str], reason: str) -> None:
    """LiteRT's own errors, each once; else the exception; else the status."""
    assert _reason(printed, -11) == reason


@pytest.mark.parametrize("shape", [(), (3,), (2, 5), (0, 4)])
@pytest.mark.parametrize("dtype", ["<f4", "<i8", "?"])
def test_memory_for_outputs_is_aligned(shape: tuple[int, ...], dtype: str) -> None:
    """It begins at a multiple of 64, whatever its size, and can be written."""
    array = _aligned(shape, np.dtype(dtype))
    array[...] = 1
    assert (array.shape, array.dtype.str.lstrip("|")) == (shape, dtype.replace("?", "b1"))
    assert array.size == 0 or array.ctypes.data % 64 == 0
