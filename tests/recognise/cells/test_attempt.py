"""What an attempt knows, and how it goes on as the first way that succeeds."""

from __future__ import annotations

import numpy as np
import pytest

from rnnlite_pipeline.algebra import forms
from rnnlite_pipeline.algebra.atoms import Apply, Factor, Symbol
from rnnlite_pipeline.algebra.forms import Form
from rnnlite_pipeline.algebra.patterns import (
    Function,
    Leaf,
    Named,
    Pattern,
    Read,
    Unknown,
    activation,
    pattern,
)
from rnnlite_pipeline.cells.lstm import Lstm
from rnnlite_pipeline.cells.symbols import After, Before
from rnnlite_pipeline.recognise.cells.attempt import Attempt, Mismatch, computes, furthest
from rnnlite_pipeline.recognise.cells.gates import Inputs
from rnnlite_pipeline.recognise.loop.loop import Unrecognised
from tests.recognise.loops import of, state

H, C = (forms.symbol(Before(k), 2) for k in range(2))


class Plain(Attempt):
    """An attempt that finds nothing itself."""

    def value(self, pattern: Pattern, value: Form, what: str) -> None:
        """Nothing is equal."""
        del pattern, value
        raise self.fail(what)

    def leaf(self, leaf: Leaf, factor: Factor, what: str, *, turned: bool = False) -> None:
        """Takes every factor."""
        del what
        self.factors[leaf] = factor.key, turned


def attempt() -> Plain:
    """An attempt at an LSTM of two states."""
    loop, system = of(state(0, H), state(1, C))
    return Plain(next(Lstm.unknown()), system.states, Inputs(loop, system))


def test_a_known_value_must_be_the_same_elsewhere() -> None:
    """The message names both places; an equal array is the same."""
    known, weight = attempt(), Unknown()
    known.bind(weight, np.ones(2), "forget gate")
    known.bind(weight, np.ones(2), "output gate")
    with pytest.raises(Mismatch, match="its forget gate uses other weights and its output gate"):
        known.bind(weight, np.zeros(2), "output gate")


def test_what_the_cell_fixes_must_be_that() -> None:
    """A name or a number that is no unknown."""
    known = attempt()
    known.bind("TANH", "TANH", "candidate")
    with pytest.raises(Mismatch, match="its candidate uses relu, not tanh"):
        known.bind("TANH", "RELU", "candidate")
    with pytest.raises(Mismatch, match=r"its cell uses 0\.5, not no activation"):
        known.bind("NONE", 0.5, "cell")


def test_the_first_way_that_succeeds_is_taken_whole() -> None:
    """What a way that failed had found is forgotten."""
    known, one, two = attempt(), Unknown(), Unknown()

    def fails(trial: Attempt) -> None:
        trial.bind(one, 1.0, "a")
        trial.inputs.column("x", H)
        raise trial.fail("no")

    def succeeds(trial: Attempt) -> None:
        trial.bind(two, 2.0, "b")

    def not_asked(_trial: Attempt) -> None:
        pytest.fail("a way was found before")

    known.first_of([fails, succeeds, not_asked], "nothing fits")
    assert known.weights == {two: 2.0}
    assert known.places == {two: "b"}
    assert not known.inputs.entries


def test_of_ways_that_fail_the_one_that_found_most_is_told() -> None:
    """Of equals the shortest text; without a way, what the caller says."""

    def near(trial: Attempt) -> None:
        trial.bind(Unknown(), 1.0, "a")
        raise Unrecognised("nearly")

    def far(trial: Attempt) -> None:
        raise trial.fail("not at all")

    with pytest.raises(Mismatch, match="nearly"):
        attempt().first_of([far, near], "nothing fits")
    with pytest.raises(Mismatch, match="nothing fits"):
        attempt().first_of([], "nothing fits")
    short, long = Mismatch("ab", 1), Mismatch("abc", 1)
    assert furthest([long, short, Mismatch("a", 0)]) is short


def test_a_copy_learns_by_itself() -> None:
    """Weights, factors, places and inputs of a copy are its own, and its class is kept."""
    known = attempt()
    other = known.copy()
    other.bind(Unknown(), 1.0, "a")
    other.leaf(Read(0, "h"), Symbol("x", 0, 2), "a")
    other.inputs.column("x", H)
    assert type(other) is Plain
    assert not known.weights
    assert not known.factors
    assert not known.places
    assert not known.inputs.entries


def sigmoid(of_: Form) -> Apply:
    """A sigmoid as a factor."""
    atom = forms.apply("LOGISTIC", of_).atom
    assert isinstance(atom, Apply)
    return atom


def test_what_a_leaf_may_be() -> None:
    """A state is its own symbol; a gate is a sigmoid, and the one it is already."""
    known = attempt()
    h, later = Read(0, "h"), Read(1, "c'", after=True)
    assert known.may_be(h, known.symbol(h))
    assert not known.may_be(h, Symbol(Before(1), 0, 2))
    assert known.symbol(later) == Symbol(After(1), 0, 2)
    gate = Named("f", Function("SIGMOID", pattern(Read(None, "x"))), "forget gate")
    loose = Function("SIGMOID", Pattern(((1.0, (h, h)),)))
    assert known.may_be(loose, sigmoid(H))
    assert not known.may_be(loose, Symbol(Before(0), 0, 2))
    tanh = forms.apply("TANH", H).atom
    assert isinstance(tanh, Apply)
    assert not known.may_be(loose, tanh)
    known.factors[gate] = sigmoid(C).key, False
    assert known.may_be(gate, sigmoid(C))
    assert not known.may_be(gate, sigmoid(H))


def test_a_function_of_one_state_is_of_that_one() -> None:
    """tanh(c') is not tanh(h)."""
    known, function = attempt(), Function("SIGMOID", pattern(Read(0, "h")))
    assert known.may_be(function, sigmoid(H))
    assert not known.may_be(function, sigmoid(C))


def test_which_functions_compute_an_atom() -> None:
    """By name, or one of those an unknown may be; never one with options."""
    atom, argument = sigmoid(H), pattern(Read(0, "h"))
    assert computes(Function("SIGMOID", argument), atom)
    assert not computes(Function("TANH", argument), atom)
    assert computes(Function(activation(["TANH", "SIGMOID"]), argument), atom)
    assert not computes(Function(activation(["TANH"]), argument), atom)
    assert not computes(Function("SIGMOID", argument), Apply("LOGISTIC", (H,), 2, (("a", 1.0),)))
    assert not computes(Function("SIGMOID", argument), Apply("MEAN", (H,), 1))
