"""What a converter of a composite is given, and what it may say."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from rnnlite_pipeline.cells.recurrence import RECURRENCE, Recurrence
from rnnlite_pipeline.graph.build import Builder
from rnnlite_pipeline.graph.ir import OPEN, Op, Tensor

Array = NDArray[Any]


class Refused(Exception):
    """A converter's way to say that it cannot convert this call, in the user's terms."""


@dataclass(frozen=True, eq=False)
class CompositeCall:
    """One call of an annotated function.

    Attributes:
        name: What the function's annotation says it implements: "acme.NormalizedLSTM".
        layer: Where it is called, as the model's author knows it.
        attributes: The annotation's and the function's attributes: bool, int, float, str, or a
            list of one of these.
        operands: The function's arguments, in its order. A weight is a constant; see `constant`.
        results: What the function returns, in its order; only their shapes and dtypes count.
        build: Makes new ops.
    """

    name: str
    layer: str
    attributes: Mapping[str, Any]
    operands: tuple[Tensor, ...]
    results: tuple[Tensor, ...]
    build: Builder
    recurrences: list[Recurrence] = field(default_factory=list)

    def constant(self, operand: int) -> Array:
        """The value of an operand, in float64.

        Raises:
            Refused: It is computed when the model runs.
        """
        value = self.operands[operand].array
        if value is None:
            raise Refused(f"its operand {operand} is computed, where a constant weight is needed")
        return np.asarray(value, np.float64)

    def run(
        self, recurrence: Recurrence, x: Tensor, initial: Sequence[Tensor | None] = ()
    ) -> tuple[Tensor, ...]:
        """Adds a recurrence.

        Args:
            recurrence: Its `time_major` says how x and y are laid out.
            x: [T, B, F], or [B, T, F].
            initial: A state [B, width] for each of `recurrence.cell.states`; None or missing: 0.

        Returns:
            y, [T, B, O] or [B, T, O], and each final state [B, width].

        Raises:
            Refused: x is no sequence of rows as wide as the cell expects, or there are more initial
                states than the cell has.
        """
        cell, shape = recurrence.cell, x.shape or ()
        if len(shape) != 3 or shape[2] not in (OPEN, cell.features):
            raise Refused(f"its input is {list(shape)}, not a sequence of {cell.features} features")
        if len(initial) > len(cell.states):
            given, own = len(initial), len(cell.states)
            raise Refused(f"its converter gives {given} initial states for a cell of {own}")
        batch = shape[1 if recurrence.time_major else 0]
        y = self.build.tensor("y", x.dtype, (*shape[:2], cell.states[0]))
        finals = [
            self.build.tensor(f"final_{k}", x.dtype, (batch, w)) for k, w in enumerate(cell.states)
        ]
        states = [*initial, *[None] * (len(cell.states) - len(initial))]
        self.build.ops.append(
            Op(RECURRENCE, [x, *states], [y, *finals], {"recurrence": recurrence})
        )
        self.recurrences.append(recurrence)
        return y, *finals


#: What a converter returns: a tensor for each result, None for one that nothing may read; or one
#: recurrence, which reads operand 0 from states of zero and gives y, then its final states.
Converted: TypeAlias = Sequence[Tensor | None] | Recurrence

#: A converter. It raises `Refused` for a call that it cannot convert.
Convert: TypeAlias = Callable[[CompositeCall], Converted]
