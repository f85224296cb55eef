"""Reads a WHILE op into a `Loop`: its variables, its number of steps, and its equations."""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Sequence as Many

import numpy as np

from rnnlite_pipeline.algebra import forms
from rnnlite_pipeline.algebra.atoms import Symbol
from rnnlite_pipeline.cells.symbols import After, Before
from rnnlite_pipeline.graph.ir import OPEN, Op, Subgraph, Tensor
from rnnlite_pipeline.recognise.loop.lengths import longest
from rnnlite_pipeline.recognise.loop.loop import (
    STEP,
    Kept,
    Loop,
    Reading,
    State,
    Unrecognised,
    Writing,
)
from rnnlite_pipeline.recognise.loop.state_updates import StateUpdates
from rnnlite_pipeline.recognise.symbolic import operations
from rnnlite_pipeline.recognise.symbolic.values import (
    Bound,
    Const,
    Index,
    Item,
    PerRow,
    Rows,
    Sequence,
    TensorList,
    Unknown,
    Value,
    constant,
    rows,
    whole,
)
from rnnlite_pipeline.shapes.extents import Extents
from rnnlite_pipeline.shapes.linear import Counter, Linear, quotient


def read_loop(op: Op, extents: Extents) -> Loop:
    """Reads a WHILE op of the subgraph that `extents` belongs to.

    Raises:
        Unrecognised: It stops on data, counts in a way not read, or computes what has no rule.
    """
    body: Subgraph = op.options["body_subgraph"]
    kept = {k for k, (i, o) in enumerate(zip(body.inputs, body.outputs, strict=True)) if i is o}
    environment = dict(_symbols(op, body, kept, extents))
    names = dict(_named(body, kept))
    equations = _execute(body, environment, names, extents.inside(op))
    counters = _counters(op, body, kept, environment, extents)
    steps, lengths = _steps(op, environment, body, counters, extents)
    loop = Loop(op, steps, counters=counters, kept=kept, lengths=lengths)
    lists: dict[int, TensorList] = {}
    for k, tensor in enumerate(body.outputs):
        value = whole(environment[id(tensor)])
        if k in kept or k in counters:
            continue
        if isinstance(value, TensorList):
            lists[k] = value
            continue
        if isinstance(value, Rows) and is_list(tensor):
            lists[k] = TensorList(k, ((Linear(), tensor),))
            continue
        pieces = [s for s in names.values() if s.name == After(k)]
        for symbol in sorted(pieces, key=lambda s: s.start):
            equation = equations[symbol.key]
            if isinstance(equation, Unknown):
                raise Unrecognised(equation.reason)
            form = rows(equation)
            loop.states.append(State(k, symbol.start, symbol.stop, form))
        if not pieces and isinstance(value, Rows):
            loop.states.append(State(k, 0, value.form.width, value.form))
        elif not pieces:
            raise Unrecognised(_why_not(value, tensor))
    values = [(state, state.equation) for state in loop.states]
    updates = StateUpdates.of(values)
    loop.states = updates.equations(values)
    loop.readings = _readings(op, loop, environment, counters)
    loop.writings = {
        k: _writing(value, environment, counters, k, updates) for k, value in lists.items()
    }
    return loop


def _why_not(value: Value, tensor: Tensor) -> str:
    """Why what a loop carries is no state."""
    if not isinstance(value, Unknown):
        return _not_a_row(tensor)
    whole = is_list(tensor) and tensor.dtype != "VARIANT"
    return f"{_not_a_row(tensor)}, and {value.reason}" if whole else value.reason


def _not_a_row(tensor: Tensor) -> str:
    return (
        f"it carries {tensor.name} of shape {list(tensor.shape or ())}, not one row a batch entry"
    )


def is_list(tensor: Tensor) -> bool:
    """Whether a loop variable is a list: TensorFlow's, or one tensor [T, B, n] of all items."""
    return tensor.dtype == "VARIANT" or (tensor.dtype == "FLOAT32" and len(tensor.shape or ()) == 3)


def _is_row(tensor: Tensor) -> bool:
    shape = tensor.shape or ()
    return tensor.dtype == "FLOAT32" and len(shape) == 2 and shape[-1] != OPEN


def _symbols(
    op: Op, body: Subgraph, kept: set[int], extents: Extents
) -> Iterator[tuple[int, Value]]:
    """What each variable of the loop is at the start of a step."""
    for k, inner in enumerate(body.inputs):
        outer = op.inputs[k]
        assert outer is not None, "a WHILE has all its operands"
        value: Value
        if inner.dtype == "VARIANT" or (k not in kept and is_list(inner)):
            value = TensorList(k)
        elif k in kept and outer.data is not None and outer.array is not None:
            value = Const(outer.array)
        elif (known := operations.integers(inner, extents.inside(op))) is not None:
            value = known
        elif k in kept and len(inner.shape or ()) >= 3:
            value = Sequence(k, outer)
        elif k in kept and inner.dtype in ("INT32", "INT64") and len(inner.shape or ()) == 1:
            value = PerRow(forms.symbol(Kept(k), 1))
        elif k in kept and _is_row(inner) and extents.is_zero(outer):
            value = Rows(forms.constant(np.zeros((inner.shape or ())[-1])))
        elif k in kept and len(inner.shape or ()) == 2:
            row = forms.symbol(Kept(k), (inner.shape or ())[-1]) if _is_row(inner) else None
            value = Sequence(k, outer, row)
        elif _is_row(inner):
            value = Rows(forms.symbol(Before(k), (inner.shape or ())[-1]))
        else:
            value = Unknown(_not_a_row(inner))
        yield id(inner), value


