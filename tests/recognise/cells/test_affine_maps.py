"""Affine maps with unknown weights, found in forms."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from rnnlite_pipeline.algebra import forms
from rnnlite_pipeline.algebra.atoms import Factor
from rnnlite_pipeline.algebra.forms import Form
from rnnlite_pipeline.algebra.patterns import (
    Leaf,
    Pattern,
    Patterns,
    Unknown,
    read,
)
from rnnlite_pipeline.cells.lstm import Lstm
from rnnlite_pipeline.cells.symbols import Before
from rnnlite_pipeline.recognise.cells.affine_maps import affine_map
from rnnlite_pipeline.recognise.cells.attempt import Attempt, Mismatch
from rnnlite_pipeline.recognise.cells.gates import Inputs
from tests.recognise.loops import X, of, state

M = Patterns()
H, C = (forms.symbol(Before(k), 2) for k in range(2))
INPUT = forms.symbol(X, 2)
A, B = np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([[5.0, 6.0], [7.0, 8.0]])
ROW = np.array([9.0, 10.0])
KERNEL, RECURRENT, BIAS = Unknown(), Unknown(), Unknown(optional=True)
PEEPHOLE, SCALE = Unknown(optional=True), Unknown()


class Found(Attempt):
    """An attempt that notes what the map hands on to it."""

    def value(self, pattern: Pattern, value: Form, what: str) -> None:
        """Part of a map that a gate scales."""
        affine_map(self, pattern, value, what)

    def leaf(self, leaf: Leaf, factor: Factor, what: str, *, turned: bool = False) -> None:
        """A factor of a product."""
        del what
        self.factors[leaf] = factor.key, turned


def attempt() -> Found:
    """An attempt at an LSTM."""
    loop, system = of(state(0, H), state(1, C))
    return Found(next(Lstm.unknown()), system.states, Inputs(loop, system))


def found(pattern: Pattern, value: Form) -> Found:
    """What a form says of a pattern."""
    known = attempt()
    affine_map(known, pattern, value, "gate")
    return known


def gate(*, peephole: bool = False) -> Pattern:
    """W x + R h + p*c + b."""
    z = M.times(read(None, "x"), KERNEL, "W") + M.times(read(0, "h"), RECURRENT, "R")
    if peephole:
        z = z + M.scaled(read(1, "c"), PEEPHOLE, "p")
    return M.shifted(z, BIAS, "b")


def check(value: object, expected: object) -> None:
    """A weight is the array it should be."""
    np.testing.assert_array_equal(np.asarray(value), np.asarray(expected))


def test_the_weights_of_a_gate() -> None:
    """Each is [out, in]; a kernel is known once all features are."""
    known = found(gate(), INPUT @ A + H @ B + forms.constant(ROW))
    check(known.weights[KERNEL](2), A.T)
    check(known.weights[RECURRENT], B.T)
    check(known.weights[BIAS], ROW)


def test_what_is_not_read_is_zero_and_what_is_optional_is_none() -> None:
    """A form that reads the input alone."""
    known = found(gate(peephole=True), INPUT @ A)
    check(known.weights[RECURRENT], np.zeros((2, 2)))
    assert known.weights[BIAS] is None
    assert known.weights[PEEPHOLE] is None


def test_a_peephole_is_the_diagonal() -> None:
    """On the cell state; a full matrix on it is refused."""
    check(found(gate(peephole=True), C.scaled(ROW)).weights[PEEPHOLE], ROW)
    with pytest.raises(Mismatch, match="full matrix"):
        found(gate(peephole=True), C @ A)


@pytest.mark.parametrize(
    ("pattern", "value", "why"),
    [
        (gate(), C @ A, "reads a state that an LSTM's does not"),
        (M.times(read(0, "h"), RECURRENT, "R"), INPUT @ A, "reads the input"),
        (M.times(read(0, "h"), RECURRENT, "R"), H + forms.constant(ROW), "constant added"),
        (gate(), forms.apply("TANH", H), "nonlinear function of the state"),
        (M.scaled(read(0, "h"), SCALE, "u"), forms.constant(ROW * 0), "through a diagonal"),
    ],
)
def test_a_form_that_is_no_such_map(pattern: Pattern, value: Form, why: str) -> None:
    """The reason says what is read too much, or too little."""
    with pytest.raises(Mismatch, match=why):
        found(pattern, value)


def normalized(z: Form) -> Form:
    """The layer norm of z."""
    deviation = z - forms.widened(forms.apply("MEAN", z), 2)
    variance = forms.apply("MEAN", deviation * deviation) + forms.constant(np.array([1e-8]))
    return deviation * forms.widened(forms.apply("RSQRT", variance), 2)


def norm() -> Pattern:
    """A layer norm of W x + R h, scaled, and a bias."""
    z = M.times(read(None, "x"), KERNEL, "W") + M.times(read(0, "h"), RECURRENT, "R")
    return M.shifted(M.normalized(z, SCALE, "n"), BIAS, "b")


def test_a_layer_norm_has_its_bias_after_it() -> None:
    """The map inside has none; without a norm the bias is the map's."""
    known = found(norm(), normalized(H @ B).scaled(ROW) + forms.constant(ROW))
    np.testing.assert_allclose(known.weights[SCALE], ROW, atol=1e-6)
    np.testing.assert_allclose(known.weights[BIAS], ROW, atol=1e-6)
    check(known.weights[RECURRENT], B.T)
    plain = found(norm(), H @ B + forms.constant(ROW))
    assert plain.weights[SCALE] is None
    check(plain.weights[BIAS], ROW)
    with pytest.raises(Mismatch, match="bias inside the normalization"):
        found(norm(), normalized(H @ B + forms.constant(ROW)))


