"""Reads the step of a chain as equations, and the step before its first product, if there is one.

Where the state before the first step is a constant zero, converters fold the first step: its
product is gone, and with it its place in the chain. It is found again as what the equations say
of a zero state.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from rnnlite_pipeline.algebra import forms
from rnnlite_pipeline.algebra.atoms import Symbol
from rnnlite_pipeline.algebra.forms import Form
from rnnlite_pipeline.cells.equations import substituted
from rnnlite_pipeline.cells.symbols import After, Before
from rnnlite_pipeline.graph.ir import OPEN, Tensor
from rnnlite_pipeline.recognise.loop.loop import State, Unrecognised
from rnnlite_pipeline.recognise.symbolic import operations
from rnnlite_pipeline.recognise.symbolic.values import (
    Const,
    Index,
    Item,
    Rows,
    Unknown,
    Value,
    constant,
    rows,
)
from rnnlite_pipeline.recognise.unrolled.chains import Chain
from rnnlite_pipeline.recognise.unrolled.columns import NOT_ALIKE, Column, Columns, Kind, key
from rnnlite_pipeline.recognise.unrolled.places import Place, consecutive, places
from rnnlite_pipeline.shapes.extents import Extents

#: How many ops before the step are read for what they are; beyond, their result is an input.
OUTSIDE_DEPTH = 24

#: How many ops a folded first step may be deep.
FOLDED_DEPTH = 64


class NoRecurrence(Unrecognised):
    """The steps read nothing from outside: one layer after the other, of shared weights."""


@dataclass(frozen=True, eq=False)
class Source:
    """A quantity that the steps read from outside, a tensor [B, F] for each.

    Attributes:
        tensors: In the order of the steps.
        places: Their places in one sequence, one after the other in either direction; empty
            where they are no such steps.
    """

    tensors: Column
    places: tuple[Place, ...] = ()

    @property
    def stride(self) -> int:
        """1 where the sequence is read forwards, -1 where backwards."""
        return self.places[1].position - self.places[0].position

    @property
    def previous(self) -> Place | None:
        """The step of the sequence before the first one read."""
        if not self.places:
            return None
        first = self.places[0]
        position = first.position - self.stride
        length = (first.sequence.shape or ())[first.axis]
        inside = position >= 0 and (length == OPEN or position < length)
        return replace(first, position=position) if inside else None


@dataclass(eq=False)
class Steps:
    """A chain as equations.

    Attributes:
        states: Each state, with its equation over `s{k}`, `n{k}` and the sources' `x{k}`.
        values: For each state, its tensors from before the first step to after the last; None
            before a first step that begins from zero.
        sources: By symbol name.
    """

    states: list[State] = field(default_factory=list)
    values: list[list[Tensor | None]] = field(default_factory=list)
    sources: dict[str, Source] = field(default_factory=dict)


def read_steps(chain: Chain, extents: Extents, folded: bool = False) -> Steps:
    """The equations of a chain's steps.

    Args:
        chain: The products of the steps.
        extents: The run-time integers of the graph.
        folded: Whether there must be a step before those of the chain.

    Raises:
        NoRecurrence: Nothing is read from outside.
        Unrecognised: The steps are not alike, or compute what has no rule.
    """
    weights = chain.products[0].inputs[1]
    stored = constant(weights) if weights is not None else None
    if isinstance(stored, Unknown):  # the reason that a user can do something about
        raise Unrecognised(stored.reason)
    reader = _Reader(Columns(chain), extents)
    steps = Steps(reader.states(), [[*b, a[-1]] for b, a in reader.columns.states], reader.sources)
    if not steps.sources:
        raise NoRecurrence("its step reads no sequence")
    _unfold(steps, reader)
    if folded and steps.values[0][0] is not None:
        raise Unrecognised(NOT_ALIKE)
    return steps


class _Reader:
    """The values of columns."""

    def __init__(self, columns: Columns, extents: Extents) -> None:
        self.columns, self.extents = columns, extents
        self.graph = columns.chain.graph
        self.places = places(self.graph)
        self.sources: dict[str, Source] = {}
        self._known: dict[tuple[int, ...], Value] = {}
        for k, (before, after) in enumerate(columns.states):
            width = (before[-1].shape or (OPEN,))[-1]
            if len(before[-1].shape or ()) != 2 or width == OPEN or before[-1].dtype != "FLOAT32":
                raise Unrecognised(f"it carries {before[-1].name}, not one row a batch entry")
            self._known[key(before)] = Rows(forms.symbol(Before(k), width))
            self._known[key(after)] = Rows(forms.symbol(After(k), width))

    def states(self) -> list[State]:
        """The states with their equations."""
        found = []
        for k, (_, after) in enumerate(self.columns.states):
            value = self._computed(after, 0)
            if isinstance(value, Unknown):
                raise Unrecognised(value.reason)
            form = rows(value)
            found.append(State(k, 0, form.width, form))
        return found

    def value(self, column: Column, depth: int = 0) -> Value:
        """What a column is, in terms of states and sources; `depth` counts ops outside."""
        if key(column) not in self._known:
            self._known[key(column)] = self._read(column, depth)
        return self._known[key(column)]

    def _read(self, column: Column, depth: int) -> Value:
        kind, last = self.columns.kind(column), column[-1]
        if kind is Kind.SAME and last.data is not None:
            return constant(last)
        if kind is Kind.SAME and last.dtype in ("INT32", "INT64") and not last.shape:
            return Index(self.extents.scalar(last))
        if kind in (Kind.INSIDE, Kind.CARRIED):
            return self._computed(column, depth)
        if kind is Kind.SAME and depth < OUTSIDE_DEPTH and self.columns.op(column):
            filled = self._computed(column, depth + 1)  # by one number, in every step
            if isinstance(filled, Rows) and filled.form.is_constant:
                return filled
        found = consecutive([self.places.get(id(t)) for t in column])
        if found:
            return self._source(Source(column, found))
        value: Value = Unknown("it reads a value of unknown origin")
        if kind is Kind.OUTSIDE and depth < OUTSIDE_DEPTH and self.columns.op(column):
            value = self._computed(column, depth + 1)
        is_row = len(last.shape or ()) == 2 and last.dtype == "FLOAT32"
        if isinstance(value, Unknown) and is_row and (last.shape or ())[-1] != OPEN:
            return self._source(Source(column))
        return value

    def _computed(self, column: Column, depth: int) -> Value:
        made = self.columns.op(column)
        if made is None:
            raise Unrecognised(NOT_ALIKE)
        op, place = made
        values = [self.value(c, depth) for c in self.columns.inputs(column)]
        return operations.read(op, values, self.extents)[place]

    def _source(self, source: Source) -> Value:
        name = Item(len(self.sources))
        self.sources[name] = source
        return Rows(forms.symbol(name, (source.tensors[0].shape or ())[-1]))


def _unfold(steps: Steps, reader: _Reader) -> None:
    """Adds the step before the first one, if its states are the equations' of a zero state."""
    befores = {name: source.previous for name, source in steps.sources.items()}
    firsts = [values[0] for values in steps.values]
    if not befores or None in befores.values() or None in firsts:
        return
    folded = _Folded(reader, {p: name for name, p in befores.items() if p is not None}, firsts)
    for state, first in zip(steps.states, firsts, strict=True):
        assert first is not None, "each first state was seen to be there"
        value = folded.computed(first)
        expected = substituted(state.equation, _from_zero)
        if not isinstance(value, Rows):
            return
        form = rows(value)
        if form.key != expected.key:
            return
    for values in steps.values:
        values.insert(0, None)
    for name, source in list(steps.sources.items()):
        place = befores[name]
        assert place is not None, "each source was seen to have a step before"
        steps.sources[name] = Source(source.tensors, (place, *source.places))


