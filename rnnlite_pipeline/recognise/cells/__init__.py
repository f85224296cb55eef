"""The cells that have a name: a system of equations is unified with each cell's step."""

from __future__ import annotations

from contextlib import suppress

from rnnlite_pipeline.cells.registry import cells
from rnnlite_pipeline.recognise.cells.unify import Unified, unify
from rnnlite_pipeline.recognise.loop.loop import Loop, Unrecognised
from rnnlite_pipeline.recognise.loop.masks import MASKED, unmasked
from rnnlite_pipeline.recognise.loop.systems import System


def match(loop: Loop, system: System, *, fused: bool = False) -> Unified:
    """The cell a system is, its states in the cell's order, and what it reads from outside.

    Args:
        loop: The loop it belongs to.
        system: States that depend on each other.
        fused: Whether only cells that have a fused op are asked for.

    Raises:
        Unrecognised: It is none; the message says what differs from a cell with a fused op.
    """
    if unmasked(system) is not None:
        raise Unrecognised(MASKED)
    fitting = [cell for cell in cells() if len(cell.letters) == len(system.states)]
    reason: Unrecognised | None = None
    for cell in fitting:
        if cell.fused:
            try:
                return unify(cell, loop, system)
            except Unrecognised as problem:
                reason = problem
        elif not fused:
            with suppress(Unrecognised):
                return unify(cell, loop, system)
    raise reason or Unrecognised(
        f"it carries {len(system.states)} states that depend on each other"
    )
