"""A cell's equations as lines of text, one a quantity, for people.

`x` is the step's input; `h`, `c` or `s1`, `s2` are the states before the step, with a prime after
it. `W`, `R` and `P` are matrices, `p`, `l` and `w` vectors over units, `b` biases; `⊙` multiplies
number by number. What follows an underscore is an index: `W_i`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from rnnlite_pipeline.algebra.atoms import Apply, Atom, Product, Symbol
from rnnlite_pipeline.algebra.forms import Form
from rnnlite_pipeline.algebra.maps import Map
from rnnlite_pipeline.cells.equations import INPUT, Equations, after
from rnnlite_pipeline.cells.recurrence import Cell, Gate, Lstm, SimpleRnn

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


def written(cell: Cell) -> list[str]:
    """The equations of one step, in an order they can be computed in."""
    if isinstance(cell, Lstm):
        return list(_lstm(cell))
    if isinstance(cell, SimpleRnn):
        total = "W x + R h" + _bias(bool(cell.bias.any()), "b")
        return [f"h′ = {_apply(cell.activation, total)}"]
    if isinstance(cell, Equations):
        lines = _Writer(cell).lines()
        more = len(lines) - MOST_LINES
        return lines if more <= 0 else [*lines[:MOST_LINES], f"… and {more} more"]
    return []


def _lstm(cell: Lstm) -> Iterator[str]:
    if cell.input is not None:
        yield f"i = σ({_gate(cell.input, 'i', 'c')})"
    yield f"f = σ({_gate(cell.forget, 'f', 'c')})"
    yield f"g = {_apply(cell.activation, _gate(cell.candidate, 'g', 'c'))}"
    new = f"f ⊙ c + {'i' if cell.input is not None else '(1 − f)'} ⊙ g"
    yield f"c′ = {_clip(new, cell.cell_clip)}"
    yield f"o = σ({_gate(cell.output, 'o', 'c′')})"
    out = f"o ⊙ {_apply(cell.activation, 'c′')}"
    if cell.projection is not None:
        biased = cell.projection_bias is not None and bool(cell.projection_bias.any())
        out = _clip(f"P ({out}){_bias(biased, 'b_p')}", cell.projection_clip)
    yield f"h′ = {out}"


def _gate(gate: Gate, name: str, cell_state: str) -> str:
    total = f"W_{name} x + R_{name} h"
    if gate.peephole is not None:
        total += f" + p_{name} ⊙ {cell_state}"
    if gate.layer_norm is not None:
        total = f"l_{name} ⊙ norm({total})"
    return total + _bias(bool(gate.bias.any()), f"b_{name}")


def _bias(there: bool, name: str) -> str:
    return f" + {name}" if there else ""


def _apply(function: str, argument: str) -> str:
    name = _FUNCTIONS.get(function, function.lower().replace("_", " "))
    return f"{name}({argument})" if name else argument


def _clip(value: str, bound: float) -> str:
    return f"clip({value}, ±{bound:g})" if bound > 0 else value


@dataclass
class _Writer:
    """Writes a cell of equations; each function that is applied gets a line and a name."""

    cell: Equations
    _lines: list[str] = field(default_factory=list)
    _names: dict[str, str] = field(default_factory=dict)
    _counts: dict[str, int] = field(default_factory=dict)

    def lines(self) -> list[str]:
        for k in self.cell.order:
            update, new = self.cell.updates[k], f"{self._state(k)}′"
            atom = update.atom
            if isinstance(atom, Apply) and atom.key not in self._names:
                self._lines.append(f"{new} = {self._applied(atom)}")
                self._names[atom.key] = new
            else:
                self._lines.append(f"{new} = {self._form(update)}")
        return self._lines

    def _state(self, k: int) -> str:
        return "h" if k == 0 else f"s_{k}"

    def _numbered(self, letter: str) -> str:
        self._counts[letter] = self._counts.get(letter, 0) + 1
        return f"{letter}_{self._counts[letter]}"

    def _form(self, form: Form) -> str:
        texts = [self._atom(atom) for atom, _ in form.terms.values()]
        parts = [
            self._term(text, atom, linear)
            for text, (atom, linear) in zip(texts, form.terms.values(), strict=True)
        ]
        if form.bias.any() or not parts:
            same = bool((form.bias == form.bias[0]).all())
            parts.append(f"{form.bias[0]:.4g}" if same else self._numbered("b"))
        return " + ".join(parts).replace("+ -", "− ")

    def _term(self, text: str, atom: Atom, linear: Map) -> str:
        if linear.is_identity:
            return text
        if not linear.diagonal:
            factor = f"({text})" if isinstance(atom, Product) else text
            return f"{self._numbered('W')} {factor}"
        if bool((linear.values == linear.values[0]).all()):
            number = f"{linear.values[0]:.4g}"
            return f"-{text}" if number == "-1" else f"{number} {text}"
        return f"{self._numbered('w')} ⊙ {text}"

    def _atom(self, atom: Atom) -> str:
        if isinstance(atom, Symbol):
            return self._symbol(atom)
        if isinstance(atom, Product):
            return " ⊙ ".join(self._atom(factor) for factor in atom.factors)
        if atom.key not in self._names:
            value = self._applied(atom)
            name = self._numbered("a")
            self._lines.append(f"{name} = {value}")
            self._names[atom.key] = name
        return self._names[atom.key]

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
            name, width = "x", self.cell.features
        else:
            k = int(symbol.name[1:])
            name, width = self._state(k), self.cell.states[k]
            name += "′" if symbol.name == after(k) else ""
        return name if symbol.width == width else f"{name}[{symbol.start}:{symbol.stop}]"
