"""Values in integers and as real numbers: each form is made once, where it is first needed."""

from __future__ import annotations

import numpy as np
import pytest

from rnnlite_pipeline.graph.build import make_op
from rnnlite_pipeline.graph.edit import producers
from rnnlite_pipeline.graph.ir import OPEN, Op, Quantization, Tensor
from rnnlite_pipeline.quantize.integer_values import (
    LARGEST_CONSTANT,
    IntegerValues,
    limits,
    moved,
)
from rnnlite_pipeline.quantize.numbers import SCHEMES
from rnnlite_pipeline.quantize.ranges import Ranges
from rnnlite_pipeline.quantize.scales import Scales
from tests.quantize.single import Shape, graph, number, whole

INT8, INT16 = SCHEMES["int8"], SCHEMES["int16x8"]


class Values(IntegerValues):
    """One input x of the range -1 to 1, and perhaps an op that makes y of it."""

    def __init__(self, *ops: Op, scheme: str = "int8") -> None:
        self.x = Tensor("x", "FLOAT32", (2, 3))
        results = [t for op in ops for t in op.outputs]
        model = graph([self.x], results, ops)
        seen = Ranges(dict.fromkeys([self.x, *results], (-1.0, 1.0)))
        numbers = SCHEMES[scheme]
        writers = producers(model.main)
        super().__init__(numbers, Scales(model, numbers, seen, {}), writers)

    @property
    def written(self) -> list[tuple[str, str, str]]:
        """The ops so far: code, and the dtypes of what they read and make."""
        return [
            (op.code, op.inputs[0].dtype if op.inputs[0] else "", op.outputs[0].dtype)
            for op in self._ops
        ]


def _filled(shape: Shape | None, value: float) -> Op:
    return make_op("FILL", [whole([2, 3], "dims"), number(value)], [Tensor("y", "FLOAT32", shape)])


def test_a_value_is_converted_once() -> None:
    """One QUANTIZE however often it is read; whole numbers are left alone."""
    values = Values()
    made = values._as_int(values.x)
    assert values._as_int(values.x) is values._stored(values.x) is made
    assert values.written == [("QUANTIZE", "FLOAT32", "INT8")]
    assert made.quantization == INT8.of(-1, 1)
    index = whole(3)
    assert values._as_int(index) is index


def test_a_value_is_made_real_once() -> None:
    """Of what was computed in integers; what is real already, and a constant, has no DEQUANTIZE."""
    values = Values()
    values._ints[values.x] = Tensor("x/int8", "INT8", (2, 3), quantization=INT8.of(-1, 1))
    values._as_real(values.x)
    values._as_real(values.x)
    constant = number([1.0, 2.0])
    values._as_int(constant)
    values._as_real(constant)
    assert values.written == [("DEQUANTIZE", "INT8", "FLOAT32")]


@pytest.mark.parametrize(
    ("value", "scale", "stored"),
    [
        ([0.0, 2.55], 0.01, [-128, 127]),
        ([1.0, 2.55], 0.01, [-28, 127]),  # the range of a constant holds 0
        ([-2.55], 0.01, [-128]),
    ],
)
def test_a_constant_is_stored_in_its_own_scale(
    value: list[float], scale: float, stored: list[int]
) -> None:
    """No op converts it."""
    values = Values()
    made = values._as_int(number(value))
    assert made.quantization is not None
    assert made.array is not None
    assert made.quantization.scale[0] == pytest.approx(scale)
    assert made.array.tolist() == stored
    assert values.written == []


def test_a_constant_without_elements_has_a_scale() -> None:
    """An empty operand of a join is an empty tensor of integers."""
    made = Values()._as_int(number(np.zeros((0, 4))))
    assert (made.dtype, made.shape) == ("INT8", (0, 4))


