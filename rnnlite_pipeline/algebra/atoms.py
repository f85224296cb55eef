"""What an affine form is made of: symbols, functions of forms, and products of these."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, ClassVar, Self, TypeAlias

from rnnlite_pipeline.algebra.maps import hashed

if TYPE_CHECKING:
    from rnnlite_pipeline.algebra.forms import Form


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
