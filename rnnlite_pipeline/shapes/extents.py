"""Run-time integers of a graph as linear forms: dimensions, loop bounds, counters.

A dimension that is open is a symbol, named by the tensor it is first seen on: a transpose, a
reversal or a recurrence does not rename it. Two loops over one sequence are so seen to be as
long as it is.

Rules:
    1. An op that makes a shape it is told (`_TOLD`) makes that one; a slice keeps the axes that it
       takes all of.
    2. Any other op's dimension is what `graph.dimensions` says it comes from. Where it comes from
       several operands, they must agree: of two that are open apart, either could be 1.
    3. What a loop carries keeps a dimension if every step does, given that the steps before did
       (induction); otherwise the dimension is the loop's own.
    4. Shape arithmetic is followed through `integers`.
    5. What none of these says is a symbol of its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from rnnlite_pipeline.cells.recurrence import RECURRENCE
from rnnlite_pipeline.graph.ir import OPEN, Op, Subgraph, Tensor
from rnnlite_pipeline.shapes.dimensions import sources
from rnnlite_pipeline.shapes.frames import Frame
from rnnlite_pipeline.shapes.integers import Integers, computed
from rnnlite_pipeline.shapes.linear import Linear
from rnnlite_pipeline.shapes.spans import Span, sized, strided

#: A tensor and an axis.
Place = tuple[Tensor, int]

_INTEGERS: Final = ("INT32", "INT64")

_SLICES: Final = ("SLICE", "STRIDED_SLICE")

#: The ops that are told the shape to make, and the operand that says it.
_TOLD: Final = {"FILL": 0, "RANDOM_UNIFORM": 0, "BROADCAST_TO": 1, "RESHAPE": 1}


@dataclass
class Symbols:
    """The symbols of a graph and of the loops in it, and what each stands for.

    Attributes:
        names: What the symbols of a tensor begin with.
        scalars: The scalar that a symbol is.
        places: The tensor and the axis that a symbol is the length of.
    """

    names: dict[Tensor, str] = field(default_factory=dict)
    scalars: dict[str, Tensor] = field(default_factory=dict)
    places: dict[str, Place] = field(default_factory=dict)


class Extents:
    """The run-time integers of one subgraph.

    Args:
        subgraph: Read once; make a new one after a rewrite.
        frame: The loop whose body or condition it is, if its operands are to be known in it.
        symbols: Those of the graph around the loop.
    """

    def __init__(
        self, subgraph: Subgraph, frame: Frame | None = None, symbols: Symbols | None = None
    ) -> None:
        self._ops = list(subgraph.ops)
        self._producers = {t: op for op in self._ops for t in op.outputs}
        self._positions = {id(op): place for place, op in enumerate(self._ops)}
        self._frame = frame
        self._symbols = symbols or Symbols()
        self._inside: dict[int, tuple[Frame, Extents]] = {}
        self._forget()

    def _forget(self) -> None:
        self._dimensions: dict[Place, Linear] = {}
        self._integers: dict[Tensor, Integers | None] = {}
        self._settled = 0
        self._inside.clear()

    def dimension(self, tensor: Tensor, axis: int) -> Linear:
        """How long `tensor` is along `axis`."""
        shape = tensor.shape or ()
        if axis < len(shape) and shape[axis] != OPEN:
            return Linear(shape[axis])
        place = tensor, axis
        if place not in self._dimensions:
            self._settle(tensor)
            known = self._dimension(tensor, axis)
            self._dimensions[place] = self._own(place) if known is None else known
        return self._dimensions[place]

    def place(self, length: Linear) -> Place | None:
        """The tensor and axis that are as long; None where the length is no open dimension."""
        ((name, factor),) = length.factors if len(length.factors) == 1 else (("", 0),)
        return self._symbols.places.get(name) if factor == 1 and not length.constant else None

    def _settle(self, tensor: Tensor) -> None:
        """Follows all that is computed before, so that no walk is deeper than an op."""
        op = self._producers.get(tensor)
        end = self._positions[id(op)] if op is not None else 0
        while self._settled < end:
            before, self._settled = self._ops[self._settled], self._settled + 1
            if before.code != "WHILE":
                for output in before.outputs:
                    for axis in range(len(output.shape or ())):
                        self.dimension(output, axis)

    def _name(self, tensor: Tensor) -> str:
        names = self._symbols.names
        return names.setdefault(tensor, f"{tensor.name}#{len(names)}")

    def _own(self, place: Place) -> Linear:
        tensor, axis = place
        name = f"{self._name(tensor)}.{axis}"
        self._symbols.places[name] = place
        return Linear.symbol(name)

    def _dimension(self, tensor: Tensor, axis: int) -> Linear | None:
        op = self._producers.get(tensor)
        if op is None:
            return self._frame.dimension(tensor, axis) if self._frame else None
        if op.code == RECURRENCE:
            first = op.inputs[0]
            batch = 1 if op.options["recurrence"].time_major else 0
            source = axis if tensor is op.outputs[0] else batch
            return None if first is None else self.dimension(first, source)
        if op.code == "WHILE":
            return self._body(op)[0].length(op.outputs.index(tensor), axis)
        told = self._kept(op, axis) if op.code in _SLICES else self._told(op, axis)
        return self._agreed(sources(op, op.outputs.index(tensor), axis)) if told is None else told

    def spans(self, op: Op) -> list[Span] | None:
        """What a SLICE or STRIDED_SLICE takes along each axis; None where that is data."""
        source, *rest = op.inputs
        if source is None or source.shape is None:
            return None
        lengths = [self.dimension(source, axis) for axis in range(len(source.shape))]
        places = [None if t is None else self.integers(t) for t in rest]
        if op.code == "SLICE":
            return sized(lengths, places)
        return strided(op.options, lengths, places)

    def _kept(self, op: Op, axis: int) -> Linear | None:
        """Rule 1, of a slice: an axis that it takes all of."""
        left = [span for span in self.spans(op) or [] if not span.shrunk]
        return left[axis].length if axis < len(left) and left[axis].is_whole else None

    def _told(self, op: Op, axis: int) -> Linear | None:
        """Rule 1."""
        place = _TOLD.get(op.code, len(op.inputs))
        shape = op.inputs[place] if place < len(op.inputs) else None
        told = None if shape is None else self.integers(shape)
        if told is None or axis >= len(told) or told[axis] == Linear(OPEN):
            return None
        return told[axis]

    def _agreed(self, places: list[Place] | None) -> Linear | None:
        """Rule 2: the broadcast of several dimensions, or None where it is not known."""
        if places is None or any(axis >= len(t.shape or ()) for t, axis in places):
            return None
        found = {self.dimension(*place) for place in places} - {Linear(1)}
        constant = [length for length in found if length.is_constant]
        if len(found) > 1 and len(constant) == 1:
            return constant[0]
        return next(iter(found), Linear(1)) if len(found) <= 1 else None

    def inside(self, loop: Op, part: str = "body_subgraph") -> Extents:
        """The integers of a loop's body, or of its condition, its operands known in it.

        A counter there is the symbol v{k}, by the number of its variable.
        """
        frame, body = self._body(loop)
        if part == "body_subgraph":
            return body
        graph: Subgraph = loop.options[part]
        return Extents(graph, Frame(loop, self, graph, frame.grown), self._symbols)

    def _body(self, loop: Op) -> tuple[Frame, Extents]:
        """Rule 3: takes every dimension for kept, until no step is seen to change one more."""
        if id(loop) not in self._inside:
            graph: Subgraph = loop.options["body_subgraph"]
            frame = Frame(loop, self, graph)
            body = Extents(graph, frame, self._symbols)
            self._inside[id(loop)] = frame, body
            while grown := set(body._growing(graph, frame)):
                frame.grown |= grown
                body._forget()
        return self._inside[id(loop)]

    def _growing(self, graph: Subgraph, frame: Frame) -> Iterator[tuple[int, int]]:
        """The variables and axes that a step is seen to change."""
        for number, tensor in enumerate(graph.outputs):
            for axis in range(len(tensor.shape or ())):
                kept = frame.stays(number) or (number, axis) in frame.grown
                if not kept and self.dimension(tensor, axis) != frame.first(number, axis):
                    yield number, axis

    def scalar(self, tensor: Tensor) -> Linear:
        """The value of an integer scalar; a symbol of its own where it is not known."""
        known = self.integers(tensor)
        if known is not None and len(known) == 1:
            return known[0]
        name = self._name(tensor)
        self._symbols.scalars[name] = tensor
        return Linear.symbol(name)

    def integers(self, tensor: Tensor) -> Integers | None:
        """The elements of an integer scalar or vector, None where they are data."""
        if tensor.dtype not in _INTEGERS or len(tensor.shape or ()) > 1:
            return None
        if tensor not in self._integers:
            self._integers[tensor] = None  # what it is computed from cannot depend on it
            found = self._elements(tensor)
            declared = tensor.shape[0] if tensor.shape else 1
            whole = found is not None and declared in (OPEN, len(found))
            self._integers[tensor] = found if whole else None
        return self._integers[tensor]

    def _elements(self, tensor: Tensor) -> Integers | None:
        value = tensor.array
        if value is not None:
            return tuple(Linear(int(v)) for v in value.reshape(-1))
        op = self._producers.get(tensor)
        if op is None:
            return self._frame.integers(tensor) if self._frame else None
        first = op.inputs[0] if op.inputs else None
        if op.code == "SHAPE" and first is not None and first.shape is not None:
            return tuple(self.dimension(first, axis) for axis in range(len(first.shape)))
        if op.code == "WHILE":
            number = op.outputs.index(tensor)
            frame, outer = self._body(op)[0], op.inputs[number]
            return self.integers(outer) if outer is not None and frame.stays(number) else None
        if op.code in ("SELECT", "SELECT_V2"):
            return self._chosen(*op.inputs)
        operands = [self._operand_value(t, op) for t in op.inputs if t is not None]
        known = [o for o in operands if o is not None]
        found = computed(op, known) if len(known) == len(operands) else None
        return self._absorbed(op) if found is None else found

    def _operand_value(self, tensor: Tensor, op: Op) -> Integers | None:
        """An operand's elements; a number that is not followed is a symbol around loops.

        A vector of one element is such a number where it becomes a scalar, or a part of a shape.
        """
        known = self.integers(tensor)
        if known is not None or self._frame is not None or tensor.dtype not in _INTEGERS:
            return known
        part = op.code == "CONCATENATION" or op.outputs[0].shape == ()
        is_number = tensor.shape == () or (tensor.shape == (1,) and part)
        return (self.scalar(tensor),) if is_number else None

    def _chosen(self, condition: Tensor | None, *branches: Tensor | None) -> Integers | None:
        """A choice of two that are equal, or of an index and the same from the end if negative.

        JAX writes i < 0 ? i + T : i for every index. A counter is taken not to be negative; where
        it is, the numbers differ, and validation refuses.
        """
        one, other = (None if t is None else self.integers(t) for t in branches)
        if one == other or other is None or not all(index.counts for index in other):
            return one if one == other else None
        op = self.producer(condition)
        compared = [None if t is None else self.integers(t) for t in op.inputs] if op else []
        return other if op and op.code == "LESS" and compared == [other, (Linear(),)] else None

    def producer(self, tensor: Tensor | None) -> Op | None:
        """The op that computes a tensor; None for an input or a constant."""
        return None if tensor is None else self._producers.get(tensor)

    def is_zero(self, tensor: Tensor) -> bool:
        """Whether every element is zero, whatever the shape turns out to be."""
        value = tensor.array
        if value is not None:
            return not value.any()
        op = self.producer(tensor)
        if op is None:
            return False
        if op.code == "ZEROS_LIKE":
            return True
        sources = {"FILL": 1, "BROADCAST_TO": 0, "RESHAPE": 0, "TILE": 0, "EXPAND_DIMS": 0}
        source = op.inputs[sources[op.code]] if op.code in sources else None
        return source is not None and self.is_zero(source)

    def named(self, symbol: str) -> Tensor | None:
        """The scalar that a symbol stands for, if it is no dimension."""
        return self._symbols.scalars.get(symbol)

    def _absorbed(self, op: Op) -> Integers | None:
        """min(a, max(a, b)) is a."""
        if op.code != "MINIMUM" or op.outputs[0].shape:
            return None
        for one, other in (op.inputs, op.inputs[::-1]):
            larger = self._producers.get(other) if other is not None else None
            if one is not None and larger is not None and larger.code == "MAXIMUM":
                value = self.scalar(one)
                if any(t is not None and self.scalar(t) == value for t in larger.inputs):
                    return (value,)
        return None
