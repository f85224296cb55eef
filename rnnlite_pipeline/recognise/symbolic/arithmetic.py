"""Rules of arithmetic: what elementwise ops, products and reductions do to symbolic values."""

from __future__ import annotations

from collections.abc import Sequence as Many

import numpy as np

from rnnlite_pipeline.algebra import forms
from rnnlite_pipeline.algebra.forms import Form
from rnnlite_pipeline.graph.ir import Op
from rnnlite_pipeline.recognise.symbolic.values import (
    Bound,
    Const,
    Index,
    PerRow,
    Rows,
    Unreadable,
    Value,
    linear,
    rows,
)
from rnnlite_pipeline.shapes.linear import Linear

#: Weights of as many bytes are not copied into float64 (`algebra.maps.Map`).
LARGE = 2**20

UNARY = frozenset(
    [
        "LOGISTIC",
        "TANH",
        "RELU",
        "RELU6",
        "RELU_N1_TO_1",
        "RELU_0_TO_1",
        "ELU",
        "LEAKY_RELU",
        "GELU",
        "HARD_SWISH",
        "EXP",
        "LOG",
        "SQRT",
        "RSQRT",
        "ABS",
        "SIN",
        "COS",
        "SIGN",
        "FLOOR",
        "CEIL",
        "ROUND",
        "SOFTMAX",
        "L2_NORMALIZATION",
        "LOGICAL_NOT",
    ]
)


ELEMENTWISE = frozenset(
    [
        "MAXIMUM",
        "MINIMUM",
        "POW",
        "FLOOR_DIV",
        "SQUARED_DIFFERENCE",
        "EQUAL",
        "NOT_EQUAL",
        "GREATER",
        "GREATER_EQUAL",
        "LESS_EQUAL",
        "LOGICAL_OR",
    ]
)


_ACTIVATION_OPS = {"RELU": "RELU", "RELU6": "RELU6", "RELU_N1_TO_1": "RELU_N1_TO_1", "TANH": "TANH"}


def per_row(op: Op, values: Many[Value]) -> tuple[Value, ...]:
    """A function of one number for each batch entry, of counters and of single constants."""
    return (PerRow(forms.apply(op.code, *_numbers(values))),)


def _numbers(values: Many[Value]) -> list[Form]:
    forms = [v.form if isinstance(v, PerRow) else rows(v) for v in values]
    if any(f.width != 1 or isinstance(v, Rows) for f, v in zip(forms, values, strict=True)):
        raise Unreadable("its step mixes one number for each batch entry with rows")
    return forms


def selected(op: Op, values: Many[Value]) -> tuple[Value, ...]:
    """SELECT takes whole rows by a condition of one truth value for each; SELECT_V2 broadcasts."""
    condition, *branches = values
    by_entry = op.code == "SELECT" and op.inputs[0] is not None and op.inputs[0].shape
    if by_entry and len(by_entry) < len(op.outputs[0].shape or ()) and isinstance(condition, Const):
        raise Unreadable("its step selects batch entries by a constant")
    if isinstance(condition, PerRow):
        if op.code != "SELECT" or any(isinstance(v, PerRow) for v in branches):
            return per_row(op, values)
        return (Rows(forms.apply("SELECT_V2", condition.form, *map(rows, branches))),)
    mask, yes, no = map(rows, values)
    if mask.is_constant and len(set(np.sign(np.abs(mask.bias)))) == 1:
        width = max(mask.width, yes.width, no.width)
        return (Rows(forms.widened(yes if mask.bias.any() else no, width)),)
    return (Rows(forms.apply("SELECT_V2", mask, yes, no)),)


def binary(op: Op, values: Many[Value]) -> tuple[Value, ...]:
    """Sums, differences, products and quotients."""
    if op.outputs[0].dtype in ("INT32", "INT64"):
        raise Unreadable("its step computes an index that is not linear in the step's number")
    if any(isinstance(v, PerRow) for v in values):
        return (PerRow(_combined(op, *_numbers(values))),)
    return (Rows(_combined(op, *map(rows, values))),)


