"""Gathers from an open batch, as TensorFlow's converter takes them.

Where a dimension is open, JAX writes every index but the simplest as a gather: `x[:, -1]`,
`x[:, ::2]`, `x[i, t[i]]`, `jax.vmap` over a slice. The converter has no gather of slices whose size
is open ("vhlo.dynamic_gather_v1 is not part of the vhlo support"), nor one with batching dimensions
("failed to convert VHLO to v1.0.0"). A function is therefore read as JAX's own equations, and each
such gather is written by these rules:

1. One slice is a slice; where it begins is a constant, or computed.
2. Steps along one axis at constant places, at one distance from each other, are a strided slice,
   reversed if they go backwards.
3. Any other gather reads single places: the numbers of an axis that is read whole, of a batching
   dimension, and of the places inside a slice, stand beside the other indices.

        y[b, i, :] = x[b, start[b] + i, :]

   What lies outside is clamped, or replaced, as jax.lax.GatherScatterMode says.

The place of the largest number is a reduction of two arrays in StableHLO, which the converter takes
of closed sizes alone. It is written as the least place at which the largest number stands.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from functools import wraps
from typing import Any

import numpy as np

from rnnlite_pipeline.toolchain import load

#: Primitives that only call, and the parameter that holds what they call.
_CALLS = {
    "jit": "jaxpr",
    "pjit": "jaxpr",
    "checkpoint": "jaxpr",
    "remat2": "jaxpr",
    "core_call": "call_jaxpr",
    "closed_call": "call_jaxpr",
    "custom_jvp_call": "call_jaxpr",
    "custom_vjp_call": "call_jaxpr",
}


def with_plain_gathers(function: Callable[..., list[Any]]) -> Callable[..., list[Any]]:
    """The function of arrays with its gathers from open dimensions rewritten, inside loops too."""

    @wraps(function)  # the names of layers begin with the function's
    def rewritten(*arrays: Any) -> list[Any]:
        closed = load("jax").make_jaxpr(function)(*arrays)
        if not any(map(_is_rewritten, _equations(closed.jaxpr))):
            return function(*arrays)
        return _evaluated(closed.jaxpr, closed.consts, arrays)

    return rewritten


def _evaluated(jaxpr: Any, constants: Sequence[Any], arrays: Sequence[Any]) -> list[Any]:
    """The results of equations; what depends on constants alone is computed at once."""
    jax, core = load("jax"), load("jax.extend.core")
    known: dict[Any, Any] = dict(zip(jaxpr.constvars, constants, strict=True))
    known |= dict(zip(jaxpr.invars, arrays, strict=True))

    def value(atom: Any) -> Any:
        return atom.val if isinstance(atom, core.Literal) else known[atom]

    for equation in jaxpr.eqns:
        values = [value(atom) for atom in equation.invars]
        scope = str(equation.source_info.name_stack)
        with jax.named_scope(scope) if scope else nullcontext():
            results = _results(equation, values)
        known.update(zip(equation.outvars, results, strict=True))
    return [value(atom) for atom in jaxpr.outvars]


def _results(equation: Any, values: Sequence[Any]) -> list[Any]:
    """What one equation gives."""
    inner = _inner(equation)
    if inner is not None:
        return _evaluated(inner.jaxpr, inner.consts, values)
    if _is_fixed(equation, values):
        with load("jax").ensure_compile_time_eval():
            return _bound(equation, values)
    if _is_rewritten(equation):
        return [_RULES[equation.primitive.name](*values, **equation.params)]
    return _bound(equation, values)


def _inner(equation: Any) -> Any:
    """The equations of a call, which stand where it does; None for other primitives."""
    key = _CALLS.get(equation.primitive.name)
    if key is None:
        return None
    inner, closed = equation.params[key], load("jax.extend.core").ClosedJaxpr
    return inner if isinstance(inner, closed) else closed(inner, ())


def _is_fixed(equation: Any, values: Sequence[Any]) -> bool:
    """Whether an equation's results are the same in every call, and of known shapes."""
    tracer = load("jax").core.Tracer
    shapes = [atom.aval.shape for atom in equation.outvars]
    closed = all(isinstance(size, int) for shape in shapes for size in shape)
    parts = any(_is_jaxpr(each) for each in equation.params.values())
    if parts or equation.effects or not closed or equation.primitive.name == "dim_as_value":
        return False
    return not any(isinstance(each, tracer) for each in values)


