"""Shape arithmetic: what ops do to integers that are known at run time alone.

A value is a scalar or a short vector, held as its elements. A rule takes the elements of every
operand, and gives those of the result, or None where they are not linear in what is known.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import reduce
from typing import TypeAlias

from rnnlite_pipeline.graph.ir import Op
from rnnlite_pipeline.graph.slicing import flags, is_plain
from rnnlite_pipeline.shapes.linear import Linear, quotient

#: The elements of a scalar or a vector.
Integers: TypeAlias = tuple[Linear, ...]


def computed(op: Op, values: Sequence[Integers]) -> Integers | None:
    """The elements of an op's one output, given those of its operands; None if not to be had."""
    if op.code in _ELEMENTWISE:
        return _each(_ELEMENTWISE[op.code], *values)
    rule = _RULES.get(op.code)
    return None if rule is None else rule(op, values)


def plain(values: Integers) -> list[int] | None:
    """The elements as numbers; None where one is not constant."""
    return [v.constant for v in values] if all(v.is_constant for v in values) else None


def _each(
    function: Callable[[Linear, Linear], Linear | None], a: Integers, b: Integers
) -> Integers | None:
    if len(a) == 1:
        a = a * len(b)
    elif len(b) == 1:
        b = b * len(a)
    if len(a) != len(b):
        return None
    found = [function(x, y) for x, y in zip(a, b, strict=True)]
    known = tuple(v for v in found if v is not None)
    return known if len(known) == len(found) else None


def _times(a: Linear, b: Linear) -> Linear | None:
    """The product; that of two symbols is a symbol of its own."""
    if a.is_constant or b.is_constant:
        return b * a.constant if a.is_constant else a * b.constant
    if a.counts or b.counts:
        return None
    total = a * b.constant + b * a.constant - Linear(a.constant * b.constant)
    for name, factor in a.factors:
        for other, by in b.factors:
            joined = "*".join(sorted([*name.split("*"), *other.split("*")]))
            total = total + Linear.symbol(joined) * (factor * by)
    return total


def _larger(a: Linear, b: Linear) -> Linear | None:
    difference = a - b
    if difference.is_constant:
        return a if difference.constant >= 0 else b
    return _clamped(a, b)


def _smaller(a: Linear, b: Linear) -> Linear | None:
    difference = a - b
    if difference.is_constant:
        return b if difference.constant >= 0 else a
    return _clamped(a, b)


def _clamped(a: Linear, b: Linear) -> Linear | None:
    """A counter held inside a sequence is the counter.

    JAX clamps every index. Where one is clamped in earnest the numbers differ, and validation,
    which runs every step, refuses.
    """
    if a.counts == b.counts:
        return None
    return a if a.counts else b


def _divided(a: Linear, b: Linear) -> Linear | None:
    return quotient(a, b.constant) if b.is_constant else None


def _unchanged(_op: Op, values: Sequence[Integers]) -> Integers:
    return values[0]


def _joined(_op: Op, values: Sequence[Integers]) -> Integers:
    return tuple(element for value in values for element in value)


def _repeated(_op: Op, values: Sequence[Integers]) -> Integers | None:
    size, value = (plain(values[0]), values[1])
    return value * size[0] if size is not None and len(size) == len(value) == 1 else None


def _gathered(_op: Op, values: Sequence[Integers]) -> Integers | None:
    source, places = values[0], plain(values[1])
    inside = places is not None and all(0 <= p < len(source) for p in places)
    return tuple(source[p] for p in places or ()) if inside else None


def _cut(_op: Op, values: Sequence[Integers]) -> Integers | None:
    begin, size = (plain(v) for v in values[1:])
    if begin is None or size is None:
        return None
    return values[0][begin[0] : None if size[0] == -1 else begin[0] + size[0]]


def _sliced(op: Op, values: Sequence[Integers]) -> Integers | None:
    begin, end, stride = (plain(v) for v in values[1:])
    if begin is None or end is None or stride is None or not is_plain(op.options):
        return None
    told = flags(op.options, 0)
    if told.drops:
        return (values[0][begin[0]],) if -len(values[0]) <= begin[0] < len(values[0]) else None
    start = None if told.from_first else begin[0]
    stop = None if told.to_last else end[0]
    return values[0][start : stop : stride[0]]


def _product(_op: Op, values: Sequence[Integers]) -> Integers | None:
    return _multiplied(values[0])


def _products(_op: Op, values: Sequence[Integers]) -> Integers | None:
    """The product of each segment; elements of a negative segment stand in none."""
    segments, count = (plain(v) for v in values[1:])
    if segments is None or count is None or len(segments) != len(values[0]):
        return None
    pairs = list(zip(values[0], segments, strict=True))
    found = [_multiplied([v for v, s in pairs if s == k]) for k in range(count[0])]
    return tuple(v for f in found if f is not None for v in f) if None not in found else None


def _multiplied(values: Sequence[Linear]) -> Integers | None:
    def times(total: Linear | None, value: Linear) -> Linear | None:
        return None if total is None else _times(total, value)

    one: Linear | None = Linear(1)
    total = reduce(times, values, one)
    return None if total is None else (total,)


_ELEMENTWISE: dict[str, Callable[[Linear, Linear], Linear | None]] = {
    "ADD": Linear.__add__,
    "SUB": Linear.__sub__,
    "MUL": _times,
    "MAXIMUM": _larger,
    "MINIMUM": _smaller,
    "FLOOR_DIV": _divided,
}


_RULES: dict[str, Callable[[Op, Sequence[Integers]], Integers | None]] = {
    **dict.fromkeys(("CAST", "EXPAND_DIMS", "RESHAPE", "SQUEEZE"), _unchanged),
    **dict.fromkeys(("CONCATENATION", "PACK"), _joined),
    "FILL": _repeated,
    "GATHER": _gathered,
    "REDUCE_PROD": _product,
    "SLICE": _cut,
    "STRIDED_SLICE": _sliced,
    "UNSORTED_SEGMENT_PROD": _products,
}
