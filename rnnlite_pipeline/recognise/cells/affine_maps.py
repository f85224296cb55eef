"""Affine maps with unknown weights: parted by what they read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

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
from rnnlite_pipeline.algebra.text import render
from rnnlite_pipeline.recognise.cells.gates import Affine, affine
from rnnlite_pipeline.recognise.cells.layer_norm import normalization
from rnnlite_pipeline.recognise.cells.pattern_text import described
from rnnlite_pipeline.recognise.cells.products import (
    Found,
    Monomial,
    assignments,
    divided,
    factors_of,
    functions_of,
    is_wide,
)
from rnnlite_pipeline.recognise.loop.loop import Unrecognised

if TYPE_CHECKING:
    from rnnlite_pipeline.recognise.cells.attempt import Attempt, Way

Array = NDArray[Any]


def affine_map(attempt: Attempt, pattern: Pattern, value: Form, what: str) -> None:
    """Finds the weights of an affine map: products first, then what a gate scales, then the rest.

    Raises:
        Mismatch: The form is no such map.
    """
    leaves = [leaf for _, term in pattern.terms for leaf in term if len(term) == 1]
    for leaf in leaves:
        if isinstance(leaf, Normalized):
            _norm(attempt, leaf, [other for other in leaves if other is not leaf], value, what)
            return
    linear = [leaf for leaf in leaves if _is_linear(leaf)]
    rest = value
    for leaf in leaves:
        if isinstance(leaf, Times) and leaf not in linear:
            rest = _product(attempt, leaf, rest, what)
    for gate, inner in _gated_parts(pattern):
        rest = _gated(attempt, gate, inner, rest, what)
    if not linear and rest.terms:
        raise attempt.fail(f"its {what} is {render(value)}, not {described(pattern)}")
    try:
        z = affine(rest, attempt.inputs, what)
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


def _product(attempt: Attempt, leaf: Times, value: Form, what: str) -> Form:
    """Takes a matrix on a product of leaves off a form; gives what is left."""
    left: list[Form] = []

    def ways() -> Iterator[Way]:
        for key, (atom, linear) in value.terms.items():
            term = (1.0, factors_of(atom))
            if not is_wide(term[1], atom.width):
                continue
            for found in assignments(leaf.value.terms, [term], attempt.may_be):

                def way(
                    trial: Attempt,
                    key: str = key,
                    atom: Atom = atom,
                    linear: Map = linear,
                    found: Found = found,
                ) -> None:
                    for each, factor in found.items():
                        trial.leaf(each, factor, what)
                    kept = linear.is_identity and leaf.matrix.optional
                    matrix = None if kept else linear.dense(atom.width).T
                    trial.bind(leaf.matrix, matrix, what)
                    rest = [term for k, term in value.terms.items() if k != key]
                    left[:] = [form(rest, value.bias)]

                yield way

    attempt.first_of(ways(), f"its {what} is {render(value)}, not {described(leaf.value)}")
    return left[0]


def _gated(attempt: Attempt, gate: Leaf, inner: Pattern, value: Form, what: str) -> Form:
    """Takes what a gate scales off a form; gives what is left."""
    left: list[Form] = []

    def ways() -> Iterator[Way]:
        for factor in functions_of(value):
            if factor.width != value.width or not attempt.may_be(gate, factor):
                continue

            def way(trial: Attempt, factor: Factor = factor) -> None:
                scaled, rest = divided(value, factor)
                trial.leaf(gate, factor, what)
                trial.value(inner, scaled, what)
                left[:] = [rest]

            yield way

    called = gate.called if isinstance(gate, Named) else "gate"
    attempt.first_of(ways(), f"its {what} has no {called}: it is {render(value)}")
    return left[0]


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
