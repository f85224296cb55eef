"""Constants stored in fewer bits: what makes them float gives the number that was stored."""

from __future__ import annotations

import numpy as np
import pytest

from rnnlite_pipeline.graph.build import make_op
from rnnlite_pipeline.graph.ir import OPEN, Subgraph, Tensor
from rnnlite_pipeline.graph.write import write_model
from rnnlite_pipeline.quantize.stored import decode, moves
from rnnlite_pipeline.quantize.weights import to_float16, to_int8
from rnnlite_pipeline.runtimes.interpreter import Runner
from tests.quantize.author import KERNELS, Array
from tests.quantize.single import Shape, graph, weight


def _state(shape: Shape | None, is_variable: bool = True) -> Subgraph:
    tensor = Tensor("state", "FLOAT32", shape, is_variable=is_variable)
    return Subgraph("main", tensors=[tensor])


def test_memory_moves_with_a_state_of_an_open_batch() -> None:
    """Not with a closed one, nor with what is no state; of an unknown rank it may."""
    assert moves(_state((OPEN, 3)))
    assert moves(_state(None))
    assert not moves(_state((2, 3)))
    assert not moves(_state((OPEN, 3), is_variable=False))
    assert not moves(Subgraph("main"))


def _real(stored: Tensor) -> Array:
    """The numbers a stored constant stands for."""
    assert stored.array is not None
    value = stored.array.astype(np.float64)
    if stored.quantization is None:
        return value
    shape = [1] * value.ndim
    if len(stored.quantization.scale) > 1:
        shape[stored.quantization.axis] = -1
    return np.asarray(value * np.reshape(stored.quantization.scale, shape))


@pytest.mark.parametrize("moving", [False, True])
@pytest.mark.parametrize("kind", ["half", "int8", "int8 a row", "int8 a column", "int8 a middle"])
def test_every_form_is_made_float(kind: str, moving: bool) -> None:
    """On every set of kernels, twice; ops that run at each call where memory moves."""
    constant = weight(2, 3, 4)
    axes = {"int8": None, "int8 a row": 0, "int8 a column": 2, "int8 a middle": 1}
    stored = to_float16(constant) if kind == "half" else to_int8(constant, axes[kind])
    assert stored is not None
    ops, real = decode(stored, moving)
    codes = ["CAST"] if kind == "half" else ["CAST", "MUL"]
    assert [op.code for op in ops] == (codes if moving else ["DEQUANTIZE"])
    assert (real.dtype, real.shape) == ("FLOAT32", (2, 3, 4))
    x, y = Tensor("x", "FLOAT32", (2, 3, 4)), Tensor("y", "FLOAT32", (2, 3, 4))
    content = write_model(graph([x], [y], [*ops, make_op("ADD", [x, real], [y])]))
    zeros = {"x": np.zeros((2, 3, 4), np.float32)}
    for kernels in KERNELS:
        runner = Runner(content, kernels)
        for _ in range(2):
            np.testing.assert_allclose(runner.run(zeros)["y"], _real(stored), rtol=1e-6)


def test_a_constant_of_rank_0() -> None:
    """A single half is made float without an axis."""
    half = to_float16(weight())
    assert half is not None
    _, real = decode(half, moving=True)
    assert real.shape == ()
