"""Every cell as equations, so that one lowering writes the loop of any of them."""

from __future__ import annotations

import numpy as np

from rnnlite_pipeline.algebra.forms import Form, apply, constant, symbol
from rnnlite_pipeline.cells.equations import INPUT, Equations, after, before
from rnnlite_pipeline.cells.recurrence import (
    LAYER_NORM_EPSILON,
    Cell,
    Gate,
    Lstm,
    SimpleRnn,
)


def equations_of(cell: Cell) -> Equations:
    """The cell's equations; those of an `Equations` are its own.

    Raises:
        TypeError: The cell is of a kind that has no equations here.
    """
    if isinstance(cell, Equations):
        return cell
    if isinstance(cell, Lstm):
        return _lstm(cell)
    if isinstance(cell, SimpleRnn):
        return _simple_rnn(cell)
    raise TypeError(f"a {cell.kind} cell has no equations")


def _simple_rnn(cell: SimpleRnn) -> Equations:
    x, h = symbol(INPUT, cell.features), symbol(before(0), cell.states[0])
    z = x @ cell.kernel.T + h @ cell.recurrent.T + constant(cell.bias)
    return Equations(cell.kind, cell.features, cell.states, (_act(cell.activation, z),), (0,))


def _lstm(cell: Lstm) -> Equations:
    """`Lstm`, line by line."""
    outputs, units = cell.states
    x, h, c = symbol(INPUT, cell.features), symbol(before(0), outputs), symbol(before(1), units)
    f = apply("LOGISTIC", _gate(cell.forget, x, h, c))
    one = _row(1.0)
    i = one - f if cell.input is None else apply("LOGISTIC", _gate(cell.input, x, h, c))
    g = _act(cell.activation, _gate(cell.candidate, x, h, c))
    new_c = _clip(f * c + i * g, cell.cell_clip)
    c = symbol(after(1), units)
    new_h = apply("LOGISTIC", _gate(cell.output, x, h, c)) * _act(cell.activation, c)
    if cell.projection is not None:
        new_h = new_h @ cell.projection.T
        if cell.projection_bias is not None:
            new_h = new_h + constant(cell.projection_bias)
        new_h = _clip(new_h, cell.projection_clip)
    return Equations(cell.kind, cell.features, cell.states, (new_h, new_c), (1, 0))


def _gate(gate: Gate, x: Form, h: Form, c: Form) -> Form:
    """`Gate.__call__` on forms."""
    z = x @ gate.kernel.T + h @ gate.recurrent.T
    if gate.peephole is not None:
        z = z + c.scaled(gate.peephole)
    if gate.layer_norm is not None:
        z = apply("LINEAR", z)
        deviation = apply("LINEAR", z - apply("MEAN", z))
        variance = apply("MEAN", deviation * deviation)
        z = (deviation * apply("RSQRT", variance + _row(LAYER_NORM_EPSILON))).scaled(
            gate.layer_norm
        )
    return z + constant(gate.bias)


def _act(activation: str, z: Form) -> Form:
    """A key of `recurrence.ACTIVATIONS`, applied."""
    if activation == "NONE":
        return z
    return apply({"SIGMOID": "LOGISTIC"}.get(activation, activation), z)


def _clip(z: Form, bound: float) -> Form:
    if bound <= 0:
        return z
    return apply("MINIMUM", apply("MAXIMUM", z, _row(-bound)), _row(bound))


def _row(number: float) -> Form:
    return constant(np.array([number]))
