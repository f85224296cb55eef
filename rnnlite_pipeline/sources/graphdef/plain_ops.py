"""Ops that LiteRT lacks and that a few of its ops compute: each becomes these.

Each function is traced on the shapes that its op has in the graph, and its nodes stand for the op,
in loops of control flow v1 and in functions too. Formulas: Abramowitz and Stegun, Handbook of
Mathematical Functions, 1964, sections 4.4 to 4.6 and 7.1; what an op means is in TensorFlow's
core/ops.
An op whose axis or length is not known stays, and is named.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from rnnlite_pipeline.sources.graphdef.graph_edit import nodes_of, rewritten
from rnnlite_pipeline.sources.graphdef.nodes import Nodes, scopes_of
from rnnlite_pipeline.toolchain import load

#: What the functions of a changed graph are called besides: those of the graph as it was are there.
_SUFFIX = "_without_rare_ops"

Compute = Callable[..., Any]

#: From a node and its operands, as they are in the graph, to what computes it; None: it stays.
Make = Callable[[Any, Sequence[Any]], Compute | None]


def rare_ops_to_plain(function: Any) -> Any:
    """A frozen concrete function without these ops; itself where it has none."""
    definition = function.graph.as_graph_def()
    if not any(node.op in _OPS for node in nodes_of(definition)):
        return function
    own = [f.signature.name for f in definition.library.function]
    found = [_replace(scope) for scope in scopes_of(Nodes, function, definition)]
    if not any(found):
        return function
    return rewritten(definition, function, _SUFFIX, own)


def _replace(scope: Nodes) -> bool:
    """Replaces what is in the table; whether there was any."""
    tf, new = load("tensorflow"), dict[str, str]()
    for node in [node for node in scope.nodes if node.op in _OPS]:
        names = scope.operands(node)
        operands = [scope.tensor(name) for name in names]
        compute = _OPS[node.op](node, operands)
        if compute is None or any(t.dtype not in (tf.float32, tf.int32) for t in operands):
            continue
        specs = [tf.TensorSpec(t.shape, t.dtype) for t in operands]
        traced = tf.function(compute, autograph=False).get_concrete_function(*specs)
        before = scope.results(node)[0]
        made = scope.placed(f"{node.name}/plain", traced, names)[0]
        new[before] = scope.becomes_identity(node, made, scope.tensor(before).dtype)
    scope.read_under(new)
    return bool(new)


# The functions ------------------------------------------------------------------------------------


def _always(compute: Callable[[Any], Any]) -> Make:
    return lambda *_: compute


def _acos(x: Any) -> Any:
    tf = load("tensorflow")
    return tf.atan2(tf.sqrt((1.0 - x) * (1.0 + x)), x)


def _asin(x: Any) -> Any:
    tf = load("tensorflow")
    return tf.atan2(x, tf.sqrt((1.0 - x) * (1.0 + x)))


def _atan(x: Any) -> Any:
    tf = load("tensorflow")
    return tf.atan2(x, tf.ones_like(x))


def _tan(x: Any) -> Any:
    tf = load("tensorflow")
    return tf.sin(x) / tf.cos(x)


def _cosh(x: Any) -> Any:
    tf = load("tensorflow")
    return 0.5 * tf.exp(x) + 0.5 * tf.exp(-x)


def _sinh(x: Any) -> Any:
    """The difference of exponentials; near 0, where it cancels, the series."""
    tf, square = load("tensorflow"), x * x
    series = x * _polynomial(square, [1.0, 1 / 6, 1 / 120, 1 / 5040, 1 / 362880])
    return tf.where(tf.abs(x) < 1.0, series, 0.5 * tf.exp(x) - 0.5 * tf.exp(-x))


def _acosh(x: Any) -> Any:
    tf = load("tensorflow")
    return tf.math.log(x + tf.sqrt(x - 1.0) * tf.sqrt(x + 1.0))


def _log_1_plus(x: Any) -> Any:
    """log(1 + x) without loss near 0: 1 + x is rounded, and x is divided by what it became."""
    tf, whole = load("tensorflow"), 1.0 + x
    part = whole - 1.0
    there = tf.not_equal(part, 0.0)
    return tf.where(there, tf.math.log(whole) * x / tf.where(there, part, 1.0), x)


def _asinh(x: Any) -> Any:
    tf = load("tensorflow")
    size = tf.abs(x)
    square = size * size
    return tf.sign(x) * _log_1_plus(size + square / (1.0 + tf.sqrt(square + 1.0)))


def _atanh(x: Any) -> Any:
    return 0.5 * _log_1_plus(2.0 * x / (1.0 - x))


def _erf(x: Any) -> Any:
    """7.1.5 near 0, and 7.1.26, to 1.5e-7."""
    tf, square = load("tensorflow"), x * x
    terms = [(-1) ** n / (math.factorial(n) * (2 * n + 1)) for n in range(7)]
    near = 2 / math.sqrt(math.pi) * x * _polynomial(square, terms)
    return tf.where(tf.abs(x) < 0.5, near, tf.sign(x) * (1.0 - _tail(tf.abs(x))))


def _erfc(x: Any) -> Any:
    tf = load("tensorflow")
    return tf.where(
        tf.abs(x) < 0.5, 1.0 - _erf(x), 1.0 - tf.sign(x) + tf.sign(x) * _tail(tf.abs(x))
    )


def _tail(size: Any) -> Any:
    """erfc of numbers that are not negative (7.1.26)."""
    tf = load("tensorflow")
    t = 1.0 / (1.0 + 0.3275911 * size)
    factors = [0.254829592, -0.284496736, 1.421413741, -1.453152027, 1.061405429]
    return t * _polynomial(t, factors) * tf.exp(-size * size)


def _polynomial(x: Any, factors: Sequence[float]) -> Any:
    """By Horner's rule; the constant first."""
    result = factors[-1]
    for factor in reversed(factors[:-1]):
        result = result * x + factor
    return result


