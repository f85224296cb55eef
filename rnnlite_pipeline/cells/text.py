"""A cell's equations as lines of text, one for each quantity.

`x` is the step's input; `h`, `c` or `s1`, `s2` are the states before the step, with a prime after
it. `W`, `R` and `P` are matrices, `p`, `l` and `w` vectors over units, `b` biases; `⊙` multiplies
number by number. What follows an underscore is an index: `W_i`. The parts of a cell that is known
by its equations alone have the field's names where they can be told (`field_names.py`), or numbers.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from numpy.typing import NDArray

from rnnlite_pipeline.algebra.atoms import Apply, Atom, Factor, Product, Symbol
from rnnlite_pipeline.algebra.forms import Form
from rnnlite_pipeline.algebra.maps import Map
from rnnlite_pipeline.cells.field_names import Names as FieldNames
from rnnlite_pipeline.cells.field_names import field_names
from rnnlite_pipeline.cells.symbols import INPUT, After, Before

Array = NDArray[Any]

#: The longest list of equations that is written out.
MOST_LINES = 40

_FUNCTIONS = {
    "LOGISTIC": "σ",
    "SIGMOID": "σ",
    "SELECT_V2": "select",
    "NONE": "",
    "RELU_N1_TO_1": "clip±1",
}

#: Functions of two values that stand between them.
_BETWEEN = {
    "EQUAL": "=",
    "NOT_EQUAL": "≠",
    "LESS": "<",
    "LESS_EQUAL": "≤",
    "GREATER": ">",
    "GREATER_EQUAL": "≥",
    "DIV": "/",
}


@dataclass(frozen=True)
class Text:
    """A value as it is written.

    Attributes:
        written: The text.
        terms: Whether it is a sum.
        factors: Whether it is a product, or a weight applied.
    """

    written: str
    terms: bool = False
    factors: bool = False

    def __add__(self, other: Text) -> Text:
        return Text(f"{self.written} + {other.written}", terms=True)

    def __sub__(self, other: Text) -> Text:
        return Text(f"{self.written} − {other.as_factor}", terms=True)

    def __mul__(self, other: Text) -> Text:
        return Text(f"{self.as_factor} ⊙ {other.as_factor}", factors=True)

    @property
    def as_factor(self) -> str:
        """The text as a factor of a product."""
        return f"({self.written})" if self.terms else self.written

    @property
    def as_argument(self) -> str:
        """The text as the operand of a matrix."""
        return f"({self.written})" if self.terms or self.factors else self.written


@dataclass
class Names:
    """The algebra of text; `lines` are the quantities of the step, each with its name."""

    lines: list[str] = field(default_factory=list)

    @property
    def one(self) -> Text:
        """1."""
        return Text("1")

    def times(self, value: Text, _matrix: Array, name: str) -> Text:
        """`Algebra.times`."""
        return Text(f"{name} {value.as_argument}", factors=True)

    def scaled(self, value: Text, _diagonal: Array, name: str) -> Text:
        """`Algebra.scaled`."""
        return Text(name) * value

    def shifted(self, value: Text, bias: Array, name: str) -> Text:
        """`Algebra.shifted`; a bias of zeros is not written."""
        return value + Text(name) if bias.any() else value

    def normalized(self, value: Text, scale: Array, name: str) -> Text:
        """`Algebra.normalized`."""
        return self.scaled(Text(f"norm({value.written})"), scale, name)

    def activation(self, function: str, value: Text) -> Text:
        """`Algebra.activation`; the linear one is not written."""
        return value if function == "NONE" else Text(_apply(function, value.written))

    def clip(self, value: Text, bound: float) -> Text:
        """`Algebra.clip`."""
        return Text(f"clip({value.written}, ±{bound:g})") if bound > 0 else value

    def let(self, name: str, value: Text, _called: str) -> Text:
        """A line."""
        self.lines.append(f"{name} = {value.written}")
        return Text(name)

    def new(self, _k: int, name: str, value: Text, called: str) -> Text:
        """A line, for the name with a prime."""
        return self.let(f"{name}′", value, called)


def text_of(
    features: int, states: Sequence[int], updates: Sequence[Form], order: Sequence[int]
) -> list[str]:
    """The equations of one step, in an order they can be computed in.

    Args:
        features: F.
        states: The width of each state.
        updates: The new value of each state.
        order: The positions of `updates` in that order.
    """
    lines = _Writer(features, states, updates, order).lines()
    more = len(lines) - MOST_LINES
    return lines if more <= 0 else [*lines[:MOST_LINES], f"… and {more} more"]


def _apply(function: str, argument: str) -> str:
    name = _FUNCTIONS.get(function, function.lower().replace("_", " "))
    return f"{name}({argument})" if name else argument


@dataclass
class _Writer:
    """Writes a cell of equations; each function that is applied gets a line and a name.

    Attributes:
        features: F.
        states: The width of each state.
        updates: The new value of each state.
        order: The positions of `updates` in an order they can be computed in.
        gate: The function whose argument is being written; its weights carry its name.
    """

    features: int
    states: Sequence[int]
    updates: Sequence[Form]
    order: Sequence[int]
    gate: str = ""
    _lines: list[str] = field(default_factory=list)
    _names: dict[str, str] = field(default_factory=dict)
    _counts: dict[str, int] = field(default_factory=dict)

    @cached_property
    def known(self) -> FieldNames:
        """What the parts of the cell are called."""
        return field_names(self.updates)

    def lines(self) -> list[str]:
        for k in self.order:
            update, new = self.updates[k], f"{self.known.states[k]}′"
            atom = update.atom
            if isinstance(atom, Apply) and not {atom.key} & {*self._names, *self.known.functions}:
                self._lines.append(f"{new} = {self._applied(atom)}")
                self._names[atom.key] = new
            else:
                self._lines.append(f"{new} = {self._form(update)}")
        return self._lines

    def _numbered(self, letter: str) -> str:
        """A name for the next weight of a kind: a known gate's has the gate's name."""
        if self.gate:
            first = f"{letter}_{self.gate}"
            count = self._counts[first] = self._counts.get(first, 0) + 1
            return first if count == 1 else f"{first}{count}"
        self._counts[letter] = self._counts.get(letter, 0) + 1
        return f"{letter}_{self._counts[letter]}"

    def _form(self, form: Form) -> str:
        terms = _factored([(a, self._unscaled(a, m), m) for a, m in form.terms.values()])
        written = [(self._atom(atom), atom, linear, rest) for atom, linear, rest in terms]
        parts = []
        for text, atom, linear, rest in written:
            left = f"(1 − {self._atom(rest)}) ⊙ " if rest is not None else ""
            parts.append(left + self._term(text, atom, linear))
        if form.bias.any() or not parts:
            same = bool((form.bias == form.bias[0]).all()) and not self.gate
            parts.append(f"{form.bias[0]:.4g}" if same else self._numbered("b"))
        return " + ".join(parts).replace("+ -", "− ")

    def _term(self, text: str, atom: Atom, linear: Map) -> str:
        linear = self._unscaled(atom, linear)
        if linear.is_identity:
            return text
        if not linear.diagonal:
            factor = f"({text})" if isinstance(atom, Product) else text
            return f"{self._numbered(self._letter(atom))} {factor}"
        if bool((linear.values == linear.values[0]).all()):
            number = f"{linear.values[0]:.4g}"
            return f"-{text}" if number == "-1" else f"{number} {text}"
        return f"{self._numbered('w')} ⊙ {text}"

    def _unscaled(self, atom: Atom, linear: Map) -> Map:
        """The map without the scales that named functions carry in their own line."""
        factors = atom.factors if isinstance(atom, Product) else (atom,)
        scale = math.prod(self.known.scales.get(factor.key, 1.0) for factor in factors)
        return linear if scale == 1.0 else Map((linear.values / scale).round(5))

    def _letter(self, atom: Atom) -> str:
        """W of the input; in a known gate, R of what depends on a state."""
        recurrent = any(symbol.name != INPUT for symbol in atom.symbols())
        return "R" if self.gate and recurrent else "W"

    def _atom(self, atom: Atom) -> str:
        if isinstance(atom, Symbol):
            return self._symbol(atom)
        if isinstance(atom, Product):
            return " ⊙ ".join(self._factor(each) for each in sorted(atom.factors, key=self._place))
        if atom.key not in self._names:
            name = self.known.functions.get(atom.key, "")
            outer, self.gate = self.gate, "h" if name == "h̃" else name
            value = self._applied(atom)
            self.gate = outer
            if atom.key in self.known.scales:
                value += " / 6"
            if not name and {"z", "f"} & {*self.known.functions.values()}:
                return value
            name = name or self._numbered_function()
            if name != "m":
                self._lines.append(f"{name} = {value}")
            self._names[atom.key] = name
        return self._names[atom.key]

    def _place(self, factor: Factor) -> int:
        """Gates stand first in a product, states last: `z ⊙ h`, `o ⊙ tanh(c′)`."""
        if isinstance(factor, Symbol):
            return 2
        return 0 if factor.key in self.known.functions else 1

    def _factor(self, factor: Factor) -> str:
        """A linear function of a state within a known gate stands where it is, in brackets."""
        if self.gate and isinstance(factor, Apply) and factor.function == "LINEAR":
            outer, self.gate = self.gate, f"R{self.gate}"
            ((atom, linear),) = factor.arguments[0].terms.values()
            text = f"R_{outer} {self._atom(atom)}" if not linear.diagonal else self._atom(atom)
            text += f" + {self._numbered('b')}" if factor.arguments[0].bias.any() else ""
            self.gate = outer
            return f"({text})"
        return self._atom(factor)

    def _numbered_function(self) -> str:
        outer, self.gate = self.gate, ""
        name, self.gate = self._numbered("a"), outer
        return name

    def _applied(self, atom: Apply) -> str:
        arguments = [self._form(argument) for argument in atom.arguments]
        if atom.function == "LINEAR":
            return arguments[0]
        if atom.function in _BETWEEN:
            left, right = (f"({a})" if " " in a else a for a in arguments)
            return f"{left} {_BETWEEN[atom.function]} {right}"
        for name, value in atom.options:
            if isinstance(value, bool):
                arguments += [name] if value else []
            elif isinstance(value, float):
                arguments.append(f"{name} {value:g}")
        return _apply(atom.function, ", ".join(arguments))

    def _symbol(self, symbol: Symbol) -> str:
        if symbol.name == INPUT:
            shift = self.known.mask
            name, start, stop = "x", symbol.start - shift, symbol.stop - shift
            width = self.features - shift
        else:
            assert isinstance(symbol.name, Before | After), "all but the input is a state"
            k = symbol.name.number
            name, width = self.known.states[k], self.states[k]
            start, stop = symbol.start, symbol.stop
            name += "′" if isinstance(symbol.name, After) else ""
        return name if stop - start == width else f"{name}[{start}:{stop}]"


def _factored(
    terms: Sequence[tuple[Atom, Map, Map]],
) -> list[tuple[Atom, Map, Factor | None]]:
    """The terms of a form; `a - b ⊙ a` is one, with b as its third part: (1 - b) ⊙ a.

    Args:
        terms: Each atom, its map without the scales of named functions, and its whole map.
    """
    found: list[tuple[Atom, Map, Factor | None]] = []
    taken: set[str] = set()
    for atom, linear, whole in terms:
        if isinstance(atom, Product) or not linear.is_identity:
            continue
        for other, negative, _ in terms:
            factors = other.factors if isinstance(other, Product) else ()
            rest = [f for f in factors if f.key != atom.key]
            minus = negative.diagonal and bool((negative.values == -1.0).all())
            if minus and len(factors) == 2 and len(rest) == 1 and other.key not in taken:
                taken |= {atom.key, other.key}
                found.append((atom, whole, rest[0]))
                break
    left = [(atom, whole, None) for atom, _, whole in terms if atom.key not in taken]
    return [*left, *found]
