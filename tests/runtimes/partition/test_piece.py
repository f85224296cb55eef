"""Foreign ops as plain values."""

from __future__ import annotations

import pickle

from rnnlite_pipeline.graph.ir import Op
from rnnlite_pipeline.runtimes.partition.piece import Constant, PieceOp, piece
from tests.runtimes.small import constant, value


def test_values_are_numbers_and_constants_keep_their_bytes() -> None:
    """One number for each tensor, also where two ops name it; None stays None."""
    x, middle, y, z = (value(name) for name in ("x", "m", "y", "z"))
    one = constant("one", [1, 2], "INT32")
    ops = [
        Op("FlexRoll", [x, one], [middle], custom=True, custom_options=b"node"),
        Op("Own", [middle, None, x], [y, z], custom=True),
    ]
    made = piece(ops, [x], [z, y])
    assert made.ops == (
        PieceOp("Roll", True, b"node", (0, 1), (2,)),
        PieceOp("Own", False, b"", (2, None, 0), (3, 4)),
    )
    assert made.inputs == ((0, "FLOAT32"),)
    assert made.outputs == (4, 3)
    assert made.constants == ((1, Constant("INT32", (2,), b"\1\0\0\0\2\0\0\0")),)
    assert pickle.loads(pickle.dumps(made)) == made
    assert hash(made) == hash(piece(ops, [x], [z, y]))
