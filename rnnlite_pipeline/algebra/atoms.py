"""The mathematics of one step: affine forms over atoms, and the atoms.

A value of a loop body is a row vector for each batch entry. It is held as an affine form

    value = sum over atoms a of  a @ map_a  +  bias

where an atom is something no longer linear: a symbol (the step's input, a state), a function
applied to a form, or a product of atoms. Additions, matrix products, slices and concatenations
all stay affine, and products of elementwise forms are multiplied out (but squares), so every
spelling of one equation reads as the same form: gate order, joined or separate products, a forget
bias apart, `z*h + (1-z)*n` or `n + z*(h-n)`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, Self, TypeAlias

import numpy as np
from numpy.typing import NDArray

from rnnlite_pipeline.algebra.functions import ODD
from rnnlite_pipeline.algebra.maps import Map, digest, hashed, simplest

Array = NDArray[Any]

#: Products are multiplied out only up to this many terms; beyond, they stay products of forms.
MAX_TERMS = 24

#: Functions over the last axis.
REDUCTIONS = frozenset({"MEAN", "SUM", "REDUCE_MAX", "REDUCE_MIN", "SOFTMAX", "L2_NORMALIZATION"})


#: An op's options that change what it computes, in the order of their names.
Options: TypeAlias = tuple[tuple[str, float | bool | str], ...]


class Numbered(str):
    """The name of a quantity that has a number: a letter and the number, as text.

    As text it orders and compares as any name does; what it stands for is its class and number.

    Attributes:
        number: Which of its kind it is.
    """

    __slots__ = ("number",)
    LETTER: ClassVar[str]
    number: int

    def __new__(cls, number: int) -> Self:
        """The name of the quantity with this number."""
        made = super().__new__(cls, f"{cls.LETTER}{number}")
        made.number = number
        return made

    def __getnewargs__(self) -> tuple[int]:  # type: ignore[override]  # copies are made from it
        """What a copy is made from."""
        return (self.number,)


@dataclass(frozen=True)
class Symbol:
    """Columns [start, stop) of a named quantity: an input's step, a state before or after it.

    Attributes:
        name: What it is a part of; unique in a loop.
        start: The first column.
        stop: The column after the last.
    """

    name: str
    start: int
    stop: int

    @property
    def width(self) -> int:
        """The number of columns."""
        return self.stop - self.start

    @property
    def key(self) -> str:
        """Equal for equal symbols."""
        return f"{self.name}[{self.start}:{self.stop}]"

    def columns(self, start: int, stop: int) -> Symbol:
        """Columns [start, stop) of this symbol."""
        return Symbol(self.name, self.start + start, self.start + stop)

    @property
    def parts(self) -> tuple[Atom, ...]:
        """The atoms it is made of: none."""
        return ()

    def symbols(self) -> Iterator[Symbol]:
        """Itself."""
        yield self


@dataclass(frozen=True, eq=False)
class Apply:
    """A function applied to forms; elementwise unless `function` is a reduction.

    Attributes:
        function: The TFLite op name ("LOGISTIC", "TANH", "SELECT_V2", "MEAN", ...).
        arguments: Forms of one width, or of width 1 (broadcast).
        width: The result's width.
        options: What else the function depends on, by the names of the op's options:
            LEAKY_RELU's slope, whether GELU is approximate.
    """

    function: str
    arguments: tuple[Form, ...]
    width: int
    options: Options = ()

    @property
    def reduces(self) -> bool:
        """Whether it mixes columns, so that it cannot be sliced."""
        return self.function in REDUCTIONS

    @cached_property
    def key(self) -> str:
        """Equal for equal applications."""
        arguments = ",".join(a.key for a in self.arguments)
        return hashed(f"{self.function}({arguments};{self.width};{self.options})")

    def columns(self, start: int, stop: int) -> Apply:
        """Columns [start, stop): the function of the arguments' columns."""
        if self.reduces:
            raise ValueError("a reduction has no columns")
        cut = tuple(a if a.width == 1 else a.columns(start, stop) for a in self.arguments)
        return Apply(self.function, cut, stop - start, self.options)

    @property
    def parts(self) -> tuple[Atom, ...]:
        """The atoms of its arguments."""
        return tuple(atom for each in self.arguments for atom, _ in each.terms.values())

    def symbols(self) -> Iterator[Symbol]:
        """Every symbol of the arguments, once."""
        return symbols_of(self.parts)


@dataclass(frozen=True, eq=False)
class Product:
    """The elementwise product of two or more atoms, in the order of their keys."""

    factors: tuple[Factor, ...]

    @property
    def width(self) -> int:
        """The common width."""
        return max(f.width for f in self.factors)

    @cached_property
    def key(self) -> str:
        """Equal for equal products."""
        return "*".join(f.key for f in self.factors)

    def columns(self, start: int, stop: int) -> Product:
        """Columns [start, stop) of every factor."""
        return Product(tuple(f if f.width == 1 else f.columns(start, stop) for f in self.factors))

    @property
    def parts(self) -> tuple[Atom, ...]:
        """Its factors."""
        return self.factors

    def symbols(self) -> Iterator[Symbol]:
        """Every symbol of the factors, once."""
        return symbols_of(self.parts)