def test_what_was_made_in_a_wider_dtype_is_rescaled() -> None:
    """A state in int16 that is computed with in int8: by the range that its integers can say."""
    values = Values()
    wide = Tensor("x/int16", "INT16", (2, 3), quantization=Quantization((2.0**-15,), (0,)))
    values._ints[values.x] = wide
    assert values._stored(values.x) is wide
    made = values._as_int(values.x)
    assert values.written == [("QUANTIZE", "INT16", "INT8")]
    assert made.quantization == INT8.of(*limits(wide))
    assert values._ops[0].version == 2


def test_each_form_of_a_value_is_made_once() -> None:
    """Two scales are two tensors; the same scale again, with another calibrated range, is one."""
    values = Values()
    first, second = (values._fitted(values.x, "INT8", INT8.of(-1, high)) for high in (1, 2))
    assert values._fitted(values.x, "INT8", INT8.of(-1, 1)) is first
    assert first is not second
    assert len(values._ops) == 2


def test_rescaling_to_the_same_is_nothing() -> None:
    """Equal scale and zero point, whatever the range they were measured as."""
    values, scale = Values(), INT8.of(-1, 1)
    made = Tensor("x/int8", "INT8", (2, 3), quantization=scale)
    plain = Quantization(scale.scale, scale.zero_point)
    assert values._rescaled(made, "INT8", plain) is made
    assert values._rescaled(made, "INT8", INT8.of(-2, 2)) is not made
    assert values.written == [("QUANTIZE", "INT8", "INT8")]


def test_a_small_fill_is_a_constant() -> None:
    """TFLM fills with floats only; the number is everywhere."""
    fill = _filled((2, 3), 0.5)
    values = Values(fill)
    made = values._as_int(fill.outputs[0])
    assert made.array is not None
    assert made.shape == (2, 3)
    assert len(set(made.array.ravel().tolist())) == 1
    assert values.written == []


@pytest.mark.parametrize("shape", [(OPEN, 3), None, (LARGEST_CONSTANT, 2)])
def test_another_fill_fills_with_integers(shape: Shape | None) -> None:
    """Of an open or unknown shape, or a large one: no constant can take its place."""
    fill = _filled(shape, 0.5)
    values = Values(fill)
    made = values._as_int(fill.outputs[0])
    assert (made.dtype, made.shape, made.data) == ("INT8", shape, None)
    assert values.written == [("FILL", "INT32", "INT8")]


def test_a_fill_with_a_computed_number_is_quantized() -> None:
    """Its number is not known, so its result is converted."""
    value = Tensor("value", "FLOAT32", ())
    fill = make_op("FILL", [whole([2, 3]), value], [Tensor("y", "FLOAT32", (2, 3))])
    values = Values(fill)
    values._as_int(fill.outputs[0])
    assert values.written == [("QUANTIZE", "FLOAT32", "INT8")]


@pytest.mark.parametrize(
    ("dtype", "zero", "ends"), [("INT8", -28, (-50.0, 77.5)), ("INT16", 0, (-16384.0, 16383.5))]
)
def test_the_range_of_integers(dtype: str, zero: int, ends: tuple[float, float]) -> None:
    """From the least to the largest number of the dtype."""
    tensor = Tensor("x", dtype, (2,), quantization=Quantization((0.5,), (zero,)))
    assert limits(tensor) == ends


def test_an_op_that_moves_values_has_the_version_for_them() -> None:
    """Never a lower one than it had."""
    op = Op("SLICE", [], [], version=1)
    moved(op, "INT16")
    assert op.version == 4
    moved(op, "INT8")
    assert op.version == 4


def test_int16_values_are_converted_by_their_own_versions() -> None:
    """QUANTIZE to int16 is version 2, DEQUANTIZE from it version 3."""
    values = Values(scheme="int16x8")
    made = values._as_int(values.x)
    values._real.clear()
    values._as_real(values.x)
    assert made.quantization == INT16.of(-1, 1)
    assert [op.version for op in values._ops] == [2, 3]