def _combined(op: Op, x: Form, y: Form) -> Form:
    if op.code == "ADD":
        z = x + y
    elif op.code == "SUB":
        z = x - y
    elif op.code == "MUL":
        z = x * y
    elif y.is_constant:
        z = x.scaled(1.0 / y.bias)
    else:
        z = forms.apply("DIV", x, y)
    return activated(op, z)


def activated(op: Op, value: Form) -> Form:
    """The value under the op's fused activation."""
    name = op.options.get("fused_activation_function", "NONE")
    if name == "NONE":
        return value
    if name not in _ACTIVATION_OPS:
        raise Unreadable(f"the fused activation {name} in its step is not part of a known cell")
    return forms.apply(_ACTIVATION_OPS[name], value)


def negated(_op: Op, values: Many[Value]) -> tuple[Value, ...]:
    """-z."""
    return (Rows(rows(values[0]).scaled(np.array([-1.0]))),)


def squared(_op: Op, values: Many[Value]) -> tuple[Value, ...]:
    """z * z."""
    return (Rows(rows(values[0]) * rows(values[0])),)


def applied(op: Op, values: Many[Value]) -> tuple[Value, ...]:
    """An elementwise function."""
    if any(isinstance(v, PerRow) for v in values):
        return per_row(op, values)
    options = tuple(sorted(op.options.items()))
    return (Rows(forms.apply(op.code, *(rows(v) for v in values), options=options)),)


def less(op: Op, values: Many[Value]) -> tuple[Value, ...]:
    """A comparison; of counters, a bound of the loop."""
    if not all(isinstance(v, Index | Const) for v in values):
        return applied(op, values)
    a, b = (linear(v) for v in values)
    one = Linear(1)
    limit = {
        "LESS": (a, b),
        "LESS_EQUAL": (a, b + one),
        "GREATER": (b, a),
        "GREATER_EQUAL": (b, a + one),
    }[op.code]
    return (Bound((limit,)),)


def all_hold(op: Op, values: Many[Value]) -> tuple[Value, ...]:
    """The conjunction of bounds, or of truth values."""
    if not all(isinstance(v, Bound) for v in values):
        return applied(op, values)
    return (Bound(tuple(limit for v in values if isinstance(v, Bound) for limit in v.limits)),)


def product(op: Op, values: Many[Value]) -> tuple[Value, ...]:
    """A product by a constant matrix, FULLY_CONNECTED or BATCH_MATMUL."""
    x, weights = values[0], values[1]
    if not isinstance(weights, Const) or weights.array.ndim != 2:
        raise Unreadable("its step multiplies by a matrix that is not constant")
    matrix = weights.array
    if matrix.dtype != np.float32 or matrix.nbytes < LARGE:
        matrix = matrix.astype(np.float64)
    if op.code == "FULLY_CONNECTED" or op.options.get("adj_y"):
        matrix = matrix.T
    if op.options.get("adj_x"):
        raise Unreadable("its step multiplies by a transposed state")
    z = rows(x) @ matrix
    if len(values) > 2:
        z = z + rows(values[2])
    return (Rows(activated(op, z)),)


def reduced(op: Op, values: Many[Value]) -> tuple[Value, ...]:
    """A reduction over the features."""
    axes, source = values[1], op.inputs[0]
    rank = len((source.shape if source else None) or ())
    if not isinstance(axes, Const) or [int(a) % rank for a in axes.array.reshape(-1)] != [rank - 1]:
        raise Unreadable("its step sums over the batch")
    form = rows(values[0])
    if op.code == "SUM":
        value = forms.apply("MEAN", form).scaled(np.array([float(form.width)]))
    else:
        value = forms.apply(op.code, form)
    return (Rows(value) if op.options.get("keep_dims") else PerRow(value),)
