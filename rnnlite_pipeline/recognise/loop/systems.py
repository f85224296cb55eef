"""Parts a loop into systems of states that depend on each other, each a recurrence of its own.

Two layers in one loop body are two systems: the second reads the new state of the first, the
first knows nothing of the second. They come out in the order they can be computed in.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from rnnlite_pipeline.algebra.atoms import Symbol
from rnnlite_pipeline.recognise.loop.loop import Loop, State


@dataclass(frozen=True, eq=False)
class System:
    """States that depend on each other, before or after the step."""

    states: tuple[State, ...]

    @property
    def recurs(self) -> bool:
        """Whether a new state depends on an old one at all."""
        return any(self.owns(s) for state in self.states for s in state.equation.symbols())

    def owns(self, symbol: Symbol) -> bool:
        """Whether the symbol is, or is a part of, one of these states."""
        return any(_touches(symbol, s) for s in self.states)


def merged(loop: Loop) -> list[System]:
    """The systems, those that read each other's states from before the step taken together.

    A recurrence gives the states after each step to the outside, never those before it.
    """
    groups = systems(loop)
    while True:
        pair = next(_entangled(groups), None)
        if pair is None:
            return groups
        first, second = sorted(pair)
        together = System((*groups[first].states, *groups[second].states))
        groups = [*groups[:first], *groups[first + 1 : second], together, *groups[second + 1 :]]


def _entangled(groups: list[System]) -> Iterator[tuple[int, int]]:
    """Two systems of which one reads a state of the other from before the step."""
    for reader, system in enumerate(groups):
        symbols = [s for state in system.states for s in state.equation.symbols()]
        for read, other in enumerate(groups):
            if read != reader and any(_is_before(s, other) for s in symbols):
                yield reader, read


def _is_before(symbol: Symbol, system: System) -> bool:
    names = {state.before.name for state in system.states}
    return symbol.name in names and system.owns(symbol)


def systems(loop: Loop) -> list[System]:
    """The loop's states in strongly connected systems, dependencies first (Tarjan 1972)."""
    found: list[System] = []
    order: dict[int, int] = {}
    low: dict[int, int] = {}
    stack: list[State] = []

    def visit(state: State) -> None:
        order[id(state)] = low[id(state)] = len(order)
        stack.append(state)
        for other in _read_by(state, loop):
            if id(other) not in order:
                visit(other)
                low[id(state)] = min(low[id(state)], low[id(other)])
            elif other in stack:
                low[id(state)] = min(low[id(state)], order[id(other)])
        if low[id(state)] == order[id(state)]:
            cut = stack.index(state)
            found.append(System(tuple(stack[cut:])))
            del stack[cut:]

    for state in loop.states:
        if id(state) not in order:
            visit(state)
    return found


def _read_by(state: State, loop: Loop) -> Iterator[State]:
    """The states that the equation of `state` refers to."""
    symbols = list(state.equation.symbols())
    for other in loop.states:
        if any(_touches(s, other) for s in symbols):
            yield other


def _touches(symbol: Symbol, state: State) -> bool:
    if symbol.name not in (state.before.name, state.after.name):
        return False
    return symbol.start < state.stop and state.start < symbol.stop
