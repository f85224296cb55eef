"""Run-time integers of a graph as linear forms: dimensions, loop bounds, counters.

A dimension that is open is a symbol, named by the tensor it is first seen on: a transpose, a
reversal or a recurrence does not rename it. Two loops over one sequence are so seen to be as
long as it is.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from rnnlite_pipeline.graph.dimensions import sources
from rnnlite_pipeline.graph.ir import OPEN, Op, Subgraph, Tensor
from rnnlite_pipeline.recurrence import RECURRENCE


@dataclass(frozen=True)
class Linear:
    """constant + sum of factor * symbol, over integers."""

    constant: int = 0
    factors: frozenset[tuple[str, int]] = field(default_factory=frozenset)

    @classmethod
    def symbol(cls, name: str) -> Linear:
        """The form that is one symbol."""
        return cls(0, frozenset({(name, 1)}))

    @property
    def is_constant(self) -> bool:
        """Whether it is a plain integer."""
        return not self.factors

    def factor(self, name: str) -> int:
        """The factor of one symbol."""
        return dict(self.factors).get(name, 0)

    def __add__(self, other: Linear) -> Linear:
        total = dict(self.factors)
        for name, factor in other.factors:
            total[name] = total.get(name, 0) + factor
        left = frozenset((n, f) for n, f in total.items() if f)
        return Linear(self.constant + other.constant, left)

    def __mul__(self, factor: int) -> Linear:
        left = frozenset((n, f * factor) for n, f in self.factors if factor)
        return Linear(self.constant * factor, left)

    def __sub__(self, other: Linear) -> Linear:
        return self + other * -1

    def replaced(self, name: str, value: Linear) -> Linear:
        """With `value` in place of the symbol `name`."""
        factor = self.factor(name)
        rest = Linear(self.constant, frozenset(p for p in self.factors if p[0] != name))
        return rest + value * factor


class Extents:
    """The run-time integers of one subgraph.

    Args:
        subgraph: Read once; make a new one after a rewrite.
    """

    def __init__(self, subgraph: Subgraph) -> None:
        self._producers: dict[int, Op] = {id(t): op for op in subgraph.ops for t in op.outputs}
        self._names: dict[int, str] = {}
        self._symbols: dict[str, Tensor] = {}

    def dimension(self, tensor: Tensor, axis: int) -> Linear:
        """How long `tensor` is along `axis`."""
        shape = tensor.shape or ()
        if axis < len(shape) and shape[axis] != OPEN:
            return Linear(shape[axis])
        op = self._producers.get(id(tensor))
        source = op and self._renamed(op, tensor, axis)
        if source:
            return self.dimension(*source)
        asked = op and self._asked(op, axis)
        if asked:
            return asked
        return Linear.symbol(f"{self._name(tensor)}.{axis}")

    def scalar(self, tensor: Tensor) -> Linear:
        """The value of an integer scalar."""
        value = tensor.array
        if value is not None and value.size == 1:
            return Linear(int(value.reshape(-1)[0]))
        op = self._producers.get(id(tensor))
        known = op and self._computed(op)
        return known if known else Linear.symbol(self._name(tensor))

    def longest(self, symbol: str) -> tuple[Linear, Tensor] | None:
        """(T, lengths) where a scalar is the longest of `lengths` [B], and T at most.

        TensorFlow's dynamic_rnn stops there: min(T, max(1, reduce_max(lengths))).
        """
        op = self._producers.get(id(self._symbols.get(symbol)))
        if op is None or op.code != "MINIMUM":
            return None
        for one, other in (op.inputs, op.inputs[::-1]):
            lengths = self._largest(other)
            if one is not None and lengths is not None:
                return self.scalar(one), lengths
        return None

    def _largest(self, tensor: Tensor | None) -> Tensor | None:
        """The vector that a scalar is the largest element of, or 1 if that is larger."""
        op = self._producers.get(id(tensor))
        if op is not None and op.code == "MAXIMUM":
            constants = [t for t in op.inputs if t is not None and t.data is not None]
            rest = [t for t in op.inputs if t is not None and t.data is None]
            if len(constants) == len(rest) == 1 and self.scalar(constants[0]).constant <= 1:
                return self._largest(rest[0])
        if op is None or op.code != "REDUCE_MAX" or op.inputs[0] is None:
            return None
        return op.inputs[0] if len(op.inputs[0].shape or ()) == 1 else None

    def producer(self, tensor: Tensor | None) -> Op | None:
        """The op that computes a tensor; None for an input or a constant."""
        return self._producers.get(id(tensor))

    def is_zero(self, tensor: Tensor) -> bool:
        """Whether every element is zero, whatever the shape turns out to be."""
        value = tensor.array
        if value is not None:
            return not value.any()
        op = self._producers.get(id(tensor))
        if op is None:
            return False
        if op.code == "ZEROS_LIKE":
            return True
        sources = {"FILL": 1, "BROADCAST_TO": 0, "RESHAPE": 0, "TILE": 0, "EXPAND_DIMS": 0}
        source = op.inputs[sources[op.code]] if op.code in sources else None
        return source is not None and self.is_zero(source)

    def _renamed(self, op: Op, tensor: Tensor, axis: int) -> tuple[Tensor, int] | None:
        """The tensor and axis that the open dimension comes from, one op back."""
        first = op.inputs[0] if op.inputs else None
        if op.code == RECURRENCE and first is not None:
            if tensor is op.outputs[0]:
                return first, axis
            return first, 1 if op.options["recurrence"].time_major else 0
        if op.code == "WHILE":
            return None  # what a loop carries may grow
        found = sources(op, op.outputs.index(tensor), axis) or []
        return next(((t, a) for t, a in found if (t.shape or ())[a : a + 1] == (OPEN,)), None)

    def _asked(self, op: Op, axis: int) -> Linear | None:
        """The dimension that an op is told to make, where its shape is put together from parts."""
        place = {"FILL": 0, "BROADCAST_TO": 1}.get(op.code)
        shape = None if place is None else op.inputs[place]
        parts = self._producers.get(id(shape))
        if parts is None or parts.code not in ("PACK", "CONCATENATION"):
            return None
        start = 0
        for part in parts.inputs:
            length = (part.shape or (1,))[0] if part is not None else 1
            if part is None or length == OPEN:
                return None
            if start <= axis < start + length:
                values = part.array
                if values is not None and values.size == length:
                    return Linear(int(values.reshape(-1)[axis - start]))
                return self.scalar(part) if length == 1 else None
            start += length
        return None

    def _computed(self, op: Op) -> Linear | None:
        """The value of a scalar that shape arithmetic gives."""
        inputs = [t for t in op.inputs if t is not None]
        if op.code in ("STRIDED_SLICE", "GATHER", "SLICE"):
            return self._measured(inputs[0], inputs[1])
        if op.code in ("RESHAPE", "SQUEEZE", "CAST", "EXPAND_DIMS"):
            return self.scalar(inputs[0])
        if op.code in _ARITHMETIC:
            known = _ARITHMETIC[op.code](*(self.scalar(t) for t in inputs))
            return self._absorbed(inputs) if known is None and op.code == "MINIMUM" else known
        return None

    def _absorbed(self, inputs: list[Tensor]) -> Linear | None:
        """min(a, max(a, b)) is a."""
        for one, other in (inputs, inputs[::-1]):
            larger = self._producers.get(id(other))
            if larger is not None and larger.code == "MAXIMUM":
                value = self.scalar(one)
                if any(t is not None and self.scalar(t) == value for t in larger.inputs):
                    return value
        return None

    def _measured(self, shape: Tensor, place: Tensor) -> Linear | None:
        """One element of a SHAPE."""
        op, start = self._producers.get(id(shape)), place.array
        if start is None or start.size != 1 or op is None or op.code != "SHAPE":
            return None
        measured = op.inputs[0]
        if measured is None or measured.shape is None:
            return None
        return self.dimension(measured, int(start.reshape(-1)[0]) % len(measured.shape))

    def _name(self, tensor: Tensor) -> str:
        name = self._names.setdefault(id(tensor), f"{tensor.name}#{len(self._names)}")
        self._symbols[name] = tensor
        return name


def _times(a: Linear, b: Linear) -> Linear | None:
    if a.is_constant:
        return b * a.constant
    return a * b.constant if b.is_constant else None


def _larger(a: Linear, b: Linear) -> Linear | None:
    difference = a - b
    if not difference.is_constant:
        return None
    return a if difference.constant >= 0 else b


def _smaller(a: Linear, b: Linear) -> Linear | None:
    larger = _larger(a, b)
    return None if larger is None else a + b - larger


_ARITHMETIC: dict[str, Callable[[Linear, Linear], Linear | None]] = {
    "ADD": Linear.__add__,
    "SUB": Linear.__sub__,
    "MUL": _times,
    "MAXIMUM": _larger,
    "MINIMUM": _smaller,
}
