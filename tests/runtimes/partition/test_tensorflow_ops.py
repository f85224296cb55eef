"""Ops that TensorFlow runs by their names and attributes, here or in another process."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from flatbuffers import flexbuffers
from numpy.typing import NDArray

from rnnlite_pipeline.errors import StageError
from rnnlite_pipeline.graph.build import Builder
from rnnlite_pipeline.runtimes.partition import tensorflow_ops
from rnnlite_pipeline.runtimes.partition.piece import PieceOp, piece
from rnnlite_pipeline.toolchain import load
from tests.runtimes.partition.models import custom, vector


def described(code: str, **attributes: Any) -> PieceOp:
    """A custom op with attributes as the converter writes them."""
    build = flexbuffers.Builder()
    build.MapFromElements(attributes)
    return PieceOp(code, is_flex=False, options=bytes(build.Finish()), inputs=(0,), outputs=(1,))


@pytest.mark.parametrize(
    ("op", "said"),
    [
        (described("Erfinv", T=0), ""),
        (described("Svd", T=0, compute_uv=True, full_matrices=False), ""),
        (described("Nobody"), "no op of this name"),
        (described("EnsureShape", T=0), "its attribute shape is not in the file"),
        (described("Bincount"), ""),
        (described("StringToHashBucketFast"), "its attribute num_buckets is not in the file"),
        (PieceOp("Svd", False, b"\xff\xff\xff", (0,), (1,)), "cannot be read"),
    ],
)
def test_an_op_is_run_only_with_all_of_its_attributes(op: PieceOp, said: str) -> None:
    """An attribute that the file does not tell, and that has no default, is the reason."""
    (reason,) = tensorflow_ops.why_not([op])
    assert said in reason
    assert bool(said) == bool(reason)


def test_a_flex_op_is_what_its_name_says() -> None:
    """A NodeDef of another op, or one that cannot be read, is not run."""
    other = load("tensorflow").compat.v1.NodeDef(op="WriteFile").SerializeToString().decode()
    for text, said in ((other, "of another op, WriteFile"), ("\x7f\x7f", "cannot be read")):
        build = flexbuffers.Builder()
        build.VectorFromElements(["Roll", text])
        options = bytes(build.Finish())
        (reason,) = tensorflow_ops.why_not([PieceOp("Roll", True, options, (0,), (1,))])
        assert said in reason


def rolling() -> tuple[Any, NDArray[np.float32]]:
    """A piece that rolls a row by one, and operands for it."""
    x, build = vector(), Builder("g")
    one = build.constant("one", np.array(1, np.int32))
    options = described("Roll", T=0, Tshift=2, Taxis=2).options
    y = custom(build, "Roll", x, one, one, options=options)
    return piece(build.ops, [x], [y]), np.array([[1.0, 2.0]], np.float32)


def test_a_process_of_its_own_runs_ops_and_tells_errors() -> None:
    """Results and errors come back; a process that died is an error, and the next one is new."""
    made, x = rolling()
    process = tensorflow_ops.Apart()
    assert process.ask("run", made, (x,))[0].tolist() == [[2.0, 1.0]]
    with pytest.raises(StageError, match="TensorFlow cannot run Roll on the CPU"):
        process.ask("run", made, (x[0],))
    process.process.kill()
    with pytest.raises(StageError, match="ended while it ran an op"):
        process.ask("run", made, (x,))