Factor: TypeAlias = Symbol | Apply
Atom: TypeAlias = Symbol | Apply | Product


def symbols_of(atoms: Iterable[Atom]) -> Iterator[Symbol]:
    """Every symbol that atoms depend on, however deep, each once, in the order they are written.

    Steps that are written out share what they are computed from: a walk that enters each atom as
    often as it is read takes twice as long with every step.
    """
    stack, seen = list(atoms)[::-1], set[str]()
    while stack:
        atom = stack.pop()
        if atom.key in seen:
            continue
        seen.add(atom.key)
        if isinstance(atom, Symbol):
            yield atom
        stack += atom.parts[::-1]


@dataclass(frozen=True, eq=False)
class Form:
    """An affine form: `terms` maps each atom's key to the atom and its map; `bias` is [width]."""

    terms: dict[str, tuple[Atom, Map]]
    bias: Array

    @property
    def width(self) -> int:
        """The number of columns."""
        return int(self.bias.shape[0])

    @cached_property
    def key(self) -> str:
        """Equal for equal forms."""
        parts = sorted(f"{k}@{m.key}" for k, (_, m) in self.terms.items())
        return hashed(f"{'+'.join(parts)}+{digest(self.bias)}")

    @property
    def is_constant(self) -> bool:
        """Whether it depends on no atom."""
        return not self.terms

    @property
    def is_elementwise(self) -> bool:
        """Whether each column depends on its own column of each atom only."""
        return all(m.diagonal for _, m in self.terms.values())

    @property
    def atom(self) -> Atom | None:
        """The atom this form is, where it is exactly one, unscaled and without a bias."""
        if len(self.terms) != 1 or np.any(self.bias):
            return None
        ((atom, linear),) = self.terms.values()
        return atom if linear.is_identity else None

    @property
    def function(self) -> Apply | None:
        """The function this form is: of one argument, alone or as another of its argument's minus.

        1 - sigmoid(z) = sigmoid(-z), and -f(z) = f(-z) of an odd function f.
        """
        if isinstance(self.atom, Apply):
            return self.atom
        if len(self.terms) != 1:
            return None
        ((atom, linear),) = self.terms.values()
        turned = isinstance(atom, Apply) and linear.diagonal and np.all(linear.values == -1.0)
        if not turned or not isinstance(atom, Apply) or atom.width != self.width:
            return None
        complement = atom.function == "LOGISTIC" and np.all(self.bias == 1.0)
        if not complement and (atom.function not in ODD or self.bias.any()):
            return None
        argument = atom.arguments[0].scaled(np.array([-1.0]))
        return Apply(atom.function, (argument,), atom.width, atom.options)

    def symbols(self) -> Iterator[Symbol]:
        """Every symbol the form depends on, however deep, each once."""
        return symbols_of(atom for atom, _ in self.terms.values())

    def columns(self, start: int, stop: int) -> Form:
        """Columns [start, stop) of the form."""
        if (start, stop) == (0, self.width):
            return self
        parts: list[tuple[Atom, Map]] = []
        for atom, linear in self.terms.values():
            if linear.diagonal:
                if isinstance(atom, Apply) and atom.reduces and atom.width > 1:
                    return _selected(self, start, stop)
                part = atom if atom.width == 1 else atom.columns(start, stop)
                parts.append((part, Map(linear.values[start:stop])))
            else:
                parts.append((atom, Map(linear.values[:, start:stop])))
        return form(parts, self.bias[start:stop])

    def __add__(self, other: Form) -> Form:
        a, b = broadcast(self, other)
        return form([*a.terms.values(), *b.terms.values()], a.bias + b.bias)

    def __sub__(self, other: Form) -> Form:
        return self + other.scaled(np.array([-1.0]))

    def scaled(self, factor: Array) -> Form:
        """The form times a constant `factor` [width] or [1]."""
        this = widened(self, max(self.width, factor.shape[0]))
        factor = np.broadcast_to(factor, (this.width,))
        return form([(a, m.scaled(factor)) for a, m in this.terms.values()], this.bias * factor)

    def __matmul__(self, matrix: Array) -> Form:
        parts = [(a, m.then(matrix, a.width)) for a, m in self.terms.values()]
        # In float64 a large matrix would be copied, to multiply zeros with it.
        bias = self.bias @ matrix if self.bias.any() else np.zeros(matrix.shape[-1])
        return form(parts, bias)

    def __mul__(self, other: Form) -> Form:
        for one, two in ((self, other), (other, self)):
            if one.is_constant:
                return two.scaled(one.bias)
        a, b = (_elementwise(f) for f in broadcast(self, other))
        # A square multiplied out cancels: of (z - mean z)^2 for a large z nothing would be left.
        square = a.key == b.key and len(a.terms) + a.bias.any() > 1
        if square or len(a.terms) * len(b.terms) + len(a.terms) + len(b.terms) > MAX_TERMS:
            a, b = _wrapped(a), _wrapped(b)
        parts = [(t, m.scaled(b.bias)) for t, m in a.terms.values() if np.any(b.bias)]
        parts += [(t, m.scaled(a.bias)) for t, m in b.terms.values() if np.any(a.bias)]
        for s, p in a.terms.values():
            for t, q in b.terms.values():
                parts.append((_product(s, t), Map(p.values * q.values)))
        return form(parts, a.bias * b.bias)


