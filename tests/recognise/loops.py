"""Loops as equations, made without a graph."""

from __future__ import annotations

from rnnlite_pipeline.algebra import forms
from rnnlite_pipeline.algebra.atoms import Symbol
from rnnlite_pipeline.algebra.forms import Form
from rnnlite_pipeline.cells.equations import substituted
from rnnlite_pipeline.cells.named import NamedCell
from rnnlite_pipeline.cells.symbols import INPUT
from rnnlite_pipeline.graph.ir import Op
from rnnlite_pipeline.recognise.loop.loop import STEP, Loop, Reading, State
from rnnlite_pipeline.recognise.loop.systems import System
from rnnlite_pipeline.recognise.symbolic.values import Item
from rnnlite_pipeline.shapes.linear import Linear
from tests.recognise.tensors import tensor

#: The sequence that loops read, and a mask of it.
X, M = Item(8), Item(9)


def loop(*states: State, features: int = 2) -> Loop:
    """A loop of five steps over [5, 2, features], with these states."""
    step = Linear.symbol(STEP)
    readings: dict[str, Reading] = {
        X: Reading(tensor(5, 2, features), 0, step),
        M: Reading(tensor(5, 2), 0, step),
    }
    return Loop(Op("WHILE", [], []), Linear(5), list(states), readings=readings)


def state(k: int, equation: Form) -> State:
    """A state that is all of variable k."""
    return State(k, 0, equation.width, equation)


def written(cell: NamedCell) -> list[State]:
    """The states of a cell with its own equations."""
    updates = cell.equations().updates
    return [state(k, substituted(update, _read)) for k, update in enumerate(updates)]


def of(*states: State, features: int = 2) -> tuple[Loop, System]:
    """A loop and the system that all of its states are."""
    return loop(*states, features=features), System(states)


def _read(symbol: Symbol) -> Form:
    name = X if symbol.name == INPUT else symbol.name
    return forms.of(Symbol(name, symbol.start, symbol.stop))
