"""Sums of products: of leaves on the side of a pattern, of factors on the side of a form."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import chain, combinations, permutations, product
from typing import TypeAlias

import numpy as np

from rnnlite_pipeline.algebra.atoms import Apply, Atom, Factor, Product
from rnnlite_pipeline.algebra.forms import Form, form, of
from rnnlite_pipeline.algebra.functions import ACTIVATION_OPS, ODD
from rnnlite_pipeline.algebra.patterns import Function, Leaf, Named, Pattern, Read, Unknown

#: A product of factors, with its sign.
Term: TypeAlias = tuple[float, tuple[Factor, ...]]

#: A product of leaves, with its sign.
Monomial: TypeAlias = tuple[float, tuple[Leaf, ...]]

#: Leaves by the factor each of them is.
Found: TypeAlias = Mapping[Leaf, Factor]

#: Whether a leaf can be a factor.
MayBe: TypeAlias = Callable[[Leaf, Factor], bool]


def assignments(
    monomials: Sequence[Monomial], terms: Sequence[Term], may_be: MayBe
) -> Iterator[Found]:
    """Every way to match the sums: each monomial with a term, each leaf with one factor."""
    if len(monomials) != len(terms):
        return

    def extended(k: int, left: list[int], found: dict[Leaf, Factor]) -> Iterator[Found]:
        if k == len(monomials):
            yield found
            return
        sign, leaves = monomials[k]
        for place in left:
            scale, factors = terms[place]
            if scale == sign and len(factors) == len(leaves):
                for order in permutations(factors):
                    if _agrees(leaves, order, found, may_be):
                        more = found | dict(zip(leaves, order, strict=True))
                        yield from extended(k + 1, [p for p in left if p != place], more)

    yield from extended(0, list(range(len(terms))), {})


def _agrees(leaves: Sequence[Leaf], factors: Sequence[Factor], found: Found, may_be: MayBe) -> bool:
    return all(
        may_be(leaf, factor) and (leaf not in found or found[leaf].key == factor.key)
        for leaf, factor in zip(leaves, factors, strict=True)
    )


def paired(pattern: Pattern, terms: Sequence[Term], may_be: MayBe) -> list[tuple[Monomial, Term]]:
    """Each monomial with the term that holds the same states, where there is just one."""
    pairs = []
    for sign, leaves in pattern.terms:
        states = [leaf for leaf in leaves if isinstance(leaf, Read)]
        every = [leaf for _, others in pattern.terms for leaf in others if isinstance(leaf, Read)]
        fitting = [
            term
            for term in terms
            if {leaf for leaf in every if any(may_be(leaf, f) for f in term[1])} == {*states}
        ]
        if len(fitting) != 1:
            return []
        pairs.append(((sign, leaves), fitting[0]))
    return pairs


def reads_state(monomial: Monomial) -> bool:
    """Whether a product of leaves has a state in it."""
    return any(isinstance(leaf, Read) for leaf in monomial[1])


def signed(value: Form) -> list[Term] | None:
    """A form as a sum of products, each with its sign.

    None where one is scaled otherwise, or where a factor is one number for all columns.
    """
    terms = []
    for atom, linear in value.terms.values():
        whole = linear.diagonal and is_wide(factors_of(atom), value.width)
        scale = set(linear.values.tolist()) if whole else set()
        if scale not in ({1.0}, {-1.0}):
            return None
        terms.append((float(linear.values[0]), factors_of(atom)))
    return terms


def is_wide(factors: Sequence[Factor], width: int) -> bool:
    """Whether every factor has as many columns as the product, not one column for all."""
    return all(factor.width == width for factor in factors)


def factors_of(atom: Atom) -> tuple[Factor, ...]:
    """What an atom is the product of."""
    return atom.factors if isinstance(atom, Product) else (atom,)


def joined(factors: Sequence[Factor]) -> Atom:
    """The atom that is the product of some factors."""
    return factors[0] if len(factors) == 1 else Product(tuple(factors))


def expanded(pattern: Pattern, turned: frozenset[Leaf]) -> list[Monomial]:
    """The pattern with each turned leaf replaced by its function of the negated argument.

    A sigmoid is 1 - leaf then, an odd function -leaf. Terms that cancel are left out.
    """
    sums: dict[tuple[int, ...], Monomial] = {}
    for sign, leaves in pattern.terms:
        choices = [_at_minus(leaf) if leaf in turned else ((1.0, (leaf,)),) for leaf in leaves]
        for chosen in product(*choices):
            scale = sign * float(np.prod([s for s, _ in chosen]))
            each = tuple(chain.from_iterable(part for _, part in chosen))
            key = tuple(sorted(map(id, each)))
            sums[key] = (scale + sums.get(key, (0.0, each))[0], each)
    return [term for term in sums.values() if term[0]]


def _at_minus(leaf: Leaf) -> tuple[Monomial, ...]:
    return ((1.0, ()), (-1.0, (leaf,))) if is_sigmoid(leaf) else ((-1.0, (leaf,)),)


def turnable(pattern: Pattern) -> list[Leaf]:
    """The leaves whose argument may have either sign, because unknown weights absorb it."""
    every = dict.fromkeys(leaf for _, leaves in pattern.terms for leaf in leaves)
    return [leaf for leaf in every if _is_turnable(leaf)]


def _is_turnable(leaf: Leaf) -> bool:
    function = function_of(leaf)
    if function is None or not function.argument.is_weighed:
        return False
    name = function.function
    names = name.among if isinstance(name, Unknown) else (name,)
    return is_sigmoid(leaf) or any(ACTIVATION_OPS.get(each) in ODD for each in names)


def function_of(leaf: Leaf) -> Function | None:
    """The function that a leaf is, under a name or not."""
    inner = leaf.value if isinstance(leaf, Named) else leaf
    return inner if isinstance(inner, Function) else None


def is_sigmoid(leaf: Leaf) -> bool:
    """Whether a leaf is a gate: the sigmoid, and no unknown function."""
    function = function_of(leaf)
    return function is not None and function.function == "SIGMOID"


def subsets(leaves: Sequence[Leaf]) -> Iterator[frozenset[Leaf]]:
    """Every subset, the smallest first."""
    for size in range(len(leaves) + 1):
        yield from map(frozenset, combinations(leaves, size))


def functions_of(value: Form) -> list[Apply]:
    """The functions among the factors of a form's terms."""
    every = [f for atom, _ in value.terms.values() for f in factors_of(atom)]
    return list({f.key: f for f in every if isinstance(f, Apply)}.values())


