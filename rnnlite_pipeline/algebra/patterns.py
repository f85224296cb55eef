"""A step on patterns: what recognition looks for, with unknown weights and activations.

A pattern is a sum of products of leaves, multiplied out as forms are (`algebra/forms.py`). A leaf
is what a step reads, a named quantity, a function, or an operation with an unknown in it.
Unification (`recognise/cells/unify.py`) finds the unknowns for which pattern and form are equal.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeAlias

from rnnlite_pipeline.algebra.functions import ACTIVATION_OPS


@dataclass(frozen=True, eq=False)
class Unknown:
    """A weight, a number or the name of an activation that is to be found.

    Attributes:
        optional: Whether None says that the cell does without it.
        among: The activations it may be.
    """

    optional: bool = False
    among: Collection[str] = ()


#: An unknown weight. Typed as what it stands for, since a cell's fields are arrays.
WEIGHT: Callable[[], Any] = Unknown

#: An unknown weight that a cell may do without.
OPTIONAL: Callable[[], Any] = partial(Unknown, optional=True)


def activation(among: Collection[str]) -> Any:
    """An unknown activation, one of these keys of `functions.ACTIVATIONS`."""
    return Unknown(among=tuple(among))


#: A cell's own activations where nothing limits them to those that an op fuses.
ANY_ACTIVATION = tuple(ACTIVATION_OPS)


@dataclass(frozen=True, eq=False)
class Read:
    """What a step reads: a state, before or after the step, or the input (k is None)."""

    k: int | None
    name: str
    after: bool = False


@dataclass(frozen=True, eq=False)
class Function:
    """An activation applied: its name or an unknown one."""

    function: str | Unknown
    argument: Pattern


@dataclass(frozen=True, eq=False)
class Named:
    """A quantity that is a function, under the name it has in the step."""

    name: str
    value: Function
    called: str


@dataclass(frozen=True, eq=False)
class Times:
    """A matrix applied."""

    value: Pattern
    matrix: Unknown


@dataclass(frozen=True, eq=False)
class Scaled:
    """A diagonal applied."""

    value: Pattern
    diagonal: Unknown


@dataclass(frozen=True, eq=False)
class Bias:
    """A constant row."""

    bias: Unknown


@dataclass(frozen=True, eq=False)
class Normalized:
    """A layer norm, scaled."""

    value: Pattern
    scale: Unknown


@dataclass(frozen=True, eq=False)
class Clipped:
    """A value within ±bound."""

    value: Pattern
    bound: Unknown


Leaf: TypeAlias = Read | Named | Function | Times | Scaled | Bias | Normalized | Clipped

#: What is read from outside the polynomial of a state.
WEIGHED = (Times, Scaled, Bias, Normalized)


@dataclass(frozen=True, eq=False)
class Pattern:
    """A sum of products of leaves, each with its sign."""

    terms: tuple[tuple[float, tuple[Leaf, ...]], ...]

    def __add__(self, other: Pattern) -> Pattern:
        return Pattern(self.terms + other.terms)

    def __sub__(self, other: Pattern) -> Pattern:
        return self + Pattern(tuple((-sign, leaves) for sign, leaves in other.terms))

    def __mul__(self, other: Pattern) -> Pattern:
        return Pattern(tuple((s * t, (*a, *b)) for s, a in self.terms for t, b in other.terms))

    @property
    def leaf(self) -> Leaf | None:
        """The leaf this is, where it is just one."""
        if len(self.terms) == 1 and self.terms[0][0] == 1.0 and len(self.terms[0][1]) == 1:
            return self.terms[0][1][0]
        return None

    @property
    def is_weighed(self) -> bool:
        """Whether it is an affine map with unknown weights."""
        return any(isinstance(leaf, WEIGHED) for _, leaves in self.terms for leaf in leaves)


def pattern(leaf: Leaf) -> Pattern:
    """The pattern that is one leaf."""
    return Pattern(((1.0, (leaf,)),))


@dataclass
class Patterns:
    """The algebra of patterns; `updates` are the new states, in the order of the step."""

    updates: list[tuple[int, Pattern, str]] = field(default_factory=list)

    @property
    def one(self) -> Pattern:
        """1."""
        return Pattern(((1.0, ()),))

    def times(self, value: Pattern, matrix: Any, _name: str) -> Pattern:
        """`Algebra.times`."""
        return pattern(Times(value, matrix))

    def scaled(self, value: Pattern, diagonal: Any, _name: str) -> Pattern:
        """`Algebra.scaled`."""
        return pattern(Scaled(value, diagonal))

    def shifted(self, value: Pattern, bias: Any, _name: str) -> Pattern:
        """`Algebra.shifted`."""
        return value + pattern(Bias(bias))

    def normalized(self, value: Pattern, scale: Any, _name: str) -> Pattern:
        """`Algebra.normalized`."""
        return pattern(Normalized(value, scale))

    def activation(self, function: Any, value: Pattern) -> Pattern:
        """`Algebra.activation`."""
        return pattern(Function(function, value))

    def clip(self, value: Pattern, bound: Any) -> Pattern:
        """`Algebra.clip`; a bound of 0 is none."""
        return pattern(Clipped(value, bound)) if isinstance(bound, Unknown) else value

    def let(self, name: str, value: Pattern, called: str) -> Pattern:
        """A function gets a name; what is none stays as it is."""
        leaf = value.leaf
        return pattern(Named(name, leaf, called)) if isinstance(leaf, Function) else value

    def new(self, k: int, name: str, value: Pattern, called: str) -> Pattern:
        """Notes what the state becomes, and reads it as the state after the step."""
        self.updates.append((k, value, called))
        return pattern(Read(k, f"{name}'", after=True))


def read(k: int | None, name: str) -> Pattern:
    """The input (None) or a state before the step."""
    return pattern(Read(k, name))


def check(value: Pattern) -> None:
    """What unification can look for.

    1. In a sum with weights nothing is subtracted, and every term has a weight or is scaled by a
       named function.
    2. No two weights are on the same quantity: they could not be told apart.
    3. A layer norm is added to a bias alone.

    Raises:
        ValueError: It is none.
    """
    leaves = [leaf for _, product in value.terms for leaf in product]
    if value.is_weighed:
        _check_sum(value)
    for leaf in leaves:
        inner = leaf.value if isinstance(leaf, Named) else leaf
        if isinstance(inner, Function):
            check(inner.argument)
        elif isinstance(inner, Times | Scaled | Normalized | Clipped):
            check(inner.value)


def _check_sum(value: Pattern) -> None:
    alone = [product[0] for _, product in value.terms if len(product) == 1]
    if any(sign < 0 for sign, _ in value.terms):
        raise ValueError("a sum with weights subtracts: let the weight have the sign")
    if any(not isinstance(leaf, WEIGHED) for leaf in alone):
        raise ValueError("a sum with weights has a term without one")
    for _, product in value.terms:
        scales = [leaf for leaf in product if isinstance(leaf, Named | Function)]
        if len(product) > 1 and not scales:
            raise ValueError("a sum with weights has a product without a named function")
    weighed = [leaf.value.leaf for leaf in alone if isinstance(leaf, Times | Scaled)]
    read = [(leaf.k, leaf.after) for leaf in weighed if isinstance(leaf, Read)]
    if len(set(read)) < len(read):
        raise ValueError("two weights are on one quantity: they cannot be told apart")
    norms = [leaf for leaf in alone if isinstance(leaf, Normalized)]
    biases = [leaf for leaf in alone if isinstance(leaf, Bias)]
    if len(biases) > 1 or len(norms) > 1 or (norms and len(value.terms) > 1 + len(biases)):
        raise ValueError("a layer norm, or a bias, is added to another one, or to more")
