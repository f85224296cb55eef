"""Every function an equation can apply is computed by builtin ops, in the loop and before it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rnnlite_pipeline.algebra.atoms import Options
from rnnlite_pipeline.algebra.forms import Form, apply, constant, symbol
from rnnlite_pipeline.algebra.functions import FUNCTIONS
from rnnlite_pipeline.cells.equations import Equations
from rnnlite_pipeline.cells.symbols import INPUT, after, before
from rnnlite_pipeline.lower import lower
from tests.lower.cases import Case, Initial
from tests.lower.loop_cases import matrix, one_state

#: How many arguments a function takes; 1 for the rest.
ARITY = {
    **dict.fromkeys(("MAXIMUM", "MINIMUM", "DIV", "FLOOR_DIV", "POW", "SQUARED_DIFFERENCE"), 2),
    **dict.fromkeys(("EQUAL", "NOT_EQUAL", "LESS", "LESS_EQUAL", "GREATER", "GREATER_EQUAL"), 2),
    **dict.fromkeys(("LOGICAL_AND", "LOGICAL_OR"), 2),
    **dict.fromkeys(("SELECT", "SELECT_V2"), 3),
}

#: The options of functions that have any.
OPTIONS: dict[str, list[Options]] = {
    "LEAKY_RELU": [(("alpha", 0.3),)],
    "GELU": [(("approximate", False),), (("approximate", True),)],
    "SOFTMAX": [(("beta", 1.0),), (("beta", 2.0),)],
}

CASES = [(f, options) for f in sorted(FUNCTIONS) for options in OPTIONS.get(f, [()])]

#: Functions that are not defined, or steep, where an argument is not positive.
POSITIVE = {"LOG", "SQRT", "RSQRT", "DIV", "POW"}

UNITS = 6


def _argument(function: str, value: Form, rng: np.random.Generator) -> Form:
    z = value @ matrix(rng, value.width, UNITS)
    if function in POSITIVE:
        return apply("LOGISTIC", z) + constant(np.full(1, 0.5))
    if function == "EXP":
        return apply("TANH", z)
    return z.scaled(np.array([2.0]))


@pytest.mark.parametrize(("function", "options"), CASES)
@pytest.mark.parametrize("reads", ["state", "input", "both"])
def test_function(function: str, options: Options, reads: str) -> None:
    """The function of the state, of x alone, and of one of each is that of `Equations.step`."""
    rng = np.random.default_rng(0)

    def update(x: Form, h: Form) -> Form:
        sources = {"state": [h], "input": [x], "both": [h, x, h]}[reads]
        count = ARITY.get(function, 1)
        arguments = [_argument(function, sources[k % len(sources)], rng) for k in range(count)]
        value = apply(function, *arguments, options=options)
        return apply("TANH", h @ matrix(rng, UNITS, UNITS) + value)

    _check(one_state(4, UNITS, update))


CONSTANT = constant(np.linspace(-1, 1, UNITS))

ZERO = constant(np.zeros(1))

TURNED = np.eye(UNITS)[::-1]


def _crossed(x: Form, h: Form) -> Form:
    """Two products of different widths, and columns of a state."""
    wide = apply("LOGISTIC", h.columns(0, 2) @ np.ones((2, UNITS)) + x)
    narrow = apply("TANH", h @ np.ones((UNITS, 2)) + x.columns(1, 3))
    return wide * h + narrow @ np.ones((2, UNITS))


ODD_FORMS: dict[str, Callable[[Form, Form], Form]] = {
    "a truth added": lambda x, h: apply("LESS", x, h) + h.scaled(np.array([0.5])),
    "a truth in a product": lambda x, h: apply("LESS", x, h) * h + x,
    "a truth by a matrix": lambda x, h: apply("LESS", x, h) @ TURNED - h,
    "a truth of numbers": lambda x, h: apply("LOGICAL_AND", x - x, h) + h,
    "a number as a mask": lambda x, h: apply("SELECT_V2", x - h, CONSTANT, h),
    "a truth as a choice": lambda x, h: apply("SELECT_V2", x, apply("LESS", x, h), h),
    "one column for all": lambda x, h: apply("SELECT_V2", x.columns(0, 1), h + x, h),
    "one column of the state": lambda x, h: x * apply("TANH", h.columns(1, 2)),
    "a mean for all": lambda x, h: apply("MEAN", h) + x,
    "a mean alone": lambda x, h: apply("MEAN", x + h),
    "a mean by a row": lambda x, h: apply("MEAN", h) * CONSTANT + x,
    "the input itself": lambda x, h: x,  # noqa: ARG005
    "the state itself": lambda x, h: h,  # noqa: ARG005
    "a constant": lambda x, h: CONSTANT,  # noqa: ARG005
    "a function of a constant": lambda x, h: apply("TANH", CONSTANT) * h + x,
    "a mean of a constant": lambda x, h: apply("TANH", h + apply("MEAN", CONSTANT) + x),
    "a constant truth": lambda x, h: apply("SELECT_V2", apply("LESS", CONSTANT, ZERO), x, h),
    "constant choices": lambda x, h: h * apply("SELECT_V2", apply("LESS", x, h), CONSTANT, ZERO),
    "elementwise alone": lambda x, h: apply("TANH", x * CONSTANT - h * CONSTANT),
    "the input in a product": lambda x, h: x * h.scaled(np.array([0.5])) - x,
    "what x gives in a product": lambda x, h: apply("LOGISTIC", x @ TURNED) * h,
    "both sides affine": lambda x, h: (x @ TURNED) * (h @ TURNED),
    "parts crossed": _crossed,
    "x deep and plain": lambda x, h: apply(
        "TANH", h @ TURNED + x @ np.eye(UNITS) + apply("SIN", x) @ TURNED
    ),
    "one product twice": lambda x, h: (
        apply("TANH", h @ TURNED) + (h @ TURNED).scaled(np.array([0.1])) + x
    ),
}


@pytest.mark.parametrize("name", ODD_FORMS)
def test_odd_form(name: str) -> None:
    """Forms at the edges: truths as numbers, single columns, constants, nothing that recurs."""
    _check(one_state(UNITS, UNITS, ODD_FORMS[name]))


def test_states_that_change_places() -> None:
    """A loop that copies its states one after the other does not mix them."""
    h, c = symbol(before(0), UNITS), symbol(before(1), UNITS)
    x = symbol(INPUT, UNITS)
    third = h + c + x
    widths = (UNITS,) * 3
    _check(Equations("cell", UNITS, widths, (c, h, third.scaled(np.full(1, 0.3))), (0, 1, 2)))


def test_states_that_are_the_same() -> None:
    """Two states may take one value, and a state may keep another's old one."""
    h = symbol(before(0), UNITS)
    new = apply("TANH", h + symbol(INPUT, UNITS))
    _check(Equations("cell", UNITS, (UNITS,) * 3, (new, new, h), (0, 1, 2)))