def _roll(node: Any, operands: Sequence[Any]) -> Compute | None:
    """The end of an axis before its beginning."""
    del node
    tf = load("tensorflow")
    shifts, axes = (tf.get_static_value(t) for t in operands[1:3])
    shape = operands[0].shape
    if shifts is None or axes is None or shape.rank is None:
        return None
    steps = [(int(s), int(a) % shape.rank) for s, a in zip(_row(shifts), _row(axes), strict=True)]
    if any(abs(s) > 1 and shape[a] is None for s, a in steps):
        return None  # more than it is long, perhaps

    def compute(x: Any, *_: Any) -> Any:
        for shift, axis in steps:
            place = shift % shape[axis] if shape[axis] else shift
            if place == 0:
                continue
            before = (slice(None),) * axis
            x = tf.concat([x[(*before, slice(-place, None))], x[(*before, slice(-place))]], axis)
        return x

    return compute


def _row(value: Any) -> Any:
    return np.reshape(value, -1)


def _cumprod(node: Any, operands: Sequence[Any]) -> Compute | None:
    """Doubling: each element times that of 1, 2, 4, ... places before (Hillis and Steele 1986)."""
    tf = load("tensorflow")
    axis, shape = tf.get_static_value(operands[1]), operands[0].shape
    if axis is None or shape.rank is None or shape[int(axis)] is None:
        return None
    place, length = int(axis) % shape.rank, shape[int(axis)]
    exclusive, reverse = node.attr["exclusive"].b, node.attr["reverse"].b

    def later(x: Any, by: int) -> Any:
        """Moved by some places, ones before it."""
        before = (slice(None),) * place
        sides = [[by if k == place else 0, 0] for k in range(shape.rank)]
        return tf.pad(x[(*before, slice(length - by))], sides, constant_values=1.0)

    def compute(x: Any, _: Any) -> Any:
        x = tf.reverse(x, [place]) if reverse else x
        x = later(x, 1) if exclusive and length else x
        by = 1
        while by < length:
            x, by = x * later(x, by), 2 * by
        return tf.reverse(x, [place]) if reverse else x

    return compute


def _euclidean_norm(node: Any, operands: Sequence[Any]) -> Compute | None:
    tf = load("tensorflow")
    axes, keep = tf.get_static_value(operands[1]), node.attr["keep_dims"].b
    if axes is None:
        return None
    return lambda x, _: tf.sqrt(tf.reduce_sum(x * x, _row(axes).tolist(), keepdims=keep))


def _cross(node: Any, operands: Sequence[Any]) -> Compute:
    del node, operands
    tf = load("tensorflow")

    def compute(a: Any, b: Any) -> Any:
        (a0, a1, a2), (b0, b1, b2) = tf.unstack(a, 3, -1), tf.unstack(b, 3, -1)
        return tf.stack([a1 * b2 - a2 * b1, a2 * b0 - a0 * b2, a0 * b1 - a1 * b0], -1)

    return compute


def _diagonal(node: Any, operands: Sequence[Any]) -> Compute | None:
    """The main one, of matrices of a known size: the sum of what a mask leaves of each row."""
    del node
    tf = load("tensorflow")
    shape = operands[0].shape
    offset = tf.get_static_value(operands[1]) if len(operands) > 1 else np.zeros(1)
    if shape.rank is None or None in shape[-2:].as_list() or offset is None or np.any(offset):
        return None
    rows, columns = shape[-2:]
    least = min(rows, columns)

    def compute(x: Any, *_: Any) -> Any:
        part = x[..., :least, :least]
        return tf.reduce_sum(tf.where(tf.eye(least) > 0.0, part, 0.0), -1)

    return compute


_OPS: dict[str, Make] = {
    "Acos": _always(_acos),
    "Acosh": _always(_acosh),
    "Asin": _always(_asin),
    "Asinh": _always(_asinh),
    "Atan": _always(_atan),
    "Atanh": _always(_atanh),
    "Cosh": _always(_cosh),
    "Cross": _cross,
    "Cumprod": _cumprod,
    "Erf": _always(_erf),
    "Erfc": _always(_erfc),
    "EuclideanNorm": _euclidean_norm,
    "MatrixDiagPart": _diagonal,
    "MatrixDiagPartV2": _diagonal,
    "MatrixDiagPartV3": _diagonal,
    "Roll": _roll,
    "Sinh": _always(_sinh),
    "Tan": _always(_tan),
}
