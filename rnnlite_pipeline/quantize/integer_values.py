"""The values of a graph in integers and as real numbers: converted once, where first needed."""

from __future__ import annotations

from math import prod

import numpy as np

from rnnlite_pipeline.graph.build import make_op, version_of
from rnnlite_pipeline.graph.ir import OPEN, Op, Quantization, Tensor
from rnnlite_pipeline.quantize.numbers import Numbers, stored
from rnnlite_pipeline.quantize.scales import Scales

_QUANTIZE = {"INT8": 1, "UINT8": 1, "INT16": 2}
_DEQUANTIZE = {"INT8": 2, "UINT8": 2, "INT16": 3}

#: TFLM fills with floats only, so what is filled is a constant, up to so many elements.
LARGEST_CONSTANT = 1 << 16


class IntegerValues:
    """Writes the ops of a graph anew, and knows in which forms each of its values is there.

    Args:
        numbers: The dtypes that its ops compute in.
        scales: The scale of every value.
        writers: The op that makes each tensor of the float graph.
    """

    def __init__(self, numbers: Numbers, scales: Scales, writers: dict[Tensor, Op]) -> None:
        self._numbers, self._scales, self._writers = numbers, scales, writers
        self._ints: dict[Tensor, Tensor] = {}
        self._forms: dict[tuple[Tensor, str, Quantization], Tensor] = {}
        self._real: set[Tensor] = set()
        self._ops: list[Op] = []

    def _quantization(self, tensor: Tensor) -> Quantization:
        return self._scales.of(tensor, self._numbers)

    def _stored(self, tensor: Tensor) -> Tensor:
        """A value in integers of whatever dtype: what moves values keeps their numbers."""
        return self._ints[tensor] if tensor in self._ints else self._as_int(tensor)

    def _as_int(self, tensor: Tensor) -> Tensor:
        """A value in integers to compute with: computed so, a constant stored so, or converted."""
        if tensor.dtype != "FLOAT32":
            return tensor
        kind = self._numbers.activation
        if tensor not in self._ints:
            self._ints[tensor] = self._fitted(tensor, kind, self._own(tensor))
        made = self._ints[tensor]
        if made.dtype == kind:
            return made
        assert made.quantization is not None
        return self._fitted(tensor, kind, self._numbers.of(*limits(made)))

    def _own(self, tensor: Tensor) -> Quantization:
        if tensor.data is None:
            return self._quantization(tensor)
        value = np.asarray(tensor.array, np.float64)
        return self._numbers.of(float(value.min(initial=0)), float(value.max(initial=0)))

    def _fitted(self, tensor: Tensor, kind: str, scale: Quantization) -> Tensor:
        """A value in integers of this dtype and scale.

        What is one number throughout is made so: there is nothing to convert.
        """
        made = self._ints.get(tensor)
        if made is not None and made.dtype == kind and _same(made.quantization, scale):
            return made
        if (tensor, kind, scale) not in self._forms:
            self._forms[tensor, kind, scale] = self._made(tensor, kind, scale)
        return self._forms[tensor, kind, scale]

    def _made(self, tensor: Tensor, kind: str, scale: Quantization) -> Tensor:
        if tensor.data is not None:
            return stored(tensor.name, np.asarray(tensor.array, np.float64), kind, scale)
        new = self._integers_of(tensor, kind, scale)
        number = self._filled_with(tensor)
        if number is not None and _is_small(tensor):
            value = np.full(tensor.shape or (), number.array, np.float64)
            return stored(tensor.name, value, kind, scale)
        if number is not None:
            value = np.asarray(number.array, np.float64)
            operands = [self._writers[tensor].inputs[0], stored(number.name, value, kind, scale)]
            self._ops.append(make_op("FILL", operands, [new]))
            return new
        return self._convert("QUANTIZE", self._ints.get(tensor, tensor), new)

    def _filled_with(self, tensor: Tensor) -> Tensor | None:
        """The constant number that a FILL makes the value of."""
        fill = self._writers.get(tensor)
        number = fill.inputs[1] if fill is not None and fill.code == "FILL" else None
        return number if number is not None and number.array is not None else None

    def _integers_of(self, tensor: Tensor, kind: str, scale: Quantization) -> Tensor:
        return Tensor(f"{tensor.name}/{kind.lower()}", kind, tensor.shape, quantization=scale)

    def _as_real(self, tensor: Tensor) -> None:
        """Lets a DEQUANTIZE make a float value that was only computed in integers."""
        if tensor in self._ints and tensor not in self._real and tensor.data is None:
            self._convert("DEQUANTIZE", self._ints[tensor], tensor)
            self._real.add(tensor)

    def _rescaled(self, tensor: Tensor, kind: str, scale: Quantization) -> Tensor:
        """Integers in another dtype or of another scale."""
        if tensor.dtype == kind and _same(tensor.quantization, scale):
            return tensor
        made = Tensor(f"{tensor.name}/rescaled", kind, tensor.shape, quantization=scale)
        return self._convert("QUANTIZE", tensor, made)

    def _convert(self, code: str, old: Tensor, new: Tensor) -> Tensor:
        op = make_op(code, [old], [new])
        if code == "DEQUANTIZE":
            op.version = _DEQUANTIZE[old.dtype]
        else:
            op.version = max(_QUANTIZE[new.dtype], _QUANTIZE.get(old.dtype, 1))
        self._ops.append(op)
        return new


def _is_small(tensor: Tensor) -> bool:
    """Whether a tensor's shape is known and closed, and it has few elements."""
    shape = tensor.shape
    return shape is not None and OPEN not in shape and prod(shape) <= LARGEST_CONSTANT


def moved(op: Op, kind: str) -> None:
    """Gives an op that moves values the version for their dtype."""
    op.version = max(op.version, version_of(op.code, kind))


def _same(one: Quantization | None, other: Quantization) -> bool:
    return one is not None and (one.scale, one.zero_point) == (other.scale, other.zero_point)


def limits(tensor: Tensor) -> tuple[float, float]:
    """The range that the integers of a tensor can say."""
    assert tensor.quantization is not None
    (scale,), (zero,) = tensor.quantization.scale, tensor.quantization.zero_point
    low, high = (-128, 127) if tensor.dtype == "INT8" else (-32768, 32767)
    return (low - zero) * scale, (high - zero) * scale
