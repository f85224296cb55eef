"""A sequence's steps as tensors of their own, and such tensors as a sequence."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from rnnlite_pipeline.graph.build import Builder, make_op
from rnnlite_pipeline.graph.edit import producers
from rnnlite_pipeline.graph.ir import OPEN, Model, Quantization, Subgraph, Tensor
from rnnlite_pipeline.graph.write import write_model
from rnnlite_pipeline.lower.rows import Rows, together
from rnnlite_pipeline.runtimes.interpreter import Runner
from tests.quantize.author import Array
from tests.quantize.single import Shape, graph, number, whole

B, T, W = 2, 3, 4


def _has(*missing: str) -> Any:
    return lambda code: code not in missing


def _gather(x: Tensor, index: Any, axis: int, **options: Any) -> Any:
    place = index if isinstance(index, Tensor) else whole(index)
    return make_op("GATHER", [x, place], [Tensor("y", x.dtype, None)], axis=axis, **options)


def _run(model: Model, x: Array) -> dict[str, Array]:
    return Runner(write_model(model)).run({"x": x})


@pytest.mark.parametrize("missing", [(), ("UNPACK", "PACK")])
@pytest.mark.parametrize(
    ("shape", "axis"),
    [((B, T, W), 1), ((T, B, W), 0), ((B, T, W), -2), ((OPEN, T, W), 1), ((T, W), 0),
     ((B, W, T), 2), ((T,), 0), ((B, 1, W), 1), ((OPEN, T, OPEN), 1)],
)  # fmt: skip
def test_a_row_is_the_step(shape: Shape, axis: int, missing: tuple[str, ...]) -> None:
    """Whatever the layout, and whether the targets have UNPACK or not."""
    x, build = Tensor("x", "FLOAT32", shape), Builder("rows")
    rows = Rows(build, _has(*missing))
    length = shape[axis]
    found = [rows.row(op, op.inputs) for op in (_gather(x, t, axis) for t in range(length))]
    outputs = [row for row in found if row is not None]
    assert len(outputs) == length
    for k, row in enumerate(outputs):
        row.name = f"y{k}"
    value = np.random.default_rng(0).normal(size=[5 if d == OPEN else d for d in shape])
    given = value.astype(np.float32)
    results = _run(graph([x], outputs, build.ops), given)
    for k in range(length):
        np.testing.assert_array_equal(results[f"y{k}"], np.take(given, k, axis))


def test_a_sequence_is_parted_once() -> None:
    """However many of its steps are read, by axes counted from either end."""
    x, build = Tensor("x", "FLOAT32", (B, T, W)), Builder("rows")
    rows = Rows(build, _has())
    for op in (_gather(x, 0, 1), _gather(x, 2, 1), _gather(x, 1, -2)):
        rows.row(op, op.inputs)
    assert [op.code for op in build.ops] == ["UNPACK"]
    op = _gather(x, 1, 0)
    rows.row(op, op.inputs)
    assert [op.code for op in build.ops] == ["UNPACK", "UNPACK"]


@pytest.mark.parametrize(
    ("shape", "index", "options"),
    [
        ((B, OPEN, W), 0, {}),
        (None, 0, {}),
        ((B, T, W), T, {}),
        ((B, T, W), -1, {}),
        ((B, T, W), [0, 1], {}),
        ((B, T, W), Tensor("i", "INT32", ()), {}),
        ((B, T, W), 0, {"batch_dims": 1}),
    ],
)
def test_what_is_no_known_step(shape: Shape | None, index: Any, options: dict[str, Any]) -> None:
    """An open length, places beyond it, several places, or a computed one."""
    x, build = Tensor("x", "FLOAT32", shape), Builder("rows")
    op = _gather(x, index, 1, **options)
    assert Rows(build, _has()).row(op, op.inputs) is None
    assert build.ops == []


def test_another_op_is_no_row() -> None:
    """Only a GATHER is."""
    x = Tensor("x", "FLOAT32", (B, T, W))
    op = make_op("NEG", [x], [Tensor("y", "FLOAT32", (B, T, W))])
    assert Rows(Builder("rows"), _has()).row(op, op.inputs) is None


def test_truths_are_parted_by_unpack() -> None:
    """SPLIT takes no BOOL, whatever the targets have."""
    x, build = Tensor("x", "BOOL", (B, T, W)), Builder("rows")
    op = _gather(x, 0, 1)
    Rows(build, _has("UNPACK")).row(op, op.inputs)
    assert [op.code for op in build.ops] == ["UNPACK"]


@pytest.mark.parametrize("missing", [(), ("UNPACK", "PACK")])
def test_rows_keep_the_scale_of_the_sequence(missing: tuple[str, ...]) -> None:
    """Integers are moved as they are."""
    scale = Quantization((0.5,), (3,))
    x, build = Tensor("x", "INT8", (B, T, W), quantization=scale), Builder("rows")
    op = _gather(x, 0, 1)
    row = Rows(build, _has(*missing)).row(op, op.inputs)
    assert row is not None
    assert row.quantization == scale
    assert all(t.quantization == scale for each in build.ops for t in each.outputs)


class Filled:
    """A whole of zeros [B, T, W], and parts of x put in place one after the other."""

    def __init__(self, axis: int = 1, shape: Shape = (B, T, W)) -> None:
        self.build, self.axis, self.shape = Builder("fill"), axis, shape
        row = shape[:axis] + shape[axis + 1 :]
        self.x = Tensor("x", "FLOAT32", row)
        self.whole = number(np.zeros(shape))

    def put(self, at: int, *, factor: float = 1.0, expanded: bool = True, cast: str = "") -> None:
        """The part at a place is x times a factor."""
        build = self.build
        part = build.binary("MUL", self.x, number(factor))
        wide = (*self.shape[: self.axis], 1, *self.shape[self.axis + 1 :])
        part = build.expand_dims(part, self.axis) if expanded else build.reshape(part, wide)
        if cast:
            part = build.op(cast, [part], "FLOAT32", wide)
        start = [0] * len(self.shape)
        start[self.axis] = at
        self.whole = build.update(self.whole, part, whole(start))

    def together(self, *missing: str) -> tuple[Tensor, list[str]]:
        """What they are at once, and the ops that this takes."""
        made = producers(Subgraph("main", ops=self.build.ops))
        new = Builder("new")
        found = together(new, _has(*missing), made, self.whole)
        self.build.ops += new.ops
        return found, [op.code for op in new.ops]

    def values(self, y: Tensor) -> Array:
        """y for an x of ones."""
        y.name = "y"
        x = np.ones(self.x.shape or (), np.float32)
        return _run(graph([self.x], [y], self.build.ops), x)["y"]


@pytest.mark.parametrize("missing", [(), ("UNPACK", "PACK")])
@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("expanded", [True, False])
def test_parts_of_every_place_are_put_together(
    axis: int, expanded: bool, missing: tuple[str, ...]
) -> None:
    """In the order of their places, not of their writing; the last writing of a place counts."""
    filled = Filled(axis, (3, 3, 3))
    for at, factor in ((2, 30.0), (0, 1.0), (1, 9.0), (1, 2.0)):
        filled.put(at, factor=factor, expanded=expanded)
    y, codes = filled.together(*missing)
    assert "DYNAMIC_UPDATE_SLICE" not in codes
    assert y is not filled.whole
    wanted = np.array([1.0, 2.0, 30.0]).reshape([3 if k == axis else 1 for k in range(3)])
    np.testing.assert_array_equal(filled.values(y), np.broadcast_to(wanted, (3, 3, 3)))


def test_a_row_that_was_expanded_is_taken_as_it_was() -> None:
    """Nothing is reshaped; a CAST between the two is moved in front."""
    filled = Filled()
    for at in range(T):
        filled.put(at)
    assert filled.together()[1] == ["PACK"]
    filled = Filled()
    for at in range(T):
        filled.put(at, cast="CAST")
    assert filled.together()[1] == ["CAST"] * T + ["PACK"]


def test_places_that_are_left_out_stay_as_they_are() -> None:
    """Nothing takes the place of the updates."""
    filled = Filled()
    filled.put(0)
    filled.put(2)
    assert filled.together() == (filled.whole, [])


def test_a_part_of_several_places_stays() -> None:
    """Only rows of one step are put together."""
    filled = Filled()
    part = number(np.ones((B, 2, W)))
    filled.whole = filled.build.update(filled.whole, part, whole([0, 1, 0]))
    filled.put(0)
    assert filled.together()[0] is filled.whole


def test_a_part_that_fills_the_whole_is_the_result() -> None:
    """What was there before does not matter."""
    filled = Filled()
    filled.put(0)
    part = number(np.full((B, T, W), 5.0))
    filled.whole = filled.build.update(filled.whole, part, whole([0, 0, 0]))
    y, codes = filled.together()
    assert (y is part, codes) == (True, [])


def test_rows_along_two_axes_stay() -> None:
    """There is no one axis to put them together along."""
    filled = Filled(1, (2, 2, 2))
    filled.put(0)
    filled.put(1)
    part = number(np.ones((1, 2, 2)))
    filled.whole = filled.build.update(filled.whole, part, whole([1, 0, 0]))
    assert filled.together()[0] is filled.whole


def test_a_place_that_is_computed_stays() -> None:
    """It is not known where the part goes."""
    filled = Filled()
    start = filled.build.op("SHAPE", [filled.x], "INT32", [2])
    at = filled.build.concatenate([whole([0]), start], 0)
    filled.whole = filled.build.update(filled.whole, number(np.ones((B, 1, W))), at)
    assert filled.together()[0] is filled.whole


def test_a_value_that_nothing_filled() -> None:
    """It is returned as it is."""
    filled = Filled()
    assert filled.together() == (filled.whole, [])