def divided(value: Form, factor: Factor) -> tuple[Form, Form]:
    """(a, b) of a form that is factor * a + b."""
    scaled = of(factor).scaled(np.zeros(1))
    rest = []
    for atom, linear in value.terms.values():
        left = [f for f in factors_of(atom) if f.key != factor.key]
        if len(left) != len(factors_of(atom)) - 1 or not linear.diagonal:
            rest.append((atom, linear))
        elif not left:
            scaled = scaled + Form({}, np.broadcast_to(linear.values, (atom.width,)))
        else:
            inner = left[0]
            wrapped = len(left) == 1 and isinstance(inner, Apply) and inner.function == "LINEAR"
            one = inner.arguments[0] if wrapped and isinstance(inner, Apply) else of(joined(left))
            scaled = scaled + one.scaled(linear.values)
    return scaled, form(rest, value.bias)


def unwrapped(value: Form) -> Form:
    """The form, with each wrapped form that stands alone written out."""
    total = form([], value.bias)
    for atom, linear in value.terms.values():
        alone = isinstance(atom, Apply) and atom.function == "LINEAR" and linear.diagonal
        inner = atom.arguments[0] if alone and isinstance(atom, Apply) else None
        total = total + (
            form([(atom, linear)], 0 * value.bias) if inner is None else inner.scaled(linear.values)
        )
    return total
