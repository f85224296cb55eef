"""`int8` and `int16x8`: a graph in integers, wherever a kernel has an integer form.

1. An op with weights, or a fused LSTM, is computed in integers; its input is quantized if it is
   not in integers yet.
2. An op without weights is, if one of its operands is in integers already or is an input of the
   model: what stands between float ops (the variance of a normalization) keeps its precision.
   A part of a real value whose range is much smaller is taken before it is rounded, and a value
   that no scale of a kernel suits is computed in float (scaling.py).
3. A loop with such an op is, in its body by the same rules; its steps compute in int16 with int8
   weights, as the fused LSTM op does (scales.py). So nothing of it is left to float kernels.
4. Every other op stays float, between a DEQUANTIZE and a QUANTIZE, and is listed with the reason.
   A tensor is converted once, where it is first needed.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from rnnlite_pipeline.graph.build import make_op
from rnnlite_pipeline.graph.ir import Op, Quantization, Subgraph, Tensor
from rnnlite_pipeline.graph.ops import MEASURING
from rnnlite_pipeline.quantize import integer_loop, integer_lstm
from rnnlite_pipeline.quantize.integer_choice import LSTM, IntegerChoice, Place
from rnnlite_pipeline.quantize.integer_ops import KERNELS, MAKERS
from rnnlite_pipeline.quantize.integer_values import moved
from rnnlite_pipeline.quantize.numbers import least_weight_scale, product, stored
from rnnlite_pipeline.quantize.outcome import Outcome, outcome
from rnnlite_pipeline.quantize.weights import to_int8


class IntegerGraph(IntegerChoice):
    """Rewrites a graph of a model, in place."""

    def run_inside(self, inputs: Mapping[Tensor, Tensor], outputs: Mapping[int, Tensor]) -> None:
        """Rewrites a loop's body.

        Args:
            inputs: The integers that take each float input's place.
            outputs: Of each float output by its position, an integer tensor of the dtype and
                scale that the loop carries it in.
        """
        body = self._graph
        self._ints.update(inputs)
        for op in body.ops:
            self._op(op)
        for k, like in outputs.items():
            assert like.quantization is not None
            body.outputs[k] = self._fitted(body.outputs[k], like.dtype, like.quantization)
        body.inputs = [inputs.get(t, t) for t in body.inputs]
        body.ops = self._ops

    def _op(self, op: Op) -> None:
        values = [t for t in op.inputs if t is not None and t.dtype == "FLOAT32"]
        results = [t for t in op.outputs if t.dtype == "FLOAT32" and not t.is_variable]
        if op.code == "BROADCAST_TO" and op.outputs[0].is_variable:
            return  # a state's: written with the op that it is a state of, in its type
        if op.code == "CONCATENATION" and any(_is_integer_state(t) for t in op.inputs):
            self._read_cell(op)
        elif op.code in MEASURING and not results:
            op.inputs = [self._ints.get(t, t) if t is not None else None for t in op.inputs]
            self._ops.append(op)
        elif not values or not results:
            self._leave(op)
        elif reason := self._why_float(op):
            self._leave(op)
            if op.code not in MAKERS:
                self._found.append(self._outcome(op, "float32", reason))
        else:
            self._found.append(self._outcome(op, self._scheme))
            write = {LSTM: self._lstm, "WHILE": self._loop, "DYNAMIC_UPDATE_SLICE": self._update}
            write.get(op.code, self._integer)(op)

    def _outcome(self, op: Op, became: str, reason: str = "") -> Outcome:
        return outcome(op, self._model.main, self._graph, became, reason)

    def _leave(self, op: Op) -> None:
        for writer in self._setters(op):
            if writer not in self._ops:  # it stands before the first op that has the state
                self._leave(writer)
        for tensor in op.inputs:
            if tensor is not None:
                self._as_real(tensor)
        self._real.update(op.outputs)
        self._ops.append(op)

    def _loop(self, op: Op) -> None:
        """A loop: what it carries, its body and its condition.

        In int16 the sequences that it reads stay real: TFLM's GATHER takes int8 and float only.
        """
        body: Subgraph = op.options["body_subgraph"]
        inside: dict[Tensor, Tensor] = {}
        carried: dict[int, Tensor] = {}
        for k, tensor in enumerate(body.inputs):
            operand = op.inputs[k]
            if tensor.dtype != "FLOAT32" or operand is None:
                continue
            if body.outputs[k] is tensor and not self._scales.is_written(tensor):
                if self._wide:
                    self._as_real(operand)
                    continue
                made = self._stored(operand)
            else:
                kind = self._scales.numbers(tensor).activation
                made = self._fitted(operand, kind, self._scales.of(tensor))
            assert made.quantization is not None
            op.inputs[k] = made
            inside[tensor] = self._integers_of(tensor, made.dtype, made.quantization)
            carried[k] = self._integers_of(op.outputs[k], made.dtype, made.quantization)
            self._ints[op.outputs[k]] = carried[k]
        op.outputs = [carried.get(k, t) for k, t in enumerate(op.outputs)]
        place = Place(body, self._scales, self._found)
        graph = IntegerGraph(self._model, self._scheme, self._ranges, self._skip, place)
        graph.run_inside(inside, carried)
        integer_loop.retype(op.options["cond_subgraph"], op.inputs)
        self._ops.append(op)

    def _update(self, op: Op) -> None:
        """DYNAMIC_UPDATE_SLICE: the part in the integers of the whole."""
        whole, part = op.inputs[:2]
        assert whole is not None and part is not None  # noqa: PT018
        made = self._ints[whole]
        assert made.quantization is not None
        op.inputs[:2] = [made, self._fitted(part, made.dtype, made.quantization)]
        moved(op, made.dtype)
        self._finish(op, made.quantization, made.dtype)

    def _lstm(self, op: Op) -> None:
        seen = self._ranges.cells[op]
        y = self._quantization(op.outputs[0])
        assert op.inputs[0] is not None
        x = self._as_int(op.inputs[0])
        integer_lstm.to_integers(op, self._numbers, self._writers, x=x, y=y, seen=seen)
        for writer in self._setters(op):
            self._set_state(writer)
        self._finish(op, y, self._numbers.activation)

    def _setters(self, op: Op) -> list[Op]:
        """What sets states of a fused op to computed values at each call."""
        variables = [t for t in op.inputs if t is not None and t.is_variable]
        made = [self._writers[t] for t in variables if t in self._writers]
        return [writer for writer in made if writer.code == "BROADCAST_TO"]

    def _set_state(self, writer: Op) -> None:
        """Sets a state, which is of integers already, to a computed value.

        A SLICE of all of it runs at every call (lower/states.py, rule 2), and NPUs take it.
        """
        value, (state,) = writer.inputs[0], writer.outputs
        assert value is not None and state.quantization is not None  # noqa: PT018
        start = self._fitted(value, state.dtype, state.quantization)
        if start.shape == state.shape:
            size = np.asarray(state.shape, np.int32)
            parts = {"begin": np.zeros_like(size), "size": size}
            places = [Tensor.constant(f"{state.name}/{k}", v) for k, v in parts.items()]
            writer = make_op("SLICE", [start, *places], [state])
        else:
            writer.inputs[0] = start
        moved(writer, state.dtype)
        self._ops.append(writer)

    def _read_cell(self, op: Op) -> None:
        """The last cell state, behind the last output of its op (lower/states.py, rule 4).

        Only the state is read of it, so it has the state's scale.
        """
        last, state = op.inputs
        assert last is not None and state is not None and state.quantization is not None  # noqa: PT018
        op.inputs = [self._fitted(last, state.dtype, state.quantization), state]
        moved(op, state.dtype)
        self._finish(op, state.quantization, state.dtype)

    def _integer(self, op: Op) -> None:
        kernel = KERNELS[op.code]
        slots = range(len(op.inputs)) if kernel.data is None else kernel.data
        keeps = kernel.rule == "keep"
        given = list(op.inputs)
        for slot in slots:
            tensor = op.inputs[slot]
            assert tensor is not None
            op.inputs[slot] = self._stored(tensor) if keeps else self._as_int(tensor)
        x = op.inputs[slots[0]]
        assert x is not None and x.quantization is not None  # noqa: PT018
        y = x.quantization
        if kernel.rule in ("unit", "both"):
            y = self._numbers.fixed(0 if kernel.rule == "unit" else -1)
        elif kernel.rule in ("free", "join"):
            y = self._quantization(op.outputs[0])
        if kernel.rule == "join":
            for slot in slots:
                tensor, before = op.inputs[slot], given[slot]
                assert tensor is not None and before is not None  # noqa: PT018
                constant = before.data is not None and before.dtype == "FLOAT32"
                op.inputs[slot] = (
                    self._fitted(before, tensor.dtype, y)
                    if constant
                    else self._rescaled(tensor, tensor.dtype, y)
                )
        if kernel.axis is not None:
            self._weights(op, kernel.axis, x.quantization, y.scale[0])
        if "pot_scale_int16" in op.options:
            op.options["pot_scale_int16"] = False
        op.version = kernel.versions[x.dtype == "INT16"]
        if op.code == "FULLY_CONNECTED":
            flat = op.options.get("keep_num_dims") and 5
            op.version = max(op.version, 6 if len(op.inputs) == 2 else flat or 1)
        self._finish(op, y, x.dtype)

    def _weights(self, op: Op, axis: int, x: Quantization, y: float) -> None:
        """Weights and bias; weights of 0 have a scale that kernels take, whatever x and y are."""
        assert op.inputs[1] is not None
        bias = op.inputs[2] if len(op.inputs) > 2 else None
        least = least_weight_scale(x, y, bias, self._numbers.bias)
        weight = to_int8(op.inputs[1], axis, least, empty=y / x.scale[0])
        assert weight.quantization is not None
        op.inputs[1] = weight
        if bias is not None:
            value = np.asarray(bias.array, np.float64)
            scale = product(x, weight.quantization)
            op.inputs[2] = stored(bias.name, value, self._numbers.bias, scale)

    def _finish(self, op: Op, y: Quantization, kind: str) -> None:
        """Appends an op whose results are integers of the dtype `kind` and the scale y."""
        outputs = []
        for tensor in op.outputs:
            made = self._integers_of(tensor, kind, y)
            self._ints[tensor] = made
            outputs.append(made)
        op.outputs = outputs
        self._ops.append(op)


def _is_integer_state(tensor: Tensor | None) -> bool:
    return tensor is not None and tensor.is_variable and tensor.dtype != "FLOAT32"
