"""States have room for the batch, wherever sizes are decided."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from rnnlite_pipeline.cells.recurrence import RECURRENCE, Recurrence
from rnnlite_pipeline.graph.build import Builder
from rnnlite_pipeline.graph.ir import OPEN, Model, Op, Subgraph, Tensor
from rnnlite_pipeline.graph.write import write_model
from rnnlite_pipeline.lower import lower
from rnnlite_pipeline.runtimes.interpreter import Runner
from rnnlite_pipeline.shapes.late import late_ops
from tests.lower.cases import random_lstm

Same = Callable[[Builder, Tensor], Tensor]
SHAPE = (OPEN, OPEN, 3)
CELL = random_lstm(np.random.default_rng(0), 3, 6)


def packed(build: Builder, x: Tensor) -> Tensor:
    """As Keras' Reshape comes out: RESHAPE to a PACK of dimensions."""
    places = [
        build.op(
            "STRIDED_SLICE",
            [build.shape(x), *map(build.indices, ([axis], [axis + 1], [1]))],
            "INT32",
            (),
            shrink_axis_mask=1,
        )
        for axis in (0, 1)
    ]
    dims = build.op("PACK", [*places, build.indices(3)], "INT32", (3,), values_count=3)
    return build.op("RESHAPE", [x, dims], "FLOAT32", SHAPE)


def concatenated(build: Builder, x: Tensor) -> Tensor:
    """The same by CONCATENATION, which the interpreter evaluates early."""
    sizes = [build.dimension(x, axis) for axis in (0, 1)]
    dims = build.concatenate([*sizes, build.indices([3])], 0)
    return build.op("RESHAPE", [x, dims], "FLOAT32", SHAPE)


def gathered(build: Builder, x: Tensor) -> Tensor:
    """RESHAPE to a GATHER of the shape, as Keras' Dense comes out."""
    dims = build.gather(build.shape(x), build.indices([0, 1, 2]))
    return build.op("RESHAPE", [x, dims], "FLOAT32", SHAPE)


def joined(build: Builder, x: Tensor) -> Tensor:
    """RESHAPE there and back by a REDUCE_PROD of dimensions, as `early_shapes` leaves it."""
    sizes = build.gather(build.shape(x), build.indices([0, 1]))
    rows = build.reshape(build.op("REDUCE_PROD", [sizes, build.indices([0])], "INT32", ()), [1])
    dims = build.concatenate([rows, build.indices([3])], 0)
    flat = build.op("RESHAPE", [x, dims], "FLOAT32", (OPEN, 3))
    return build.op("RESHAPE", [flat, build.shape(x)], "FLOAT32", SHAPE)


def added(build: Builder, x: Tensor) -> Tensor:
    """RESHAPE to a sum of dimensions, computed at run time."""
    dims = build.binary("ADD", build.shape(x), build.indices([0, 0, 0]))
    return build.op("RESHAPE", [x, dims], "FLOAT32", SHAPE)


def sliced(build: Builder, x: Tensor) -> Tensor:
    """SLICE of an open dimension, though begin and size are constant."""
    return build.op("SLICE", [x, *map(build.indices, ([0, 0, 0], [-1] * 3))], "FLOAT32", SHAPE)


def strided(build: Builder, x: Tensor) -> Tensor:
    """STRIDED_SLICE of the whole."""
    places = map(build.indices, ([0, 0, 0], [0, 0, 0], [1, 1, 1]))
    return build.op("STRIDED_SLICE", [x, *places], "FLOAT32", SHAPE, begin_mask=7, end_mask=7)


def twice_transposed(build: Builder, x: Tensor) -> Tensor:
    """Two TRANSPOSEs with an elementwise op between."""
    y = build.unary("NEG", build.transpose(x, (1, 0, 2)))
    return build.unary("NEG", build.transpose(y, (1, 0, 2)))


def taken_apart(build: Builder, x: Tensor) -> Tensor:
    """SPLIT and CONCATENATION of the features."""
    return build.concatenate(build.split(x, 3, 2), 2)


def broadcast(build: Builder, x: Tensor) -> Tensor:
    """BROADCAST_TO the run-time shape."""
    return build.op("BROADCAST_TO", [x, build.shape(x)], "FLOAT32", SHAPE)


@pytest.mark.parametrize(
    ("same", "dynamic"),
    [
        (packed, True),
        (concatenated, False),
        (gathered, False),
        (joined, False),
        (added, True),
        (sliced, True),
        (strided, False),
        (twice_transposed, False),
        (taken_apart, False),
        (broadcast, False),
    ],
)
def test_states_behind_an_op_have_room_for_any_batch(same: Same, dynamic: bool) -> None:
    """Whether the size is known early or late, no state overruns another."""
    build = Builder("before")
    x, y, h, c = (
        Tensor(name, "FLOAT32", shape)
        for name, shape in (
            ("x", SHAPE),
            ("y", (OPEN, OPEN, 6)),
            ("h", (OPEN, 6)),
            ("c", (OPEN, 6)),
        )
    )
    recurrence = Recurrence("layer", CELL, time_major=False)
    op = Op(RECURRENCE, [same(build, x), None, None], [y, h, c], {"recurrence": recurrence})
    model = Model([Subgraph("main", [x], [y], [*build.ops, op])])
    assert bool(late_ops(Subgraph("before", ops=build.ops))) == dynamic
    lower(model)
    runner = Runner(write_model(model), "reference")
    for batch in (3, 1, 7):
        fed = np.random.default_rng(batch).normal(size=(batch, 4, 3)).astype(np.float32)
        (got,) = runner.run({"x": fed}).values()
        np.testing.assert_allclose(got, recurrence.run(fed)[0], atol=1e-5)