def test_terms_in_another_order() -> None:
    """One sum, spelled in two orders and computed in a third, is one sum."""
    x, h, c = (symbol(name, UNITS) for name in (INPUT, before(0), before(1)))
    one = x @ TURNED + h @ TURNED + c @ (0.5 * TURNED)
    two = c @ (0.5 * TURNED) + h @ TURNED + x @ TURNED
    updates = (apply("TANH", one), apply("SIN", two))
    _check(Equations("cell", UNITS, (UNITS, UNITS), updates, (1, 0)))


@st.composite
def systems(draw: st.DrawFn) -> Equations:
    """Any equations over two states of one width, of sums, products and bounded functions."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    leaves = st.sampled_from([symbol(name, UNITS) for name in (INPUT, before(0), before(1))])

    def grown(inner: st.SearchStrategy[Form]) -> st.SearchStrategy[Form]:
        bounded = inner.map(lambda z: apply("TANH", z))
        return st.one_of(
            st.tuples(inner, inner).map(lambda pair: pair[0] + pair[1]),
            st.tuples(inner, inner).map(lambda pair: pair[0] - pair[1]),
            st.tuples(bounded, bounded).map(lambda pair: pair[0] * pair[1]),
            inner.map(lambda z: apply("LOGISTIC", z)),
            inner.map(lambda z: z @ matrix(rng, UNITS, UNITS)),
            inner.map(lambda z: apply("MEAN", z) + CONSTANT),
            inner.map(lambda z: z.columns(1, 2) * CONSTANT),
            inner.map(lambda z: apply("MAXIMUM", z, CONSTANT)),
        )

    made = st.recursive(leaves, grown, max_leaves=8)
    one, two = (apply("TANH", draw(made)) for _ in range(2))
    if draw(st.booleans()):
        two = apply("TANH", two + symbol(after(0), UNITS) @ matrix(rng, UNITS, UNITS))
        return Equations("cell", UNITS, (UNITS, UNITS), (one, two), (0, 1))
    return Equations("cell", UNITS, (UNITS, UNITS), (one, two), (1, 0))


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(systems())
def test_any_equations(cell: Equations) -> None:
    """Whatever the equations, the loop computes them."""
    _check(cell)


@pytest.mark.slow
@settings(max_examples=500, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(systems())
def test_any_equations_at_length(cell: Equations) -> None:
    """The same as above, over many more."""
    _check(cell)


def _check(cell: Equations) -> None:
    fed: Initial = "input"
    case = Case((cell,), steps=3, initial=(fed,) * len(cell.states))
    model = case.model()
    lower(model)
    case.check(model)