def _bound(equation: Any, values: Sequence[Any]) -> list[Any]:
    """The primitive's results, its loops and branches rewritten as the whole is."""
    params = {name: _rewritten(each) for name, each in equation.params.items()}
    results = equation.primitive.bind(*values, **equation.primitive.get_bind_params(params))
    return list(results) if equation.primitive.multiple_results else [results]


def _is_jaxpr(value: Any) -> bool:
    closed = load("jax.extend.core").ClosedJaxpr
    return isinstance(value, closed) or (
        isinstance(value, tuple) and bool(value) and all(isinstance(each, closed) for each in value)
    )


def _rewritten(value: Any) -> Any:
    """A body or branches with plain gathers; other parameters as they are."""
    if not _is_jaxpr(value):
        return value
    if isinstance(value, tuple):
        return tuple(map(_rewritten, value))
    if not any(map(_is_rewritten, _equations(value.jaxpr))):
        return value
    make = load("jax").make_jaxpr
    return make(lambda *a: _evaluated(value.jaxpr, value.consts, a))(*value.in_avals)


def _equations(jaxpr: Any) -> list[Any]:
    """The equations of a body, and of what it calls."""
    found = []
    for equation in jaxpr.eqns:
        found.append(equation)
        for each in equation.params.values():
            parts = each if isinstance(each, tuple) else (each,)
            for part in parts:
                inner = getattr(part, "jaxpr", part)
                found += _equations(inner) if hasattr(inner, "eqns") else []
    return found


def _is_rewritten(equation: Any) -> bool:
    """Whether the converter does not take an equation as it is: its operand has an open size."""
    if equation.primitive.name not in _RULES:
        return False
    return not all(isinstance(size, int) for size in equation.invars[0].aval.shape)


@dataclass(frozen=True)
class _Gather:
    """A gather's operands and its parameters, named as jax.lax.gather names them."""

    operand: Any
    indices: Any
    numbers: Any
    sizes: tuple[Any, ...]

    @property
    def dropped(self) -> tuple[int, ...]:
        """The axes of the operand that the result has not."""
        return (*self.numbers.collapsed_slice_dims, *self.numbers.operand_batching_dims)

    @property
    def window(self) -> list[int]:
        """The axes of the operand that the result has, in their order."""
        return [k for k in range(self.operand.ndim) if k not in self.dropped]

    def starts(self, number: int) -> Any:
        """Where the slices begin along one indexed axis."""
        last = self.indices.ndim - 1
        return load("jax.lax").index_in_dim(self.indices, number, last, keepdims=False)

    @property
    def map(self) -> tuple[int, ...]:
        """The axis of the operand that each index counts along."""
        return tuple(self.numbers.start_index_map)


def _gathered(
    operand: Any,
    indices: Any,
    *,
    dimension_numbers: Any,
    slice_sizes: Sequence[Any],
    mode: Any,
    fill_value: Any,
    **_sorted: Any,
) -> Any:
    """The rules, for one gather."""
    lax = load("jax.lax")
    fixed = not isinstance(indices, load("jax").core.Tracer)
    indices = np.asarray(indices) if fixed else indices
    this = _Gather(operand, indices, dimension_numbers, tuple(slice_sizes))
    fills = mode == lax.GatherScatterMode.FILL_OR_DROP
    inside = fixed and _all_inside(this)
    if indices.ndim == 1 and (inside or not fills):
        return _one_slice(this, fixed)
    strided = _strided(this) if inside else None
    if strided is not None:
        return strided
    result = _places(this)
    return _filled(this, result, fill_value) if fills and not inside else result


