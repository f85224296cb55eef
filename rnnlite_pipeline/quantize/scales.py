"""Scales and zero points of every value, where several tensors must have the same.

1. What a loop carries has one scale: before a turn, after it, and behind the loop; and so has
   a state from call to call. What a loop hands on unchanged has that of the tensor outside.
2. What DYNAMIC_UPDATE_SLICE writes into has one scale, before and after.
3. A state, which a loop carries from step to step, is int16 whatever the scheme: as in the fused
   LSTM op, whose cell state is. In int8 a slow state would stand still, as its steps round to
   nothing. Sequences that a loop reads or fills are of the scheme's type.
4. The output state of a fused LSTM that goes on from call to call has the scale of its output.
5. A state that is what TANH or LOGISTIC put out has the scale that their kernels fix, unless it is
   too small for it (scaling.py, rule 3).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import isfinite

from rnnlite_pipeline.errors import NotConvertible
from rnnlite_pipeline.graph.ir import Model, Op, Quantization, Subgraph, Tensor
from rnnlite_pipeline.quantize.integer_ops import KERNELS
from rnnlite_pipeline.quantize.numbers import SCHEMES, Numbers
from rnnlite_pipeline.quantize.ranges import Range, Ranges
from rnnlite_pipeline.quantize.scaling import vanishes

#: What states, and the steps of a loop, are computed in.
WIDE = SCHEMES["int16x8"]

#: Ranges are widened by up to 0.1 % (numbers.py, steady).
ABOUT_1 = 1.002


class Scales:
    """The scales of a model's values, by what was measured on the calibration data.

    Args:
        model: The lowered float graph.
        numbers: The scheme's dtypes.
        ranges: What was measured.
        states: The inputs that hold states between calls, and the outputs they come from.
    """

    def __init__(
        self, model: Model, numbers: Numbers, ranges: Ranges, states: Mapping[Tensor, Tensor]
    ) -> None:
        self._numbers, self._ranges = numbers, ranges
        self._alike: dict[Tensor, list[Tensor]] = {}
        self._beside: dict[Tensor, list[Tensor]] = {}
        self._written: set[Tensor] = set()
        self._changed: set[Tensor] = set()
        self._kept = set(states)
        for before, after in states.items():
            self._join(before, after)
        self._writers = {t: op for op in model.ops() for t in op.outputs}
        for subgraph in model.subgraphs:
            for op in subgraph.ops:
                self._see(op, subgraph, subgraph is model.main)

    def numbers(self, tensor: Tensor) -> Numbers:
        """The dtypes of what a loop carries: wide for a state."""
        return WIDE if self.is_state(tensor) else self._numbers

    def is_state(self, tensor: Tensor) -> bool:
        """Whether a loop changes it at every turn, other than by filling it."""
        return not self._changed.isdisjoint(self._group(tensor)) and not self.is_written(tensor)

    def is_written(self, tensor: Tensor) -> bool:
        """Whether a loop fills it, part by part."""
        return not self._written.isdisjoint(self._group(tensor))

    def knows(self, tensor: Tensor) -> bool:
        """Whether the calibration data reached a value, or one that must be like it."""
        return bool(list(self._seen(self._group(tensor))))

    def is_finite(self, tensor: Tensor) -> bool:
        """Whether every number was finite that was seen of a value, or of one like it."""
        return all(map(isfinite, (end for ends in self._seen(self._group(tensor)) for end in ends)))

    def of(self, tensor: Tensor, numbers: Numbers | None = None) -> Quantization:
        """The scale of a value; as `numbers` have it, if it stands alone.

        Raises:
            NotConvertible: The calibration data never reached it, or made it infinite.
        """
        group = self._group(tensor)
        own = self.numbers(tensor) if len(group) > 1 else self._numbers
        if numbers is not None and numbers != own:
            group, own = [tensor], numbers
        seen = list(self._seen(group))
        if not seen:
            raise NotConvertible(
                f"The calibration data never reached {tensor.name!r}.",
                "Give more samples, or name the layer in quantization.skip.",
                ("quantization", "calibration", "path"),
            )
        if not self.is_finite(tensor):
            raise NotConvertible(
                f"On the calibration data {tensor.name!r} has NaN or infinite values.",
                "Correct the data or the model, or name the layer in quantization.skip.",
                ("quantization", "calibration", "path"),
            )
        low, high = min(least for least, _ in seen), max(most for _, most in seen)
        rules = {self._rule(t) for t in group} - {""}
        if len(group) > 1 and rules <= {"unit", "both"} and rules and max(-low, high) < ABOUT_1:
            fixed = own.fixed(0 if rules == {"unit"} else -1)
            if not vanishes(high - low, fixed.scale[0]):
                return fixed
        return own.of(low, high)

    def _see(self, op: Op, subgraph: Subgraph, main: bool) -> None:
        if op.code == "DYNAMIC_UPDATE_SLICE" and op.outputs[0].dtype == "FLOAT32":
            whole, part = op.inputs[:2]
            self._join(whole, op.outputs[0])
            self._join(whole, part)
            self._written.add(op.outputs[0])
        if op.code == "BROADCAST_TO" and op.inputs[0] in self._kept:
            self._join(op.inputs[0], op.outputs[0])
            self._kept.add(op.outputs[0])
        if op.code == "UNIDIRECTIONAL_SEQUENCE_LSTM" and op.inputs[18] in self._kept:
            self._join(op.inputs[18], op.outputs[0])
        if op.code != "WHILE":
            return
        body: Subgraph = op.options["body_subgraph"]
        for outside, inside, after, result in zip(
            op.inputs, body.inputs, body.outputs, op.outputs, strict=True
        ):
            if inside.dtype != "FLOAT32" or outside is None:
                continue
            self._join(inside, after)
            self._join(inside, result)
            if after is not inside:
                self._changed.add(inside)
            if outside in self._kept or (outside in subgraph.inputs and not main):
                self._join(outside, inside)
            self._beside.setdefault(inside, []).append(outside)

    def _join(self, one: Tensor | None, other: Tensor | None) -> None:
        """Lets two tensors, and all that are like them, be alike."""
        if one is None or other is None:
            return
        a, b = self._group(one), self._group(other)
        if a is not b:
            joined = a + b
            self._alike.update((tensor, joined) for tensor in joined)

    def _group(self, tensor: Tensor) -> list[Tensor]:
        return self._alike.setdefault(tensor, [tensor])

    def _seen(self, group: list[Tensor]) -> Iterator[Range]:
        found = self._ranges.tensors
        for tensor in group:
            yield from (found[t] for t in (tensor, *self._beside.get(tensor, [])) if t in found)

    def _rule(self, tensor: Tensor) -> str:
        """How the kernel that computes a value fixes its scale; empty for none."""
        op = self._writers.get(tensor)
        if op is None or op.code in ("WHILE", "DYNAMIC_UPDATE_SLICE"):
            return ""
        kernel = KERNELS.get(op.code)
        return "free" if kernel is None else kernel.rule
