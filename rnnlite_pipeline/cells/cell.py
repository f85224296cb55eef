"""The interface of a cell, and the cell that is given only by its equations.

No code outside `cells/` asks which kind a cell is.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from rnnlite_pipeline.algebra.atoms import Form
from rnnlite_pipeline.algebra.structure import structure
from rnnlite_pipeline.cells.equations import evaluate
from rnnlite_pipeline.cells.field_names import field_names
from rnnlite_pipeline.cells.symbols import INPUT, after, before
from rnnlite_pipeline.cells.text import text_of

Array = NDArray[Any]
T = TypeVar("T")

#: Makes an operand of a weight, given its name; None stays None.
Weigh = Callable[[str, Array | None], T | None]

#: LiteRT's kernels of fused ops, each with its own limits: the float kernel and the integer kernel.
#: What other runtimes take is in their tables (runtimes/).
Kernel = Literal["fused", "integer"]


class Cell(ABC):
    """One step of a recurrence. Its first state is its output.

    Attributes:
        fused: What the names of its fused ops end in: "LSTM" of UNIDIRECTIONAL_SEQUENCE_LSTM.
            Empty: the runtime has none.
        variables: What the variable tensors of its fused op are called, one for each state.
    """

    fused: ClassVar[str] = ""
    variables: ClassVar[tuple[str, ...]] = ()
    if TYPE_CHECKING:  # fields of some cells, properties of others

        @property
        def kind(self) -> str:
            """The cell's name as its author knows it."""

        @property
        def features(self) -> int:
            """F."""

        @property
        def states(self) -> tuple[int, ...]:
            """The width of each state, the output's first."""

        @property
        def reason(self) -> str:
            """Why no fused op computes a cell of this kind; empty if one may."""

    @abstractmethod
    def step(self, x: Array, states: Sequence[Array]) -> tuple[Array, ...]:
        """x [B, F] and the states [B, width] before the step, to the states after it."""

    @abstractmethod
    def equations(self) -> Equations:
        """The step as equations, from which a loop is written."""

    @abstractmethod
    def text(self) -> list[str]:
        """The step as text, with one line for each quantity."""

    @property
    def own_features(self) -> int:
        """How many columns of a step's input are no mask: F, or fewer if the cell reads a mask."""
        return self.features

    @property
    def state_names(self) -> tuple[str, ...]:
        """What the states are called where the graph takes and gives them."""
        return ("h", *(f"state_{k}" for k in range(1, len(self.states))))

    def why_not(self, kernel: Kernel) -> str:  # noqa: ARG002  # cells with a fused op look at it
        """Why a kernel of the fused op does not compute this cell; empty if it does."""
        return self.reason or f"the runtime has no fused op for a {self.kind} cell"

    def facts(self) -> Mapping[str, Any]:
        """What `inspect` shows about it in addition to its widths."""
        return {}

    def pairs_with(self, other: Cell) -> bool:
        """Whether both are one bidirectional op: one loop can run this forwards, `other` backwards.

        A cell with a fused op asks that of the fused op.
        """
        if self.kind != other.kind or self.states != other.states:
            return False
        return structure(self.equations().updates) == structure(other.equations().updates)

    def operands(self, _weigh: Weigh[T], _x: T, _states: Sequence[T]) -> list[T | None]:
        """The operands of the fused op that runs it forwards."""
        raise NotImplementedError(self.reason)

    def paired_operands(
        self, _weigh: Weigh[T], _x: T, _states: Sequence[T], _backward: Cell
    ) -> list[T | None]:
        """The operands of the bidirectional op; `states` are the forward ones, then the others."""
        raise NotImplementedError(self.reason)

    def options(self, _time_major: bool) -> dict[str, Any]:
        """The options of the fused op."""
        raise NotImplementedError(self.reason)

    def paired_version(self, _time_major: bool) -> int:
        """The version of the bidirectional op."""
        return 1


@dataclass(frozen=True, eq=False)
class Equations(Cell):
    """A cell by its equations: one without a fused op, or without a name.

    Attributes:
        kind: The cell's name as its author knows it, such as "GRU"; "cell" where it has none.
        features: F.
        states: The width of each state; the first is what the cell puts out.
        updates: The new value of each state, a form over `INPUT`, `before(k)` and `after(j)`.
        order: The positions of `updates` in an order they can be computed in.
        reason: Why it is no cell that a fused op computes, in the user's terms.
    """

    kind: str
    features: int
    states: tuple[int, ...]
    updates: tuple[Form, ...]
    order: tuple[int, ...]
    reason: str = ""

    @property
    def own_features(self) -> int:
        """F without the columns that are the mask of the step."""
        return self.features - field_names(self.updates).mask

    def equations(self) -> Equations:
        """Itself."""
        return self

    def text(self) -> list[str]:
        """Its equations in an order they can be computed in; each function has a line."""
        return text_of(self.features, self.states, self.updates, self.order)

    def step(self, x: Array, states: Sequence[Array]) -> tuple[Array, ...]:
        """x [B, F] and the states [B, width] before the step, to the states after it."""
        values: dict[str, Array] = {INPUT: x}
        values.update((before(k), s) for k, s in enumerate(states))
        for k in self.order:
            new = evaluate(self.updates[k], values)
            values[after(k)] = np.broadcast_to(new, (x.shape[0], self.states[k]))
        return tuple(values[after(k)] for k in range(len(self.states)))
