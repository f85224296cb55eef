"""A sequence in the order in which a loop reads it, as far as it reads it.

In step t a loop reads position a t + b of its sequence, n steps in all. Rules:

1. From the first position to the last, or from the last to the first: the sequence, or its reverse.
2. A part of it, one position after the other: a slice.
3. Other strides: GATHER at the positions.
4. A position before the first or behind the last is that one: an index is seldom outside, but as
   max(t - 1, 0) or as JAX clamps it. An index that wraps around gives other numbers, and
   validation, which runs every step, refuses it.
5. What is known at run time only must be known to suffice: of another sequence, or by arithmetic.
6. A number of steps that can be 0 for a sequence that is not empty, as T - 1 can, is taken for 1
   then: no kernel runs over 0 steps. The step too many is cut off, and states are the first ones.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rnnlite_pipeline.graph.build import Builder
from rnnlite_pipeline.graph.ir import OPEN, Tensor
from rnnlite_pipeline.recognise.loop.loop import STEP, Loop, Reading, Unrecognised
from rnnlite_pipeline.shapes.extents import Extents
from rnnlite_pipeline.shapes.linear import Linear, Quotient, least

_ONE = Linear(1)


@dataclass(frozen=True, eq=False)
class Running:
    """Writes the sequences of one loop in running order.

    Attributes:
        loop: The loop.
        extents: The run-time integers of the graph it stands in.
        build: Collects the ops made.
    """

    loop: Loop
    extents: Extents
    build: Builder

    @property
    def may_be_none(self) -> bool:
        """Rule 6."""
        steps = self.loop.steps
        return not steps.is_constant and self.extents.place(steps) is None

    def steps(self) -> int:
        """How many steps there are, OPEN where that is known at run time only."""
        return self.loop.steps.constant if self.loop.steps.is_constant else OPEN

    def read(self, reading: Reading) -> Tensor:
        """The sequence that is read, its axis of time where it was, in running order.

        Raises:
            Unrecognised: It is not known to have all the positions that are read.
        """
        tensor, axis, steps = reading.tensor, reading.axis, self.loop.steps
        stride = reading.index.factor(STEP)
        first = reading.index.replaced(STEP, Linear())
        last = first + (steps - _ONE) * stride
        low, high = (first, last) if stride >= 0 else (last, first)
        behind = self.extents.dimension(tensor, axis) - _ONE - high
        inside = [least(low), least(behind)]
        if None in inside:
            if not self._is_bound() or abs(stride) != 1:
                raise Unrecognised(
                    "the number of its steps is not known to be its sequence's length"
                )
            inside = [0, 0]
        exact = abs(stride) == 1 and not self.may_be_none
        if exact and min(filter(None, [0, *inside]), default=0) >= 0:
            part = tensor if low == behind == Linear() else self._slice(tensor, axis, low)
            return part if stride == 1 else self.build.reverse(part, axis=axis)
        clamped = self.may_be_none or min(i or 0 for i in inside) < 0
        return self._gather(reading, first, stride, clamped=clamped)

    def number(self, value: Linear) -> Tensor:
        """An integer known at run time as a tensor, int32 [1].

        Raises:
            Unrecognised: A part of it is no dimension and no scalar of the graph.
        """
        build, total = self.build, None
        for name, factor in sorted(value.factors):
            part = self._symbol(name)
            if factor != 1:
                part = build.binary("MUL", part, build.indices([factor]))
            total = part if total is None else build.binary("ADD", total, part)
        if total is None:
            return build.indices([value.constant])
        if value.constant:
            total = build.binary("ADD", total, build.indices([value.constant]))
        return total

    def total(self) -> Tensor:
        """The number of steps n that are run, int32 [1]."""
        steps = self.number(self.loop.steps)
        return (
            self.build.binary("MAXIMUM", steps, self.build.indices([1]))
            if self.may_be_none
            else steps
        )

    def cut(self, tensor: Tensor, length: Linear, *, at_end: bool) -> Tensor:
        """`length` items [length, B, n] of a list that has a step too many at one end, if one."""
        if not self.may_be_none:
            return tensor
        build, end = self.build, self.number(length)
        begin = build.indices([0])
        if not at_end:
            begin = build.binary("SUB", self.total(), self.number(self.loop.steps))
            end = build.binary("ADD", begin, end)
        shape = (OPEN, *(tensor.shape or ())[1:])
        operands = [tensor, begin, end, build.indices([1])]
        return build.op("STRIDED_SLICE", operands, tensor.dtype, shape)

    def ended(self, final: Tensor, first: Tensor | None) -> Tensor:
        """A state [B, n] after the steps: the first one, or zero, where there were none."""
        if not self.may_be_none:
            return final
        build = self.build
        some = build.binary("GREATER", self.number(self.loop.steps), build.indices([0]))
        zero = first or build.constant("zero", np.zeros(1, np.float32))
        mask = build.reshape(some, [1, 1])
        return build.op("SELECT_V2", [mask, final, zero], final.dtype, final.shape)

    def count(self) -> Tensor:
        """0, 1, 2, ...: the number of each step, int32 [n]."""
        build = self.build
        if self.loop.steps.is_constant:
            return build.indices(range(self.loop.steps.constant))
        limit = build.reshape(self.total(), [])
        return build.op("RANGE", [build.indices(0), limit, build.indices(1)], "INT32", [OPEN])

    def _symbol(self, name: str) -> Tensor:
        build = self.build
        if isinstance(name, Quotient):
            base = self._symbol(name.base)
            return build.binary("FLOOR_DIV", base, build.indices([name.divisor]))
        length = Linear.symbol(name)
        read = [(r.tensor, r.axis) for r in self.loop.readings.values()]
        here = (place for place in read if self.extents.dimension(*place) == length)
        place = next(here, self.extents.place(length))
        if place is not None:
            return build.dimension(*place)
        scalar = self.extents.named(name)
        if scalar is None or scalar.dtype != "INT32":
            raise Unrecognised("the number of its steps is not known to be its sequence's length")
        return build.reshape(scalar, [1])

    def _is_bound(self) -> bool:
        """Whether another sequence has as many steps: joining a shorter one to it fails."""
        steps = self.loop.steps
        others = self.loop.readings.values()
        known = any(self.extents.dimension(r.tensor, r.axis) == steps for r in others)
        return known and (steps.is_constant or self.extents.place(steps) is not None)

    def _slice(self, tensor: Tensor, axis: int, low: Linear) -> Tensor:
        """Positions [low, low + n)."""
        build, end = self.build, low + self.loop.steps
        if low.is_constant and end.is_constant:
            return build.part(tensor, axis, low.constant, end.constant)
        rank = len(tensor.shape or ())
        zero = build.indices([0])
        places = []
        for place in (low, end):
            each = [self.number(place) if a == axis else zero for a in range(rank)]
            places.append(build.concatenate(each, axis=0))
        shape = list(tensor.shape or ())
        shape[axis] = self.steps()
        mask = (1 << rank) - 1 - (1 << axis)
        operands = [tensor, *places, build.indices([1] * rank)]
        return build.op(
            "STRIDED_SLICE", operands, tensor.dtype, shape, begin_mask=mask, end_mask=mask
        )

    def _gather(self, reading: Reading, first: Linear, stride: int, *, clamped: bool) -> Tensor:
        build, tensor, axis = self.build, reading.tensor, reading.axis
        places = self.count()
        if stride != 1:
            places = build.binary("MUL", places, build.indices(stride))
        if first != Linear():
            places = build.binary("ADD", places, self.number(first))
        if clamped:
            end = self.number(self.extents.dimension(tensor, axis) - _ONE)
            places = build.binary("MINIMUM", places, end)
            places = build.binary("MAXIMUM", places, build.indices(0))
        shape = list(tensor.shape or ())
        shape[axis] = self.steps()
        return build.op("GATHER", [tensor, places], tensor.dtype, shape, axis=axis)