def form(parts: Iterable[tuple[Atom, Map]], bias: Array) -> Form:
    """The sum of `parts` and `bias` [width], equal atoms added up, vanished ones dropped."""
    terms: dict[str, tuple[Atom, Map]] = {}
    for atom, linear in parts:
        known = terms.get(atom.key)
        terms[atom.key] = (atom, linear if known is None else known[1].plus(linear, atom.width))
    left = {k: (a, simplest(m)) for k, (a, m) in terms.items() if np.any(m.values)}
    return _as_one_function(Form(left, bias))


def constant(values: Array) -> Form:
    """The constant row [width]."""
    return Form({}, np.asarray(values, np.float64).reshape(-1))


def of(atom: Atom) -> Form:
    """The form that is just `atom`."""
    return Form({atom.key: (atom, Map(np.ones(atom.width)))}, np.zeros(atom.width))


def widened(value: Form, width: int) -> Form:
    """`value` of width 1 broadcast to `width`; any other as it is."""
    if value.width == width or value.width != 1:
        return value
    parts = [
        (a, Map(np.repeat(m.values, width)) if m.diagonal else m.then(np.ones((1, width)), a.width))
        for a, m in value.terms.values()
    ]
    return form(parts, np.repeat(value.bias, width))


def broadcast(a: Form, b: Form) -> tuple[Form, Form]:
    """Both forms at their common width.

    Raises:
        ValueError: The widths differ and neither is 1.
    """
    width = max(a.width, b.width)
    a, b = widened(a, width), widened(b, width)
    if a.width != b.width:
        raise ValueError(f"widths {a.width} and {b.width} do not broadcast")
    return a, b


def _elementwise(value: Form) -> Form:
    """The form with what is dense in it wrapped as one atom, so that it can be multiplied out."""
    if value.is_elementwise:
        return value
    dense = [(a, m) for a, m in value.terms.values() if not m.diagonal]
    rest = [(a, m) for a, m in value.terms.values() if m.diagonal]
    wrapped = of(Apply("LINEAR", (form(dense, value.bias),), value.width))
    return form([*rest, *wrapped.terms.values()], np.zeros(value.width))


def _wrapped(value: Form) -> Form:
    return value if value.atom else of(Apply("LINEAR", (value,), value.width))


def _as_one_function(value: Form) -> Form:
    """A sigmoid written by tanh, or tanh by a sigmoid, as one factor of products; else `value`.

    0.5 + 0.5 tanh(z) = sigmoid(2z), 0.5 - 0.5 tanh(z) = sigmoid(-2z)
    2 sigmoid(z) - 1 = tanh(z/2),    1 - 2 sigmoid(z) = tanh(-z/2)
    """
    if len(value.terms) != 1 or not value.bias.size:
        return value
    ((atom, linear),) = value.terms.values()
    if not (linear.diagonal and isinstance(atom, Apply) and atom.width == value.width):
        return value
    scale, bias = linear.values[0], value.bias[0]
    if not (np.all(linear.values == scale) and np.all(value.bias == bias)):
        return value
    (z, *_) = atom.arguments
    if atom.function == "TANH" and abs(scale) == bias == 0.5:
        return of(Apply("LOGISTIC", (z.scaled(np.array([4.0 * scale])),), value.width))
    if atom.function == "LOGISTIC" and abs(scale) == 2.0 and bias == -scale / 2.0:
        return of(Apply("TANH", (z.scaled(np.array([0.25 * scale])),), value.width))
    return value


def _selected(value: Form, start: int, stop: int) -> Form:
    selection = np.zeros((value.width, stop - start))
    selection[np.arange(start, stop), np.arange(stop - start)] = 1.0
    return value @ selection


def _product(a: Atom, b: Atom) -> Product:
    factors: list[Factor] = []
    for atom in (a, b):
        factors.extend(atom.factors if isinstance(atom, Product) else (atom,))
    return Product(tuple(sorted(factors, key=lambda f: f.key)))
