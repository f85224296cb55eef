"""Two steps of one structure as one."""

from __future__ import annotations

from dataclasses import replace
from unittest import mock

import numpy as np
import pytest

from rnnlite_pipeline.cells.cell import Cell
from rnnlite_pipeline.graph.ir import Tensor
from rnnlite_pipeline.graph.write import write_model
from rnnlite_pipeline.lower import lower
from rnnlite_pipeline.lower.emit import Emitter
from rnnlite_pipeline.lower.loop import pair
from rnnlite_pipeline.lower.loop.joined import Joined, NotAlike, Written
from rnnlite_pipeline.quantize.dynamic_range import dynamic_range
from rnnlite_pipeline.quantize.skip import Skip
from rnnlite_pipeline.runtimes.interpreter import Runner
from tests.lower.cases import Case, random_rnn

X = Tensor("x", "FLOAT32", (2, 1, 3))


def _step(code: str, number: float, dtype: type = np.float32) -> Written:
    """A step of one op on x and a constant."""
    emit = Emitter("step")
    return emit.ops, [emit.binary(code, X, emit.constant("c", np.array([number], dtype)))]


def test_rows_that_differ_are_stacked() -> None:
    """One op reads both numbers, a lane for each; equal numbers stay as they are."""
    for other, shape in ((2.0, (2, 1, 1)), (1.0, (1,))):
        emit = Emitter("joined")
        (state,) = Joined().append(emit, [_step("MUL", 1.0), _step("MUL", other)])
        (op,) = emit.ops
        assert (op.outputs, op.inputs[0]) == ([state], X)
        assert op.inputs[1] is not None
        assert op.inputs[1].shape == shape


@pytest.mark.parametrize("other", [_step("ADD", 1.0), _step("MUL", 2, np.int32), ([], [X])])
def test_other_ops_are_not_joined(other: Written) -> None:
    """Another op, whole numbers that differ, and another count of ops are told."""
    with pytest.raises(NotAlike):
        Joined().append(Emitter("joined"), [_step("MUL", 1.0), other])


def test_int8_weights_have_a_scale_a_channel() -> None:
    """Rows of very different sizes are as exact as in two loops, though an op has one scale."""
    rng = np.random.default_rng(0)
    case = Case((_uneven(rng, 24), _uneven(rng, 24)), outputs="y", steps=6, open_steps=False)
    x = rng.normal(size=(6, 1, 3)).astype(np.float32)
    wanted = [recurrence.run(x)[0] for recurrence in case.recurrences]
    errors = []
    for most in (0, pair.MOST_WEIGHTS):
        model = case.model()
        with mock.patch.object(pair, "MOST_WEIGHTS", most):
            lower(model, "loop", weight_bytes=1)
        dynamic_range(model, Skip())
        codes = {op.code for op in model.ops()}
        assert ("BATCH_MATMUL" in codes) == (most > 0)
        got = Runner(write_model(model), "default").run({"x": x}).values()
        pairs = zip(got, wanted, strict=True)
        # Of the smallest units, whose weights one scale for all would round to zero.
        errors.append(max(np.abs(g - w)[..., :6].max() for g, w in pairs))
    assert errors[1] < 2 * errors[0]


def _uneven(rng: np.random.Generator, units: int) -> Cell:
    """A simple RNN whose first units read its states alone, with a hundredth of the weights."""
    made = random_rnn(rng, 3, units)
    small = np.arange(units)[:, None] < 6
    kernel, recurrent = made.kernel * ~small, made.recurrent * np.where(small, 0.01, 1.0)
    return replace(made, kernel=kernel, recurrent=recurrent, bias=0 * made.bias)
