"""Affine maps with unknown weights, split by what they read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnlite_pipeline.algebra.atoms import Atom, Factor
from rnnlite_pipeline.algebra.forms import Form, form
from rnnlite_pipeline.algebra.maps import Map
from rnnlite_pipeline.algebra.patterns import (
    WEIGHED,
    Bias,
    Leaf,
    Named,
    Normalized,
    Pattern,
    Read,
    Scaled,
    Times,
)
from rnnlite_pipeline.algebra.text import described, render
from rnnlite_pipeline.recognise.cells.attempt import Attempt, Way
from rnnlite_pipeline.recognise.cells.gates import Affine, affine
from rnnlite_pipeline.recognise.cells.layer_norm import normalization
from rnnlite_pipeline.recognise.cells.products import (
    Found,
    MayBe,
    Monomial,
    assignments,
    divided,
    expanded,
    factors_of,
    functions_of,
    is_sigmoid,
    is_wide,
    joined,
    subsets,
    turnable,
    unwrapped,
)
from rnnlite_pipeline.recognise.loop.loop import Unrecognised

Array = NDArray[Any]


def affine_map(
    attempt: Attempt,
    pattern: Pattern,
    value: Form,
    what: str,
    whole: tuple[Pattern, Form] | None = None,
) -> None:
    """Finds the weights of an affine map: products first, then what a gate scales, then the rest.

    Args:
        attempt: Learns the weights.
        pattern: What is still to be found.
        value: What is left of the form.
        what: What the map is in its cell.
        whole: The pattern and the form from which parts were taken off.

    Raises:
        Mismatch: The form is no such map.
    """
    leaves = [leaf for _, term in pattern.terms for leaf in term if len(term) == 1]
    for leaf in leaves:
        if isinstance(leaf, Normalized):
            _norm(attempt, leaf, [other for other in leaves if other is not leaf], value, what)
            return
    whole = whole or (pattern, value)
    linear = [leaf for leaf in leaves if _is_linear(leaf)]
    for leaf in leaves:
        if isinstance(leaf, Times) and leaf not in linear:
            why_not = f"its {what} is {render(value)}, not {described(leaf.value)}"
            attempt.first_of(_products(attempt, leaf, (pattern, value), what, whole), why_not)
            return
    for gate, inner in _gated_parts(pattern):
        called = gate.called if isinstance(gate, Named) else "gate"
        why_not = f"its {what} has no {called}: it is {render(value)}"
        parted = (gate, inner)
        attempt.first_of(_gated(attempt, parted, (pattern, value), what, whole), why_not)
        return
    if not linear and value.terms:
        raise attempt.fail(f"its {what} is {render(whole[1])}, not {described(whole[0])}")
    try:
        z = affine(value, attempt.inputs, what)
    except Unrecognised as problem:
        raise attempt.fail(str(problem)) from None
    _weights(attempt, linear, z, what)
    _biases(attempt, [leaf for leaf in leaves if isinstance(leaf, Bias)], z.bias, what)


def _weights(attempt: Attempt, linear: Sequence[Leaf], z: Affine, what: str) -> None:
    """The weights of what is read directly."""
    cell = type(attempt.cell)
    states = [state for leaf in linear if (state := _state_of(leaf)) is not None]
    symbols = [attempt.symbol(state) for state in states]
    if not z.reads_only(*symbols):
        raise attempt.fail(f"its {what} reads a state that {cell.article} {cell.kind}'s does not")
    if z.outside and not any(_state_of(leaf) is None for leaf in linear):
        raise attempt.fail(
            f"its {what} reads the input, which {cell.article} {cell.kind}'s does not"
        )
    for leaf in linear:
        state = _state_of(leaf)
        if isinstance(leaf, Scaled):
            assert state is not None, "a diagonal is one on a state"
            try:
                diagonal = z.diagonal_on(attempt.symbol(state), what)
            except Unrecognised as problem:
                raise attempt.fail(str(problem)) from None
            if diagonal is None and not leaf.diagonal.optional:
                raise attempt.fail(f"its {what} does not read {state.name} through a diagonal")
            attempt.bind(leaf.diagonal, diagonal, what)
        elif isinstance(leaf, Times):
            known = z.kernel if state is None else z.on(attempt.symbol(state))
            attempt.bind(leaf.matrix, known, what)


def _biases(attempt: Attempt, leaves: Sequence[Bias], bias: Array, what: str) -> None:
    """The bias, if the pattern has one."""
    if not leaves and bias.any():
        raise attempt.fail(f"its {what} has a constant added to it")
    for leaf in leaves:
        attempt.bind(leaf.bias, None if leaf.bias.optional and not bias.any() else bias, what)


def _norm(
    attempt: Attempt, leaf: Normalized, others: Sequence[Leaf], value: Form, what: str
) -> None:
    """A layer norm with its bias after it, or none."""
    found = normalization(value)
    inner, scale, bias = found if found is not None else (value, None, None)
    attempt.bind(leaf.scale, scale, what)
    biases = [other for other in others if isinstance(other, Bias)]
    if bias is None:
        affine_map(
            attempt, replace(leaf.value, terms=(*leaf.value.terms, *_terms(biases))), inner, what
        )
        return
    if inner.bias.any():
        raise attempt.fail(f"its {what} has a bias inside the normalization")
    affine_map(attempt, leaf.value, inner, what)
    _biases(attempt, biases, bias, what)


@dataclass(frozen=True, eq=False)
class _Taken:
    """A matrix on a product of leaves, taken off a form.

    Attributes:
        found: The factor that each leaf is.
        turned: The leaves that are read at their argument's minus.
        matrix: [in, out], on the product.
        width: in.
        left: The rest of the form.
    """

    found: Found
    turned: frozenset[Leaf]
    matrix: Map
    width: int
    left: Form


def _products(
    attempt: Attempt, leaf: Times, now: tuple[Pattern, Form], what: str, whole: tuple[Pattern, Form]
) -> Iterator[Way]:
    """The ways to take a matrix on a product of leaves off a form, and to read what is left."""
    pattern, value = now
    rest = Pattern(tuple(term for term in pattern.terms if leaf not in term[1]))
    for taken in _taken(leaf.value, value, attempt.may_be):

        def way(trial: Attempt, taken: _Taken = taken) -> None:
            for each, factor in taken.found.items():
                trial.leaf(each, factor, what, turned=each in taken.turned)
            kept = taken.matrix.is_identity and leaf.matrix.optional
            trial.bind(leaf.matrix, None if kept else taken.matrix.dense(taken.width).T, what)
            affine_map(trial, rest, taken.left, what, whole)

        yield way


def _taken(pattern: Pattern, value: Form, may_be: MayBe) -> Iterator[_Taken]:
    for turned in subsets(turnable(pattern)):
        *others, (sign, leaves) = sorted(expanded(pattern, turned), key=lambda m: len(m[1]))
        for atom, linear in value.terms.values():
            factors = factors_of(atom)
            if not is_wide(factors, atom.width):
                continue
            for found in assignments([(1.0, leaves)], [(1.0, factors)], may_be):
                matrix = linear.scaled(np.array([sign]))
                parts = [(sign, atom), *((s, _joined(each, found)) for s, each in others)]
                minus = [(part, matrix.scaled(np.array([-s]))) for s, part in parts]
                left = form([*value.terms.values(), *minus], value.bias)
                yield _Taken(found, turned, matrix, atom.width, left)


def _joined(leaves: Sequence[Leaf], found: Found) -> Atom:
    return joined([found[leaf] for leaf in leaves])


def _gated(
    attempt: Attempt,
    gated: tuple[Leaf, Pattern],
    now: tuple[Pattern, Form],
    what: str,
    whole: tuple[Pattern, Form],
) -> Iterator[Way]:
    """The ways to take what a gate scales off a form, and to read what is left.

    With g = 1 - factor, g * inner is inner - factor * inner.
    """
    (gate, inner), (pattern, value) = gated, now
    rest = Pattern(tuple(t for t in pattern.terms if len(t[1]) == 1 or gate not in t[1]))
    for turned, factor in product((False, True), functions_of(value)):
        fits = factor.width == value.width and attempt.may_be(gate, factor)
        if not fits or (turned and not is_sigmoid(gate)):
            continue
        scaled, left = divided(value, factor)
        if turned:
            scaled = scaled.scaled(np.array([-1.0]))
            left = unwrapped(left) - scaled

        def way(
            trial: Attempt,
            factor: Factor = factor,
            turned: bool = turned,
            scaled: Form = scaled,
            left: Form = left,
        ) -> None:
            trial.leaf(gate, factor, what, turned=turned)
            trial.value(inner, scaled, what)
            affine_map(trial, rest, left, what, whole)

        yield way


def _is_linear(leaf: Leaf) -> bool:
    """Whether a leaf is a weight on what the step reads."""
    value = leaf.value if isinstance(leaf, Times | Scaled) else None
    return value is not None and isinstance(value.leaf, Read)


def _state_of(leaf: Leaf) -> Read | None:
    """The state that a weight is applied to; None for the input."""
    assert isinstance(leaf, Times | Scaled), "what `_is_linear` lets through"
    inner = leaf.value.leaf
    assert isinstance(inner, Read), "what `_is_linear` lets through"
    return inner if inner.k is not None else None


def _gated_parts(pattern: Pattern) -> Iterator[tuple[Leaf, Pattern]]:
    """The gates that scale a part of an affine map, and that part."""
    parts: dict[Leaf, list[Monomial]] = {}
    for sign, leaves in pattern.terms:
        if len(leaves) > 1:
            gate = next(leaf for leaf in leaves if not isinstance(leaf, WEIGHED))
            rest = list(leaves)
            rest.remove(gate)
            parts.setdefault(gate, []).append((sign, tuple(rest)))
    for scaling, terms in parts.items():
        yield scaling, Pattern(tuple(terms))


def _terms(leaves: Sequence[Leaf]) -> tuple[Monomial, ...]:
    return tuple((1.0, (leaf,)) for leaf in leaves)