def sigmoid(pattern: Pattern) -> Pattern:
    """A named gate."""
    return M.let("r", M.activation("SIGMOID", pattern), "reset gate")


def value_of(how: Callable[[Form, Form], Form]) -> Form:
    """A gate and the state, put together."""
    return how(forms.apply("LOGISTIC", INPUT @ A), H)


def test_a_matrix_on_a_product() -> None:
    """W x + R (r*h): the product is found, and what is left is the kernel's."""
    r = sigmoid(M.times(read(None, "x"), Unknown(), "Wr"))
    pattern = M.times(read(None, "x"), KERNEL, "W") + M.times(r * read(0, "h"), RECURRENT, "R")
    product = value_of(lambda gate, h: gate * h)
    known = found(pattern, INPUT @ A + product @ B)
    check(known.weights[RECURRENT], B.T)
    check(known.weights[KERNEL](2), A.T)
    (leaf,) = [each for each in known.factors if each in [w for _, t in r.terms for w in t]]
    assert known.factors[leaf][1] is False
    turned = found(pattern, (H - product) @ B)
    assert turned.factors[leaf][1] is True
    check(turned.weights[RECURRENT], B.T)
    with pytest.raises(Mismatch, match="not r\\*h"):
        found(pattern, INPUT @ A)


def test_what_a_gate_scales() -> None:
    """W x + r * (R h + b), and 1 - r in place of r."""
    r = sigmoid(M.times(read(None, "x"), Unknown(), "Wr"))
    inner = M.shifted(M.times(read(0, "h"), RECURRENT, "R"), BIAS, "b")
    pattern = M.times(read(None, "x"), KERNEL, "W") + r * inner
    (leaf,) = [each for _, term in r.terms for each in term]
    scaled = value_of(lambda gate, h: gate * (h @ B + forms.constant(ROW)))
    known = found(pattern, INPUT @ A + scaled)
    check(known.weights[RECURRENT], B.T)
    check(known.weights[BIAS], ROW)
    check(known.weights[KERNEL](2), A.T)
    assert known.factors[leaf][1] is False
    with pytest.raises(Mismatch, match="no reset gate"):
        found(pattern, INPUT @ A)
