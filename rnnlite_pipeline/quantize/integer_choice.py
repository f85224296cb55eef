"""Which ops of a graph are computed in integers, and why the others are not.

The rules are those of integer.py; what a kernel cannot scale is in scaling.py.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np

from rnnlite_pipeline.graph.edit import consumers, producers
from rnnlite_pipeline.graph.ir import Model, Op, Subgraph, Tensor
from rnnlite_pipeline.quantize import integer_loop, integer_lstm, scaling
from rnnlite_pipeline.quantize.integer_loop import has_weights
from rnnlite_pipeline.quantize.integer_ops import CLAMPS, KERNELS, Kernel
from rnnlite_pipeline.quantize.integer_values import IntegerValues, limits
from rnnlite_pipeline.quantize.kernels import is_weight
from rnnlite_pipeline.quantize.numbers import SCHEMES
from rnnlite_pipeline.quantize.outcome import Outcome
from rnnlite_pipeline.quantize.ranges import Ranges
from rnnlite_pipeline.quantize.scales import WIDE, Scales
from rnnlite_pipeline.quantize.skip import SKIPPED, Skip

#: The fused op that has an integer form.
LSTM = "UNIDIRECTIONAL_SEQUENCE_LSTM"

#: Ops that are written in a way of their own; all others as their kernel says.
OWN_WAY = frozenset({LSTM, "WHILE", "DYNAMIC_UPDATE_SLICE"})

#: Ops that take a part of a value or clip it, and how much smaller the part's range must be for a
#: scale of its own: two of the eight bits would be lost.
PARTS = frozenset({"STRIDED_SLICE", "SLICE", "MAXIMUM", "MINIMUM", "SELECT_V2", "RELU", "RELU6"})
SMALLER = 4


@dataclass(frozen=True)
class Place:
    """One graph of a model, and what all graphs share.

    Attributes:
        graph: The main graph, or a loop's body.
        scales: The scale of every value.
        found: What became of each op, so far.
    """

    graph: Subgraph
    scales: Scales
    found: list[Outcome]


class IntegerChoice(IntegerValues):
    """Knows which ops of a graph are to be integers, with what was written of it so far.

    Args:
        model: The lowered float graph.
        scheme: "int8" or "int16x8".
        ranges: What was measured on the calibration data.
        skip: The layers to leave in float.
        place: The graph, and what is shared with those around it.
    """

    def __init__(
        self,
        model: Model,
        scheme: str,
        ranges: Ranges,
        skip: Skip,
        place: Place,
    ) -> None:
        self._model, self._scheme, self._ranges, self._skip = model, scheme, ranges, skip
        self._graph, self._found = place.graph, place.found
        self._wide = scheme == "int16x8"
        numbers = SCHEMES[scheme] if self._graph is model.main else WIDE
        super().__init__(numbers, place.scales, producers(self._graph))
        self._readers = consumers(self._graph)

    def _why_float(self, op: Op) -> str:
        """Why an op stays float; empty if it does not."""
        if self._skip.has(op):
            return SKIPPED
        kernel = KERNELS.get(op.code)
        if kernel is None and op.code not in OWN_WAY:
            return "it has no integer form"
        if not all(map(self._is_finite, (*op.inputs, *op.outputs))):
            return "its values are not finite"
        if op.code == LSTM:
            return self._why_no_lstm(op)
        if op.code == "WHILE":
            return integer_loop.why_not(self._model, op, self._scales, self._skip)
        if op.code == "DYNAMIC_UPDATE_SLICE":
            return "" if op.inputs[0] in self._ints else "it stands between float ops"
        assert kernel is not None
        return self._why_no_kernel(op, kernel)

    def _why_no_lstm(self, op: Op) -> str:
        if reason := integer_lstm.why_not(op, self._writers, self._readers):
            return reason
        if op not in self._ranges.cells:
            return "it stands in a loop"
        assert op.inputs[0] is not None
        x, y = (self._reach(t) for t in (op.inputs[0], op.outputs[0]))
        return integer_lstm.why_not_by_range(op, self._ranges.cells[op], x, y)

    def _why_no_kernel(self, op: Op, kernel: Kernel) -> str:
        if op.options.get("fused_activation_function", "NONE") not in CLAMPS:
            return "its activation has no integer form"
        if kernel.axis is not None:
            return self._why_scales(op, kernel) if has_weights(op) else "its weights are computed"
        if kernel.rule == "keep" and self._is_for_floats(op):
            return "only float ops read it"
        if op.code in PARTS and self._is_small_part(op):
            return f"its range is less than 1/{SMALLER} of what it is a part of"
        near = any(t is not None and self._is_near(t) for t in self._data(op, kernel))
        return self._why_scales(op, kernel) if near else "it stands between float ops"

    def _is_for_floats(self, op: Op) -> bool:
        """Whether a real value is moved for ops that read it so: a comparison must not round."""
        readers = [reader for tensor in op.outputs for reader in self._readers[tensor]]
        returned = set(op.outputs) & set(self._graph.outputs)
        integer = {*KERNELS, *OWN_WAY}
        plain = all(r.code not in integer for r in readers)
        return bool(readers) and plain and not returned and op.inputs[0] in self._real

    def _is_finite(self, tensor: Tensor | None) -> bool:
        if tensor is None or tensor.dtype != "FLOAT32":
            return True
        value = tensor.array
        return self._scales.is_finite(tensor) if value is None else bool(np.isfinite(value).all())

    def _why_scales(self, op: Op, kernel: Kernel) -> str:
        """Why the scales of its values are beyond its kernel; empty if they are not."""
        if kernel.rule == "keep":
            return ""
        operands = [self._value(t) for t in self._data(op, kernel) if t is not None]
        result = self._value(op.outputs[0])
        if kernel.rule in ("unit", "both"):
            fixed = self._numbers.fixed(0 if kernel.rule == "unit" else -1)
            result = replace(result, scale=fixed.scale[0])
        wide = self._numbers.activation == "INT16"
        return scaling.why_not(op, kernel, operands, result, wide)

    def _value(self, tensor: Tensor) -> scaling.Value:
        low, high = self._ranges.tensors.get(tensor, (0.0, 0.0))
        return scaling.Value(self._scale(tensor), high - low, tensor.data is not None)

    def _scale(self, tensor: Tensor) -> float:
        """The scale that `_as_int` would give a value."""
        made = self._ints.get(tensor)
        if made is None:
            return self._own(tensor).scale[0]
        assert made.quantization is not None
        same = made.dtype == self._numbers.activation
        return (made.quantization if same else self._numbers.of(*limits(made))).scale[0]

    def _reach(self, tensor: Tensor) -> float:
        """The largest magnitude that a value can have in integers."""
        return self._scale(tensor) * (32768 if self._numbers.activation == "INT16" else 255)

    def _is_small_part(self, op: Op) -> bool:
        """Whether a part of a real value has so small a range that its own scale is needed.

        A mask that is a column of features is such a part: in their scale it may round to 0. So is
        a value clipped at both ends, though its first op cuts off one of them alone.
        """
        (part,) = op.outputs
        readers = self._readers[part]
        inner = all(r.code in PARTS for r in readers) and part not in self._graph.outputs
        ends = [r.outputs[0] for r in readers] if inner else []
        return any(
            self._is_much_smaller(part, whole)
            or (ends and all(self._is_much_smaller(end, whole) for end in ends))
            for whole in op.inputs
        )

    def _is_much_smaller(self, part: Tensor, whole: Tensor | None) -> bool:
        """Whether a part of a real value has less than 1/`SMALLER` of its range."""
        seen = self._ranges.tensors
        if whole is None or whole not in self._real or whole not in seen or part not in seen:
            return False
        (low, high), (least, most) = seen[whole], seen[part]
        return (most - least) * SMALLER < high - low

    def _is_near(self, tensor: Tensor) -> bool:
        table = is_weight(tensor) and tensor.shape is not None and len(tensor.shape) > 1
        return tensor in self._ints or tensor in self._model.main.inputs or table

    def _data(self, op: Op, kernel: Kernel) -> Iterable[Tensor | None]:
        return op.inputs if kernel.data is None else [op.inputs[slot] for slot in kernel.data]