def _all_inside(this: _Gather) -> bool:
    """Whether every slice, at constant places, lies inside of the operand."""
    starts = np.asarray(this.indices)
    return all(
        isinstance(this.operand.shape[axis], int)
        and bool(np.all(starts[..., k] >= 0))
        and bool(np.all(starts[..., k] + this.sizes[axis] <= this.operand.shape[axis]))
        for k, axis in enumerate(this.map)
    )


def _one_slice(this: _Gather, fixed: bool) -> Any:
    """Rule 1."""
    lax = load("jax.lax")
    places = {axis: this.indices[k] for k, axis in enumerate(this.map)}
    if fixed and _all_inside(this):
        starts = [int(places.get(k, 0)) for k in range(this.operand.ndim)]
        ends = [start + size for start, size in zip(starts, this.sizes, strict=True)]
        cut = lax.slice(this.operand, starts, ends)
    else:
        zero = np.zeros((), this.indices.dtype)
        starts = [places.get(k, zero) for k in range(this.operand.ndim)]
        cut = lax.dynamic_slice(this.operand, starts, this.sizes)
    return lax.squeeze(cut, this.dropped)


def _strided(this: _Gather) -> Any:
    """Rule 2; None where it does not fit."""
    lax = load("jax.lax")
    if len(this.map) != 1 or this.indices.ndim != 2 or this.numbers.operand_batching_dims:
        return None
    (axis,), places = this.map, np.asarray(this.indices)[:, 0]
    whole = all(this.sizes[k] == n for k, n in enumerate(this.operand.shape) if k != axis)
    steps = np.unique(np.diff(places)) if len(places) > 1 else np.ones(1, int)
    if not whole or this.dropped != (axis,) or len(steps) != 1 or steps[0] == 0:
        return None
    starts, ends = [0] * this.operand.ndim, list(this.operand.shape)
    starts[axis], ends[axis] = int(places.min()), int(places.max()) + 1
    strides = [1] * this.operand.ndim
    strides[axis] = abs(int(steps[0]))
    cut = lax.slice(this.operand, starts, ends, strides)
    cut = lax.rev(cut, (axis,)) if steps[0] < 0 else cut
    (there,) = set(range(cut.ndim)) - set(this.numbers.offset_dims)
    order = [k for k in range(cut.ndim) if k != axis]
    order.insert(there, axis)
    return lax.transpose(cut, order)


def _places(this: _Gather) -> Any:
    """Rule 3: a gather of single places, and the order of axes that was asked for."""
    lax = load("jax.lax")
    operand, numbers = this.operand, this.numbers
    still = [k for k in this.window if k not in this.map]
    part = {k: this.sizes[k] for k in still if _is_part(this.sizes[k], operand.shape[k])}
    for axis, size in part.items():
        operand = lax.slice_in_dim(operand, 0, size, axis=axis)
    counted = [k for k in this.window if k in this.map or not isinstance(operand.shape[k], int)]
    batch = this.indices.shape[:-1]
    shape = (*batch, *(this.sizes[k] for k in counted))

    def spread(value: Any, axes: Sequence[int]) -> Any:
        return lax.broadcast_in_dim(value, shape, axes)

    def count(axis: int) -> Any:
        return spread(lax.iota(this.indices.dtype, shape[axis]), (axis,))

    columns = {
        axis: count(place)
        for axis, place in zip(
            numbers.operand_batching_dims, numbers.start_indices_batching_dims, strict=True
        )
    }
    for k, axis in enumerate(this.map):
        columns[axis] = spread(_clamped(this, this.starts(k), axis), range(len(batch)))
    for place, axis in enumerate(counted, len(batch)):
        inside = count(place)
        columns[axis] = columns[axis] + inside if axis in columns else inside
    axes = sorted(columns)
    places = lax.concatenate([lax.expand_dims(columns[k], [len(shape)]) for k in axes], len(shape))
    left = [k for k in this.window if k not in columns]
    plain = lax.GatherDimensionNumbers(
        offset_dims=tuple(range(len(shape), len(shape) + len(left))),
        collapsed_slice_dims=tuple(axes),
        start_index_map=tuple(axes),
    )
    sizes = [1 if k in columns else operand.shape[k] for k in range(operand.ndim)]
    mode = lax.GatherScatterMode.PROMISE_IN_BOUNDS
    result = lax.gather(operand, places, plain, sizes, mode=mode)
    where = {axis: place for place, axis in enumerate([*counted, *left], len(batch))}
    window = iter([where[k] for k in this.window])
    rows = iter(range(len(batch)))
    order = [next(window) if k in numbers.offset_dims else next(rows) for k in range(result.ndim)]
    return lax.transpose(result, order)