def _named(body: Subgraph, kept: set[int]) -> Iterator[tuple[int, Symbol]]:
    """The tensors that are new states, or the parts a new state is joined from.

    A tensor that two variables carry is the new state of the one that a step reads; the other
    only carries it.
    """
    producers = {id(t): op for op in body.ops for t in op.outputs}
    inputs = {id(t) for t in body.inputs}
    read = {id(t) for op in body.ops for t in op.inputs}
    taken: set[int] = set()
    for k in sorted(range(len(body.outputs)), key=lambda k: id(body.inputs[k]) not in read):
        tensor = body.outputs[k]
        if k in kept or not _is_row(tensor) or id(tensor) in inputs | taken:
            continue
        op = producers.get(id(tensor))
        parts: Many[Tensor | None] = [tensor]
        joined = op is not None and op.code == "CONCATENATION" and op.options["axis"] in (-1, 1)
        if op and joined and len({id(t) for t in op.inputs} - taken) == len(op.inputs):
            parts = op.inputs
        start = 0
        for part in parts:
            assert part is not None, "a CONCATENATION has all its operands"
            width = (part.shape or ())[-1]
            taken.add(id(part))
            yield id(part), Symbol(After(k), start, start + width)
            start += width


def _execute(
    graph: Subgraph, environment: dict[int, Value], names: dict[int, Symbol], extents: Extents
) -> dict[str, Value]:
    """Runs the ops on symbols, filling `environment`; gives the equation of each new state."""
    equations: dict[str, Value] = {}
    for op in graph.ops:
        values = [_value(t, environment) for t in op.inputs if t is not None]
        for tensor, value in zip(op.outputs, operations.read(op, values, extents), strict=True):
            symbol = names.get(id(tensor))
            if symbol is not None:
                equations[symbol.key] = value
            environment[id(tensor)] = Rows(forms.of(symbol)) if symbol else value
    for tensor_id, symbol in names.items():
        equations.setdefault(symbol.key, environment.get(tensor_id, Unknown("it is not computed")))
    return equations


def _value(tensor: Tensor, environment: dict[int, Value]) -> Value:
    known = environment.get(id(tensor))
    if known is None:
        known = constant(tensor)
        environment[id(tensor)] = known
    return known


def _counters(
    op: Op, body: Subgraph, kept: set[int], environment: dict[int, Value], extents: Extents
) -> dict[int, Linear]:
    """The counters, each as start + stride * STEP."""
    counters = {}
    for k, tensor in enumerate(body.outputs):
        value, outer = environment[id(tensor)], op.inputs[k]
        if k in kept or not isinstance(value, Index) or outer is None:
            continue
        stride = value.linear - Linear.symbol(Counter(k))
        if not stride.is_constant:
            raise Unrecognised("it counts in strides that change")
        counters[k] = extents.scalar(outer) + Linear.symbol(STEP) * stride.constant
    return counters


def _in_steps(value: Linear, counters: dict[int, Linear]) -> Linear:
    for k, counter in counters.items():
        value = value.replaced(Counter(k), counter)
    return value


def _steps(
    op: Op,
    environment: dict[int, Value],
    body: Subgraph,
    counters: dict[int, Linear],
    extents: Extents,
) -> tuple[Linear, Tensor | None]:
    """How often the body runs, from the loop's condition, and lengths that may end it before."""
    condition: Subgraph = op.options["cond_subgraph"]
    inner: dict[int, Value] = {
        id(c): environment[id(b)] for c, b in zip(condition.inputs, body.inputs, strict=True)
    }
    _execute(condition, inner, {}, extents.inside(op, "cond_subgraph"))
    bound = inner.get(id(condition.outputs[0]))
    if not isinstance(bound, Bound):
        raise Unrecognised("it stops on a condition on data, not after a number of steps")
    lengths: Tensor | None = None
    totals: list[Linear] = []
    for counter, limit in bound.limits:
        left = _in_steps(limit - counter, counters)
        stride = -left.factor(STEP)
        total = quotient(left.replaced(STEP, Linear()) + Linear(stride - 1), stride)
        if total is None:
            raise Unrecognised(
                "how often its stride goes into its length is known at run time only"
            )
        found = longest(next(iter(dict(total.factors)), ""), extents)
        if found and total - Linear.symbol(next(iter(dict(total.factors)))) == Linear():
            total, lengths = found
        totals.append(total)
    return _shortest(totals), lengths


def _shortest(totals: list[Linear]) -> Linear:
    shortest = totals[0]
    for total in totals[1:]:
        difference = total - shortest
        if not difference.is_constant:
            raise Unrecognised("it stops at the shorter of two lengths known only at run time")
        shortest = total if difference.constant < 0 else shortest
    return shortest


def _readings(
    op: Op, loop: Loop, environment: dict[int, Value], counters: dict[int, Linear]
) -> dict[str, Reading]:
    """The sequences that any equation or written item refers to."""
    names = {s.name for state in loop.states for s in state.equation.symbols()}
    for value in environment.values():
        if isinstance(value, Rows):
            names |= {s.name for s in value.form.symbols()}
    readings: dict[str, Reading] = {}
    for name in sorted(n for n in names if isinstance(n, Item)):
        tensor = op.inputs[name.number]
        assert tensor is not None, "a WHILE has all its operands"
        readings[name] = Reading(tensor, name.axis, _in_steps(name.place, counters))
    return readings


def _writing(
    value: TensorList,
    environment: dict[int, Value],
    counters: dict[int, Linear],
    variable: int,
    updates: StateUpdates,
) -> Writing:
    if value.variable != variable or len(value.writes) != 1:
        raise Unrecognised("it writes a list other than once in each step")
    ((index, item),) = value.writes
    written = whole(_value(item, environment))
    if isinstance(written, Rows):
        written = Rows(updates.referring(written.form))
    return Writing(written, _in_steps(index, counters), value.grows)