def _from_zero(symbol: Symbol) -> Form:
    if isinstance(symbol.name, Before):
        return forms.constant(np.zeros(symbol.width))
    return forms.of(symbol)


def _as_row(value: Value) -> Value:
    """A constant [B, width] of equal rows as one row: what folding makes of a zero state."""
    if not isinstance(value, Const) or value.array.ndim != 2:
        return value
    first = value.array[:1]
    return (
        Const(first)
        if np.array_equal(value.array, np.broadcast_to(first, value.array.shape))
        else value
    )


class _Folded:
    """The values of single tensors of a first step."""

    def __init__(
        self, reader: _Reader, inputs: dict[Place, str], states: list[Tensor | None]
    ) -> None:
        self._graph, self._extents = reader.graph, reader.extents
        self._known: dict[int, Value] = {}
        for tensor_id, place in reader.places.items():
            if place in inputs:
                width = (place.sequence.shape or ())[-1]
                self._known[tensor_id] = Rows(forms.symbol(inputs[place], width))
        for k, tensor in enumerate(states):
            width = ((tensor.shape if tensor else None) or ())[-1]
            self._known[id(tensor)] = Rows(forms.symbol(After(k), width))

    def computed(self, tensor: Tensor, depth: int = 0) -> Value:
        """The value of a tensor from what its op reads."""
        op = self._graph.producer(tensor)
        if op is None or depth > FOLDED_DEPTH:
            return Unknown("it is not computed in the first step")
        values = [self._value(t, depth) for t in op.inputs if t is not None]
        place = next(k for k, t in enumerate(op.outputs) if t is tensor)
        return _as_row(operations.read(op, values, self._extents)[place])

    def _value(self, tensor: Tensor, depth: int) -> Value:
        if id(tensor) not in self._known:
            is_made = tensor.data is None
            known = self.computed(tensor, depth + 1) if is_made else _as_row(constant(tensor))
            self._known[id(tensor)] = known
        return self._known[id(tensor)]
