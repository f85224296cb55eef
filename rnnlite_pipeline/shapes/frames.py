"""What the body of a loop knows of the graph that the loop stands in."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from rnnlite_pipeline.graph.ir import Op, Subgraph, Tensor
from rnnlite_pipeline.shapes.integers import Integers
from rnnlite_pipeline.shapes.linear import Counter, Linear


class Around(Protocol):
    """What a frame asks of the graph that its loop stands in (`extents.Extents`)."""

    def dimension(self, tensor: Tensor, axis: int) -> Linear:
        """How long a tensor is along an axis."""

    def integers(self, tensor: Tensor) -> Integers | None:
        """The elements of an integer scalar or vector, None where they are data."""

    def scalar(self, tensor: Tensor) -> Linear:
        """The value of an integer scalar."""


@dataclass(eq=False)
class Frame:
    """A loop around its body, or around its condition.

    Attributes:
        loop: The op WHILE.
        outer: The integers of the graph it stands in.
        graph: The body or the condition.
        grown: The variables and axes that are not as long as what the loop is started with.
    """

    loop: Op
    outer: Around
    graph: Subgraph
    grown: set[tuple[int, int]] = field(default_factory=set)

    def stays(self, number: int) -> bool:
        """Whether every step passes a variable on unchanged."""
        body: Subgraph = self.loop.options["body_subgraph"]
        return body.inputs[number] is body.outputs[number]

    def first(self, number: int, axis: int) -> Linear | None:
        """How long what the loop is started with is; None where its rank is not known."""
        outer = self.loop.inputs[number]
        known = outer is not None and axis < len(outer.shape or ())
        return self.outer.dimension(outer, axis) if outer is not None and known else None

    def length(self, number: int, axis: int) -> Linear | None:
        """How long a variable is in every step; None where that is its own."""
        return None if (number, axis) in self.grown else self.first(number, axis)

    def dimension(self, inner: Tensor, axis: int) -> Linear | None:
        """The same of an input of the graph."""
        number = self._number(inner)
        return None if number is None else self.length(number, axis)

    def integers(self, inner: Tensor) -> Integers | None:
        """What an input of the graph holds in every step, or the counter that it is."""
        number = self._number(inner)
        outer = None if number is None else self.loop.inputs[number]
        if number is None or outer is None or not self.stays(number):
            return None if inner.shape or number is None else (Linear.symbol(Counter(number)),)
        return self.outer.integers(outer) if inner.shape else (self.outer.scalar(outer),)

    def _number(self, inner: Tensor) -> int | None:
        found = (k for k, tensor in enumerate(self.graph.inputs) if tensor is inner)
        return next(found, None)
