"""Systems of states that depend on each other, in the order they can be computed in."""

from __future__ import annotations

from rnnlite_pipeline.algebra import forms
from rnnlite_pipeline.algebra.atoms import Symbol
from rnnlite_pipeline.algebra.forms import Form
from rnnlite_pipeline.cells.symbols import After, Before
from rnnlite_pipeline.recognise.loop.loop import State
from rnnlite_pipeline.recognise.loop.systems import System, merged, systems
from tests.recognise.loops import X, loop, state

A, B, C = (forms.symbol(Before(k), 2) for k in range(3))
NEW = [forms.symbol(After(k), 2) for k in range(3)]
INPUT = forms.symbol(X, 2)


def parted(*equations: Form) -> list[list[int]]:
    """The variables of each system."""
    around = loop(*(state(k, equation) for k, equation in enumerate(equations)))
    return [[s.variable for s in system.states] for system in systems(around)]


def joined(*equations: Form) -> list[list[int]]:
    """The same, with what reads old states of each other taken together."""
    around = loop(*(state(k, equation) for k, equation in enumerate(equations)))
    return [sorted(s.variable for s in system.states) for system in merged(around)]


def test_a_layer_that_reads_another_comes_after_it() -> None:
    """Each is a system of its own, whatever order the variables have."""
    assert parted(A + NEW[1], B + INPUT) == [[1], [0]]
    assert parted(A + INPUT, B + NEW[0], C + NEW[1]) == [[0], [1], [2]]


def test_states_that_depend_on_each_other_are_one_system() -> None:
    """In a circle of two, or of three."""
    assert parted(NEW[1] * INPUT, B + A) == [[0, 1]]
    assert [sorted(s) for s in parted(B, C, A + INPUT)] == [[0, 1, 2]]


def test_old_states_of_another_system_join_it() -> None:
    """A recurrence does not give its states from before the step to the outside."""
    assert parted(A + INPUT, B + A) == [[0], [1]]
    assert joined(A + INPUT, B + A) == [[0, 1]]
    assert joined(A + INPUT, B + NEW[0]) == [[0], [1]]
    assert joined(A + INPUT, B + A, C + B) == [[0, 1, 2]]
    assert joined(A + INPUT, B + INPUT, C + A) == [[1], [0, 2]]


def test_joined_systems_come_before_what_reads_them() -> None:
    """The order stays one that can be computed in."""
    assert joined(A + NEW[2], B + INPUT, C + B) == [[1, 2], [0]]


def test_parts_of_one_variable_are_states_of_their_own() -> None:
    """What reads columns [0, 1) depends on the state there, not on its neighbour."""
    whole = forms.symbol(Before(0), 3)
    first, second = State(0, 0, 1, whole.columns(0, 1)), State(0, 1, 3, whole.columns(1, 3))
    assert [s.states for s in systems(loop(first, second))] == [(first,), (second,)]
    own = System((first,))
    assert own.owns(Symbol(Before(0), 0, 2))
    assert own.owns(Symbol(After(0), 0, 1))
    assert not own.owns(Symbol(Before(0), 1, 3))
    assert not own.owns(Symbol(Before(1), 0, 1))


def test_what_recurs_reads_its_own_state() -> None:
    """A variable that only carries a value does not."""
    assert System((state(0, A + INPUT),)).recurs
    assert not System((state(0, INPUT),)).recurs
    assert not System((state(0, NEW[1]),)).recurs
