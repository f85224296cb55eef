"""Integers that are known at run time alone, as linear forms over symbols."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar, Self

from rnnlite_pipeline.algebra.atoms import Numbered


class Counter(Numbered):
    """A loop's counter, by the loop variable's number."""

    LETTER: ClassVar[str] = "v"


class Quotient(str):
    """A symbol divided by a number, rounded down.

    Attributes:
        base: The symbol.
        divisor: The number.
    """

    __slots__ = ("base", "divisor")
    base: str
    divisor: int

    def __new__(cls, base: str, divisor: int) -> Self:
        """floor(base / divisor)."""
        made = super().__new__(cls, f"{base}//{divisor}")
        made.base, made.divisor = base, divisor
        return made

    def __getnewargs__(self) -> tuple[str, int]:  # type: ignore[override]  # copies are made from it
        """What a copy is made from."""
        return self.base, self.divisor


@dataclass(frozen=True)
class Linear:
    """constant + sum of factor * symbol, over integers."""

    constant: int = 0
    factors: frozenset[tuple[str, int]] = field(default_factory=frozenset)

    @classmethod
    def symbol(cls, name: str) -> Linear:
        """The form that is one symbol."""
        return cls(0, frozenset({(name, 1)}))

    @property
    def is_constant(self) -> bool:
        """Whether it is a plain integer."""
        return not self.factors

    @property
    def counts(self) -> bool:
        """Whether it depends on a counter of a loop."""
        return any(isinstance(name, Counter) for name, _ in self.factors)

    def factor(self, name: str) -> int:
        """The factor of one symbol."""
        return dict(self.factors).get(name, 0)

    def __add__(self, other: Linear) -> Linear:
        total = dict(self.factors)
        for name, factor in other.factors:
            total[name] = total.get(name, 0) + factor
        left = frozenset((n, f) for n, f in total.items() if f)
        return Linear(self.constant + other.constant, left)

    def __mul__(self, factor: int) -> Linear:
        left = frozenset((n, f * factor) for n, f in self.factors if factor)
        return Linear(self.constant * factor, left)

    def __sub__(self, other: Linear) -> Linear:
        return self + other * -1

    def replaced(self, name: str, value: Linear) -> Linear:
        """With `value` in place of the symbol `name`."""
        factor = self.factor(name)
        rest = Linear(self.constant, frozenset(p for p in self.factors if p[0] != name))
        return rest + value * factor


def quotient(value: Linear, divisor: int) -> Linear | None:
    """floor(value / divisor): exact, or a symbol of its own where `value` is one symbol."""
    if divisor <= 0:
        return None
    if all(factor % divisor == 0 for _, factor in value.factors):
        parts = frozenset((name, factor // divisor) for name, factor in value.factors)
        return Linear(value.constant // divisor, parts)
    ((name, factor),) = value.factors if len(value.factors) == 1 else (("", 0),)
    alone = factor == 1 and not value.constant and not value.counts
    return Linear.symbol(Quotient(name, divisor)) if alone else None


def least(value: Linear) -> int | None:
    """The smallest that a number can be; None where that is not known.

    A symbol and its quotient say more of each other: T = k (T // k) + r with 0 <= r < k.
    """
    for name, _ in value.factors:
        if not isinstance(name, Quotient) or not (factor := value.factor(name.base)):
            continue
        rest = Linear(0 if factor > 0 else name.divisor - 1)
        return least(value.replaced(name.base, Linear.symbol(name) * name.divisor + rest))
    return value.constant if value.is_constant else None
