"""STRIDED_SLICE: what is written takes what NumPy takes, and is read as it was written."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rnnlite_pipeline.graph.build import Builder, make_op
from rnnlite_pipeline.graph.ir import OPEN, Model, Op, Subgraph, Tensor
from rnnlite_pipeline.graph.slicing import Taken, read, read_step, source_axis
from rnnlite_pipeline.graph.write import write_model
from rnnlite_pipeline.runtimes.interpreter import Runner

SHAPE = (4, 5, 3)
X = np.arange(60, dtype=np.float32).reshape(SHAPE)


def ran(build: Builder, x: Tensor) -> np.ndarray[Any, Any]:
    """What the last op makes of `X`."""
    y = build.ops[-1].outputs[0]
    model = Model([Subgraph("main", [x], [y], build.ops)])
    (found,) = Runner(write_model(model), "reference").run({"x": X}).values()
    return np.asarray(found)


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, 2), st.integers(-3, 2), st.one_of(st.none(), st.integers(-2, 3)), st.booleans()
)
def test_a_part_of_one_axis(axis: int, start: int, stop: int | None, is_open: bool) -> None:
    """The kernel takes [start, stop) as NumPy does, the shape is right, and it reads the same."""
    index = [slice(None)] * 3
    index[axis] = slice(start, stop)
    wanted = X[tuple(index)]
    if not wanted.size:
        return
    shape = tuple(OPEN if is_open and k == axis else d for k, d in enumerate(SHAPE))
    build, x = Builder("b"), Tensor("x", "FLOAT32", shape)
    y = build.part(x, axis, start, stop)
    np.testing.assert_array_equal(ran(build, x), wanted)
    assert all(d in (OPEN, n) for d, n in zip(y.shape or (), wanted.shape, strict=True))
    assert is_open or y.shape == wanted.shape
    assert read(build.ops[-1]) == [Taken(start, stop) if k == axis else Taken() for k in range(3)]


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("index", [0, 1, -1, -2])
def test_one_step(axis: int, index: int) -> None:
    """One item of one axis, which goes; it is read as such."""
    build, x = Builder("b"), Tensor("x", "FLOAT32", SHAPE)
    y = build.step(x, axis, index)
    np.testing.assert_array_equal(ran(build, x), np.take(X, index, axis))
    assert y.shape == np.take(X, index, axis).shape
    assert read_step(build.ops[-1]) == (axis, index)


def test_axes_without_an_entry_are_whole() -> None:
    """A slice that names the first axis alone takes the same."""
    build, x = Builder("b"), Tensor("x", "FLOAT32", SHAPE)
    build.part(x, 0, 1, 3, entries=1)
    np.testing.assert_array_equal(ran(build, x), X[1:3])
    assert read(build.ops[-1]) == [Taken(1, 3), Taken(), Taken()]


def op_of(begin: list[int], end: list[int], strides: list[int], **options: int) -> Op:
    """A slice of x in any spelling."""
    build, x = Builder("b"), Tensor("x", "FLOAT32", SHAPE)
    places = [build.indices(each) for each in (begin, end, strides)]
    return make_op("STRIDED_SLICE", [x, *places], [Tensor("y", "FLOAT32", None)], **options)


@pytest.mark.parametrize(
    ("op", "step"),
    [
        (op_of([1, 0, 0], [2, 5, 3], [1, 1, 1], shrink_axis_mask=1), (0, 1)),
        (op_of([1], [0], [1], shrink_axis_mask=1, end_mask=1), (0, 1)),
        (op_of([3], [4], [1], shrink_axis_mask=1, begin_mask=1), (0, 0)),
        (op_of([1, 0], [2, 4], [1, 1], shrink_axis_mask=1), None),
        (op_of([1, 1], [2, 2], [1, 1], shrink_axis_mask=3), None),
        (op_of([1], [2], [1]), None),
        (op_of([1], [0], [-1], shrink_axis_mask=1), None),
        (op_of([1, 0], [2, 5], [1, 2], shrink_axis_mask=1), None),
        (op_of([1], [2], [1], shrink_axis_mask=1, ellipsis_mask=1), None),
        (op_of([1], [2], [1], shrink_axis_mask=1, new_axis_mask=2), None),
    ],
)
def test_steps_in_other_spellings(op: Op, step: tuple[int, int] | None) -> None:
    """Masks and whole ranges mean the same; a part, a stride or a new axis is no step."""
    assert read_step(op) == step


def test_computed_places_are_not_read() -> None:
    """Where begin is a value of the graph nothing is known of the items."""
    op = op_of([1], [2], [1])
    op.inputs[1] = Tensor("begin", "INT32", (1,))
    assert read(op) is None


@pytest.mark.parametrize(
    ("op", "axis", "found"),
    [
        (op_of([0, 0], [0, 2], [1, 1], begin_mask=1, end_mask=1), 0, (0, True)),
        (op_of([0, 0], [0, 2], [1, 1], begin_mask=1, end_mask=1), 1, (1, False)),
        (op_of([0, 0], [0, 2], [1, 1], begin_mask=1, end_mask=1), 2, (2, True)),
        (op_of([0, 0], [0, 0], [2, 1], begin_mask=3, end_mask=3), 0, (0, False)),
        (op_of([1, 0], [2, 0], [1, 1], shrink_axis_mask=1, begin_mask=2, end_mask=2), 0, (1, True)),
        (op_of([0], [0], [1], ellipsis_mask=1), 0, None),
    ],
)
def test_where_an_axis_comes_from(op: Op, axis: int, found: tuple[int, bool] | None) -> None:
    """Dropped axes are skipped; an axis is whole by its masks, or without an entry."""
    begin = op.inputs[1]
    assert begin is not None
    assert source_axis(op, axis, (begin.shape or (OPEN,))[0]) == found
