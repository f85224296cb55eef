"""What a recurrent layer computes, independent of how a framework writes it.

A `Recurrence` is the contract between the rooms: `recognise` makes it, `transform` groups and
lays it out, `lower` writes it as a fused op or a loop, and every lowering and every test is held
to its `run`, which computes it in float64.

Axes are named: B batch, T time, F input features, U units (the cell state's width),
O outputs (the hidden state's width; U unless there is a projection).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnlite_pipeline.cells.cell import Cell

Array = NDArray[Any]

#: The op code that stands for a `Recurrence` in a graph between recognise and lower.
#: Inputs: x, then one initial state for each of `cell.states` (None: zeros).
#: Outputs: y, then one final state for each of `cell.states`, each a Tensor.
#: Options: {"recurrence": Recurrence}.
RECURRENCE = "rnnlite.RECURRENCE"

#: The op code of a forward and a backward recurrence that read the same x.
#: Inputs: x, forward initial states, backward initial states.
#: Outputs: forward y, forward final states, backward y, backward final states.
#: Options: {"forward": Recurrence, "backward": Recurrence}.
BIDIRECTIONAL = "rnnlite.BIDIRECTIONAL"


@dataclass(frozen=True, eq=False)
class Recurrence:
    """A cell run over a sequence.

    Attributes:
        name: The layer's name as its author knows it.
        cell: What one step computes.
        reverse: Whether it runs from the last step to the first. y stays aligned with x:
            y[t] is what the step that read x[t] put out.
        time_major: Whether x and y are [T, B, ...] rather than [B, T, ...].
    """

    name: str
    cell: Cell
    reverse: bool = False
    time_major: bool = True

    def run(self, x: Array, initial: Sequence[Array | None] = ()) -> tuple[Array, ...]:
        """The whole sequence in float64: the specification of every lowering.

        Args:
            x: [T, B, F] if time_major, else [B, T, F].
            initial: A state [B, width] for each of `cell.states`; None or missing: zeros.

        Returns:
            y in x's layout with O in place of F, then each final state [B, width].
        """
        steps = np.asarray(x, np.float64)
        steps = steps if self.time_major else steps.swapaxes(0, 1)
        given = [*initial, *[None] * len(self.cell.states)]
        states = tuple(
            np.zeros((steps.shape[1], width)) if h is None else np.asarray(h, np.float64)
            for width, h in zip(self.cell.states, given, strict=False)
        )
        y = np.zeros((*steps.shape[:2], self.cell.states[0]))
        order = range(len(steps))
        for t in reversed(order) if self.reverse else order:
            states = self.cell.step(steps[t], states)
            y[t] = states[0]
        return (y if self.time_major else y.swapaxes(0, 1), *states)
