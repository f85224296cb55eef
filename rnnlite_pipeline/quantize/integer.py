"""`int8` and `int16x8`: the main graph in integers, wherever a kernel has an integer form.

1. An op with weights, or a fused LSTM, is computed in integers; its input is quantized if it is
   not in integers yet.
2. An op without weights is, if one of its operands is in integers already or is an input of the
   model: what stands between float ops (the variance of a normalization) keeps its precision.
3. Every other op stays float, between a DEQUANTIZE and a QUANTIZE, and is listed with the reason.
   A tensor is converted once, where it is first needed.
4. Inputs and outputs are what the config asks for; open dimensions stay open.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from rnnlite_pipeline.errors import NotConvertible
from rnnlite_pipeline.graph.build import make_op
from rnnlite_pipeline.graph.edit import consumers, producers, prune
from rnnlite_pipeline.graph.ir import Model, Op, Quantization, Tensor
from rnnlite_pipeline.quantize import integer_lstm
from rnnlite_pipeline.quantize.integer_ops import CLAMPS, KERNELS, MAKERS, SHAPE_ONLY, Kernel
from rnnlite_pipeline.quantize.kernels import is_weight
from rnnlite_pipeline.quantize.numbers import Numbers, product, stored
from rnnlite_pipeline.quantize.outcome import Outcome, outcome
from rnnlite_pipeline.quantize.ranges import Ranges
from rnnlite_pipeline.quantize.skip import SKIPPED, Skip
from rnnlite_pipeline.quantize.weights import to_int8

_LSTM = "UNIDIRECTIONAL_SEQUENCE_LSTM"


class IntegerGraph:
    """Rewrites the main graph of a model, in place.

    Args:
        model: The lowered float graph.
        scheme: "int8" or "int16x8".
        numbers: The scheme's dtypes.
        ranges: What was measured on the calibration data.
        skip: The layers to leave in float.
    """

    def __init__(
        self, model: Model, scheme: str, numbers: Numbers, ranges: Ranges, skip: Skip
    ) -> None:
        self._model, self._scheme, self._numbers = model, scheme, numbers
        self._ranges, self._skip = ranges, skip
        self._wide = numbers.activation == "INT16"
        self._writers, self._readers = producers(model.main), consumers(model.main)
        self._ints: dict[Tensor, Tensor] = {}
        self._real: set[Tensor] = set()
        self._ops: list[Op] = []
        self._found: list[Outcome] = []

    def run(self, input_type: str = "float32", output_type: str = "float32") -> list[Outcome]:
        """Rewrites; `input_type` and `output_type` as the config names them.

        Returns:
            What became of each op that computes with real values.
        """
        main = self._model.main
        self._real.update(main.inputs)
        if input_type != "float32":
            for tensor in [t for t in main.inputs if t.dtype == "FLOAT32"]:
                self._integer_input(tensor, input_type.upper())
        for op in main.ops:
            self._op(op)
        for tensor in [t for t in main.outputs if t.dtype == "FLOAT32"]:
            if output_type == "float32":
                self._as_real(tensor)
            else:
                self._integer_output(tensor, output_type.upper())
        main.ops = self._ops
        prune(self._model)
        return self._found

    def _op(self, op: Op) -> None:
        values = [t for t in op.inputs if t is not None and t.dtype == "FLOAT32"]
        results = [t for t in op.outputs if t.dtype == "FLOAT32" and not t.is_variable]
        if op.code in SHAPE_ONLY and not results:
            op.inputs = [self._ints.get(t, t) if t is not None else None for t in op.inputs]
            self._ops.append(op)
        elif not values or not results:
            self._leave(op)
        elif reason := self._why_float(op):
            self._leave(op)
            if op.code not in MAKERS:
                main = self._model.main
                self._found.append(outcome(op, main, main, "float32", reason))
        else:
            self._found.append(outcome(op, self._model.main, self._model.main, self._scheme))
            (self._lstm if op.code == _LSTM else self._integer)(op)

    def _leave(self, op: Op) -> None:
        for tensor in op.inputs:
            if tensor is not None:
                self._as_real(tensor)
        self._real.update(op.outputs)
        self._ops.append(op)

    def _why_float(self, op: Op) -> str:
        """Why an op stays float; empty if it does not."""
        if self._skip.has(op):
            return SKIPPED
        if op.code == _LSTM:
            return integer_lstm.why_not(op, self._writers, self._readers)
        if op.code == "WHILE":
            return "a loop computes in float, the weights inside are int8"
        kernel = KERNELS.get(op.code)
        if kernel is None:
            return "it has no integer form"
        if op.options.get("fused_activation_function", "NONE") not in CLAMPS:
            return "its activation has no integer form"
        if kernel.axis is not None:
            constant = all(t is None or is_weight(t) for t in op.inputs[1:3])
            return "" if constant else "its weights are computed"
        near = any(t is not None and self._is_near(t) for t in self._data(op, kernel))
        return "" if near else "it stands between float ops"

    def _is_near(self, tensor: Tensor) -> bool:
        table = is_weight(tensor) and tensor.shape is not None and len(tensor.shape) > 1
        return tensor in self._ints or tensor in self._model.main.inputs or table

    def _data(self, op: Op, kernel: Kernel) -> Iterable[Tensor | None]:
        return op.inputs if kernel.data is None else [op.inputs[slot] for slot in kernel.data]

    def _lstm(self, op: Op) -> None:
        seen = self._ranges.cells[op]
        y = self._quantization(op.outputs[0])
        assert op.inputs[0] is not None
        x = self._as_int(op.inputs[0])
        integer_lstm.to_integers(op, self._numbers, self._writers, x=x, y=y, seen=seen)
        self._finish(op, y)

    def _integer(self, op: Op) -> None:
        kernel = KERNELS[op.code]
        slots = range(len(op.inputs)) if kernel.data is None else kernel.data
        for slot in slots:
            tensor = op.inputs[slot]
            assert tensor is not None
            op.inputs[slot] = self._as_int(tensor)
        x = op.inputs[slots[0]]
        assert x is not None and x.quantization is not None  # noqa: PT018
        y = x.quantization
        if kernel.rule in ("unit", "both"):
            y = self._numbers.fixed(0 if kernel.rule == "unit" else -1)
        elif kernel.rule in ("free", "join"):
            y = self._quantization(op.outputs[0])
        if kernel.rule == "join":
            op.inputs = [t and self._rescaled(t, y) for t in op.inputs]
        if kernel.axis is not None:
            self._weights(op, kernel.axis, x.quantization)
        if "pot_scale_int16" in op.options:
            op.options["pot_scale_int16"] = False
        op.version = kernel.versions[self._wide]
        if op.code == "FULLY_CONNECTED":
            keeps = op.options.get("keep_num_dims") and 5
            op.version = max(op.version, 6 if len(op.inputs) == 2 else keeps or 1)
        self._finish(op, y)

    def _weights(self, op: Op, axis: int, x: Quantization) -> None:
        assert op.inputs[1] is not None
        weight = to_int8(op.inputs[1], axis)
        assert weight.quantization is not None
        op.inputs[1] = weight
        if len(op.inputs) > 2 and (bias := op.inputs[2]) is not None:
            value = np.asarray(bias.array, np.float64)
            scale = product(x, weight.quantization)
            op.inputs[2] = stored(bias.name, value, self._numbers.bias, scale)

    def _finish(self, op: Op, y: Quantization) -> None:
        """Appends an op whose results are integers of the scale y."""
        outputs = []
        for tensor in op.outputs:
            made = self._integers_of(tensor, y)
            self._ints[tensor] = made
            outputs.append(made)
        op.outputs = outputs
        self._ops.append(op)

    def _integers_of(self, tensor: Tensor, y: Quantization) -> Tensor:
        kind = self._numbers.activation
        return Tensor(f"{tensor.name}/{kind.lower()}", kind, tensor.shape, quantization=y)

    def _quantization(self, tensor: Tensor) -> Quantization:
        if tensor not in self._ranges.tensors:
            raise NotConvertible(
                f"The calibration data never reached {tensor.name!r}.",
                "Give more samples, or name the layer in quantization.skip.",
            )
        return self._numbers.of(*self._ranges.tensors[tensor])

    def _as_int(self, tensor: Tensor) -> Tensor:
        """A value in integers: computed so, a constant stored so, or quantized here."""
        if tensor.dtype != "FLOAT32":
            return tensor
        if tensor not in self._ints:
            if tensor.data is not None:
                value = np.asarray(tensor.array, np.float64)
                scale = self._numbers.of(float(value.min()), float(value.max()))
                self._ints[tensor] = stored(tensor.name, value, self._numbers.activation, scale)
            else:
                made = self._integers_of(tensor, self._quantization(tensor))
                self._ints[tensor] = self._convert("QUANTIZE", tensor, made)
        return self._ints[tensor]

    def _as_real(self, tensor: Tensor) -> None:
        """Lets a DEQUANTIZE make a float value that was only computed in integers."""
        if tensor in self._ints and tensor not in self._real and tensor.data is None:
            self._convert("DEQUANTIZE", self._ints[tensor], tensor)
            self._real.add(tensor)

    def _rescaled(self, tensor: Tensor, y: Quantization) -> Tensor:
        assert tensor.quantization is not None
        same = (tensor.quantization.scale, tensor.quantization.zero_point)
        if same == (y.scale, y.zero_point):
            return tensor
        made = Tensor(f"{tensor.name}/rescaled", tensor.dtype, tensor.shape, quantization=y)
        return self._convert("QUANTIZE", tensor, made)

    def _convert(self, code: str, old: Tensor, new: Tensor) -> Tensor:
        op = make_op(code, [old], [new])
        versions = {"QUANTIZE": (1, 2), "DEQUANTIZE": (2, 3)}
        op.version = versions[code][self._wide]
        self._ops.append(op)
        return new

    def _integer_input(self, tensor: Tensor, dtype: str) -> None:
        inside = self._numbers.of(*self._ranges.tensors[tensor])
        fed = Tensor(tensor.name, dtype, tensor.shape, quantization=_shifted(inside, dtype))
        tensor.name += "/real"
        _swap(self._model, "inputs", tensor, fed)
        self._real.discard(tensor)
        same = dtype == self._numbers.activation
        made = self._integers_of(tensor, inside)
        self._ints[tensor] = fed if same else self._convert("QUANTIZE", fed, made)

    def _integer_output(self, tensor: Tensor, dtype: str) -> None:
        made = self._as_int(tensor)
        assert made.quantization is not None
        name = tensor.name
        tensor.name += "/real"
        if dtype != made.dtype:
            scale = _shifted(made.quantization, dtype)
            last = Tensor(name, dtype, tensor.shape, quantization=scale)
            made = self._convert("QUANTIZE", made, last)
        made.name = name
        _swap(self._model, "outputs", tensor, made)


def _shifted(inside: Quantization, dtype: str) -> Quantization:
    """The same numbers as uint8: the zero point 128 higher."""
    if dtype != "UINT8":
        return inside
    return replace(inside, zero_point=(inside.zero_point[0] + 128,))


def _swap(model: Model, side: str, old: Tensor, new: Tensor) -> None:
    """Puts a tensor in another's place in the interface."""
    ports: list[Tensor] = getattr(model.main, side)
    ports[:] = [new if t is old else t for t in ports]
    for signature in model.signatures:
        if signature.subgraph is model.main:
            named: dict[str, Tensor] = getattr(signature, side)
            named.update({name: new for name, t in named.items() if t is old})
