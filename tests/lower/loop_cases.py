"""Cells by their equations: what has no fused op."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from rnnlite_pipeline.algebra.forms import Form, apply, constant, symbol
from rnnlite_pipeline.cells.cell import Cell, Equations
from rnnlite_pipeline.cells.equations import substituted
from rnnlite_pipeline.cells.symbols import INPUT, after, before


def matrix(rng: np.random.Generator, rows: int, columns: int) -> np.ndarray:
    """Numbers of a size that keeps a state of `rows` bounded."""
    return rng.normal(0, rows**-0.5, (rows, columns))


def one_state(
    features: int, units: int, update: Callable[[Form, Form], Form], kind: str = "cell"
) -> Equations:
    """A cell s' = update(x, s)."""
    new = update(symbol(INPUT, features), symbol(before(0), units))
    return Equations(kind, features, (units,), (new,), (0,))


def gru(
    rng: np.random.Generator, features: int, units: int, *, reset_after: bool = True
) -> Equations:
    """A GRU; with `reset_after` the recurrent product has a bias and is reset after it."""
    w = [matrix(rng, features, units) for _ in range(3)]
    u = [matrix(rng, units, units) for _ in range(3)]
    b, c = (rng.normal(0, 0.5, (3, units)) for _ in range(2))

    def update(x: Form, h: Form) -> Form:
        z, r = (apply("LOGISTIC", x @ w[k] + h @ u[k] + constant(b[k])) for k in (0, 1))
        inner = r * (h @ u[2] + constant(c[2])) if reset_after else (r * h) @ u[2]
        candidate = apply("TANH", x @ w[2] + inner + constant(b[2]))
        return z * h + candidate - z * candidate

    return one_state(features, units, update, "GRU")


def hard_lstm(rng: np.random.Generator, features: int, units: int) -> Equations:
    """An LSTM with Keras's hard sigmoid, clip(z / 6 + 1/2, 0, 1)."""
    w, u = matrix(rng, features, 4 * units), matrix(rng, units, 4 * units)
    x, h = symbol(INPUT, features), symbol(before(0), units)
    z = [
        (x @ w[:, k : k + units] + h @ u[:, k : k + units]).scaled(np.array([1 / 6]))
        for k in range(0, 4 * units, units)
    ]
    low, high = constant(np.zeros(1)), constant(np.ones(1))
    half = constant(np.full(1, 0.5))
    i, f, o = (apply("MINIMUM", apply("MAXIMUM", g + half, low), high) for g in z[:3])
    new_c = f * symbol(before(1), units) + i * apply("TANH", z[3])
    new_h = o * apply("TANH", symbol(after(1), units))
    return Equations("LSTM", features, (units, units), (new_h, new_c), (1, 0))


def masked(cell: Cell, *, as_condition: bool = True) -> Equations:
    """The cell with one more column of x: where that is 0, every state stays.

    With `as_condition` the column is compared outside of the select.
    """
    inner = cell.equations()
    x = symbol(INPUT, inner.features + 1)
    column = x.columns(inner.features, inner.features + 1)
    mask = apply("NOT_EQUAL", column, constant(np.zeros(1))) if as_condition else column
    new: dict[str, Form] = {}
    for k in inner.order:
        new[after(k)] = substituted(
            inner.updates[k],
            lambda s: (
                new[s.name].columns(s.start, s.stop)
                if s.name in new
                else symbol(s.name, _whole(inner, s.name)).columns(s.start, s.stop)
            ),
        )
    updates = tuple(
        apply("SELECT_V2", mask, new[after(k)], symbol(before(k), width))
        for k, width in enumerate(inner.states)
    )
    order = tuple(range(len(updates)))
    return Equations(inner.kind, inner.features + 1, inner.states, updates, order)


def _whole(cell: Equations, name: str) -> int:
    return cell.features + 1 if name == INPUT else cell.states[int(name[1:])]
