"""Patterns: multiplied out as forms are, and refused where unification could not find them."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from rnnlite_pipeline.algebra.patterns import (
    OPTIONAL,
    WEIGHT,
    Named,
    Pattern,
    Patterns,
    Read,
    check,
    read,
)

M = Patterns()
X, H = read(None, "x"), read(0, "h")


def weighed(value: Pattern) -> Pattern:
    """An unknown matrix on a value."""
    return M.times(value, WEIGHT(), "W")


def gate() -> Pattern:
    """A named sigmoid of the input."""
    return M.let("z", M.activation("SIGMOID", weighed(X)), "gate")


def test_products_are_multiplied_out() -> None:
    """(1 - z) * h is h - z * h, each leaf the same object."""
    z = gate()
    terms = ((M.one - z) * H).terms
    assert [sign for sign, _ in terms] == [1.0, -1.0]
    assert terms[0][1] == (H.leaf,)
    assert terms[1][1] == (z.leaf, H.leaf)
    assert isinstance(z.leaf, Named)


def test_a_new_state_is_read_after_the_step() -> None:
    """What follows in the step reads the state that was just made."""
    m = Patterns()
    leaf = m.new(1, "c", gate() * H, "new state").leaf
    assert isinstance(leaf, Read)
    assert (leaf.k, leaf.name, leaf.after) == (1, "c'", True)
    assert [(k, called) for k, _, called in m.updates] == [(1, "new state")]


#: What cannot be looked for, and a part of the reason.
REFUSED: list[tuple[Callable[[], Pattern], str]] = [
    (lambda: weighed(X) - weighed(H), "subtracts"),
    (lambda: weighed(X) + H, "a term without one"),
    (lambda: weighed(X) + H * H, "without a named function"),
    (lambda: weighed(X) + weighed(H) + M.scaled(H, OPTIONAL(), "p"), "told apart"),
    (lambda: M.normalized(weighed(X), WEIGHT(), "l") + weighed(H), "layer norm"),
    (lambda: gate() * M.activation("TANH", weighed(X) - weighed(H)), "subtracts"),
]


@pytest.mark.parametrize(("make", "reason"), REFUSED, ids=[reason for _, reason in REFUSED])
def test_what_cannot_be_found_is_refused(make: Callable[[], Pattern], reason: str) -> None:
    """However deep it stands, with the rule that it breaks."""
    with pytest.raises(ValueError, match=reason):
        check(make())


def test_what_cells_are_made_of_is_not_refused() -> None:
    """A gate, a reset product, and a gated sum."""
    z = gate()
    check(weighed(X) + weighed(z * H) + M.scaled(H, WEIGHT(), "p"))
    check(M.shifted(weighed(X) + z * M.shifted(weighed(H), OPTIONAL(), "b"), WEIGHT(), "b"))
    check((M.one - z) * H + z * M.activation("TANH", weighed(X)))