def _is_part(size: Any, whole: Any) -> bool:
    return isinstance(size, int) and isinstance(whole, int) and size < whole


def _clamped(this: _Gather, starts: Any, axis: int) -> Any:
    """Where slices begin, so that they lie inside: what StableHLO's gather does."""
    lax, asarray = load("jax.lax"), load("jax.numpy").asarray
    last = asarray(this.operand.shape[axis] - this.sizes[axis], starts.dtype)
    return lax.clamp(asarray(0, starts.dtype), starts, last)


def _filled(this: _Gather, result: Any, fill_value: Any) -> Any:
    """The result with `fill_value` for slices that do not lie inside of the operand."""
    numpy = load("jax.numpy")
    inside: Any = True
    for k, axis in enumerate(this.map):
        starts = this.starts(k)
        last = numpy.asarray(this.operand.shape[axis] - this.sizes[axis], starts.dtype)
        inside = inside & (starts >= 0) & (starts <= last)
    rows = [k for k in range(result.ndim) if k not in this.numbers.offset_dims]
    kept = load("jax.lax").broadcast_in_dim(inside, result.shape, rows)
    return numpy.where(kept, result, numpy.asarray(_fill(result.dtype, fill_value), result.dtype))


def _fill(dtype: Any, fill_value: Any) -> Any:
    """What stands for a slice outside: NaN, the least signed number, the largest unsigned one."""
    if fill_value is not None:
        return fill_value
    if dtype.kind in "iu":
        limits = np.iinfo(dtype)
        return limits.min if dtype.kind == "i" else limits.max
    return dtype.kind == "b" or np.nan


def _argmax(operand: Any, *, axes: Sequence[int], index_dtype: Any, **_how: Any) -> Any:
    """The first place of the largest number along one axis; of the first NaN where there is one."""
    return _place_of(load("jax.numpy").max, operand, axes, index_dtype)


def _argmin(operand: Any, *, axes: Sequence[int], index_dtype: Any, **_how: Any) -> Any:
    return _place_of(load("jax.numpy").min, operand, axes, index_dtype)


def _place_of(
    chosen: Callable[..., Any], operand: Any, axes: Sequence[int], index_dtype: Any
) -> Any:
    lax, numpy = load("jax.lax"), load("jax.numpy")
    (axis,), size = axes, operand.shape[axes[0]]
    there = (operand == chosen(operand, axis, keepdims=True)) | _is_nan(operand)
    places = lax.broadcast_in_dim(lax.iota(index_dtype, size), operand.shape, (axis,))
    return numpy.min(numpy.where(there, places, numpy.asarray(size, index_dtype)), axis)


def _is_nan(values: Any) -> Any:
    numpy = load("jax.numpy")
    return numpy.isnan(values) if values.dtype.kind == "f" else numpy.zeros_like(values, bool)


#: What takes the place of each primitive, where a size of its operand is open.
_RULES: dict[str, Callable[..., Any]] = {
    "gather": _gathered,
    "argmax": _argmax,
    "argmin": _argmin,
}
