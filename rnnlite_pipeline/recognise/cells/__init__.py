"""The cells that have a name: one file each, a `match` from a system of equations."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from rnnlite_pipeline.cells.recurrence import Lstm, SimpleRnn
from rnnlite_pipeline.recognise.cells import lstm, simple_rnn
from rnnlite_pipeline.recognise.cells.gates import Inputs
from rnnlite_pipeline.recognise.loop.loop import Loop, Unrecognised
from rnnlite_pipeline.recognise.loop.masks import MASKED, unmasked
from rnnlite_pipeline.recognise.loop.state import State
from rnnlite_pipeline.recognise.loop.systems import System

Matched: TypeAlias = tuple[Lstm | SimpleRnn, tuple[State, ...], Inputs]
Matcher: TypeAlias = Callable[[Loop, System], Matched]

_BY_STATES: dict[int, Matcher] = {1: simple_rnn.match, 2: lstm.match}


def match(loop: Loop, system: System) -> Matched:
    """The cell a system is, its states in the cell's order, and what it reads from outside.

    Raises:
        Unrecognised: It is no cell known here; the message says what differs.
    """
    if unmasked(system) is not None:
        raise Unrecognised(MASKED)
    matcher = _BY_STATES.get(len(system.states))
    if matcher is None:
        raise Unrecognised(f"it carries {len(system.states)} states that depend on each other")
    return matcher(loop, system)
