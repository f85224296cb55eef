"""A system that no fused op computes: kept as equations, with its name if it is known."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from itertools import pairwise

import numpy as np

from rnnlite_pipeline.algebra import forms
from rnnlite_pipeline.algebra.atoms import Symbol
from rnnlite_pipeline.algebra.forms import Form
from rnnlite_pipeline.cells.cell import Equations
from rnnlite_pipeline.cells.equations import substituted
from rnnlite_pipeline.cells.registry import cells as registered
from rnnlite_pipeline.cells.symbols import INPUT, After, Before
from rnnlite_pipeline.recognise import cells
from rnnlite_pipeline.recognise.cells.gates import Inputs
from rnnlite_pipeline.recognise.loop.loop import Loop, State, Unrecognised
from rnnlite_pipeline.recognise.loop.masks import MASKED, unmasked
from rnnlite_pipeline.recognise.loop.systems import System, systems


def general(
    loop: Loop, system: System, emitted: Sequence[State], reason: str
) -> tuple[Equations, Inputs]:
    """The system as equations over its inputs' features.

    Args:
        loop: The loop it belongs to.
        system: The states, in the order the recurrence is to have them after what it emits.
        emitted: The states whose every step is used. With one, it is the first of the system's
            states and what the cell puts out; with more, the cell gets a state in front that
            holds them side by side.
        reason: Why it is no named cell.

    Raises:
        Unrecognised: The new states read each other in a circle.
    """
    inputs = Inputs(loop, system)
    shift = 1 if len(emitted) > 1 else 0
    place = {s.before.key: k + shift for k, s in enumerate(system.states)}

    def value_of(symbol: Symbol) -> Form:
        ends = sorted({symbol.start, symbol.stop, *loop.cuts(symbol)})
        parts = [part_of(Symbol(symbol.name, a, b)) for a, b in pairwise(ends)]
        return parts[0] if len(parts) == 1 else forms.concatenated(parts)

    def part_of(symbol: Symbol) -> Form:
        whole = loop.whole(symbol)
        if not system.owns(symbol):
            start = inputs.column(whole.key, forms.of(whole)) + symbol.start - whole.start
            column = forms.of(Symbol(INPUT, start, start + symbol.width))
            return as_mask(column) if loop.is_mask(symbol) else column
        assert isinstance(whole.name, Before | After), "the system's own is a state"
        k = place[Symbol(Before(whole.name.number), whole.start, whole.stop).key]
        side = After(k) if isinstance(symbol.name, After) else Before(k)
        return forms.of(Symbol(side, symbol.start - whole.start, symbol.stop - whole.start))

    updates = [substituted(s.equation, value_of) for s in system.states]
    widths = [s.stop - s.start for s in system.states]
    if shift:
        together = forms.concatenated([value_of(s.after) for s in emitted])
        updates, widths = [together, *updates], [together.width, *widths]
    order = _order(updates)
    own = [s for s in system.states if s.variable not in loop.writings]
    name = kind(loop, System(tuple(own)))
    why_not = _reason(name) or reason
    cell = Equations(name, inputs.features, tuple(widths), tuple(updates), order, why_not)
    return cell, inputs


def _reason(name: str) -> str:
    """Why a cell of this name has no fused op; empty if it may have one, or has no name."""
    if name.startswith("masked"):
        return MASKED
    known = {cell.kind: cell for cell in registered()}
    return known[name].why_no_op() if name in known else ""


def as_mask(column: Form) -> Form:
    """A 0/1 column as the truth value that selects and logical functions take."""
    return forms.apply("NOT_EQUAL", column, forms.constant(np.zeros(1)))


def _order(updates: Sequence[Form]) -> tuple[int, ...]:
    """The updates so that each comes after those whose new states it reads."""
    reads = {
        k: {s.name.number for s in form.symbols() if isinstance(s.name, After)}
        for k, form in enumerate(updates)
    }
    order: list[int] = []
    while len(order) < len(updates):
        ready = [k for k in reads if k not in order and reads[k] <= set(order)]
        if not ready:
            raise Unrecognised("its new states read each other in a circle")
        order.extend(ready)
    return tuple(order)


def kind(loop: Loop, system: System) -> str:
    """What the cell's author calls it: GRU, LSTM or RNN with something of its own, or a cell."""
    masked = unmasked(system)
    if masked is not None:
        inner = replace(loop, states=list(masked.system.states))
        names = [_plain_kind(inner, s) for s in systems(inner) if s.recurs]
        return f"masked {' and '.join(names) or 'cell'}"
    return _plain_kind(loop, system)


def _plain_kind(loop: Loop, system: System) -> str:
    with suppress(Unrecognised):
        return cells.match(loop, system)[0].kind
    return {1: "RNN variant", 2: "LSTM variant"}.get(len(system.states), "cell")
