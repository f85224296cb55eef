"""JAX's gathers from tensors with open sizes, which the converter leaves as STABLEHLO_GATHER.

The kernel of that op sizes its result when memory is planned (tflite/kernels/stablehlo_gather.cc,
Prepare): where the indices are sized at run time, the result has the wrong size. GATHER_ND has no
such fault.

Rules (openxla/stablehlo, docs/spec.md, gather):
    1. Single places: each axis that is indexed is read at one place, every other one whole. These
       stand first in the operand, in the order of the indices; a TRANSPOSE puts them there.
    2. A place outside of the operand is clamped to its first or last one.
    3. The axes of the result that the operand gave stand where `offset_dims` says.
    4. Anything else stays.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rnnlite_pipeline.graph.build import Builder
from rnnlite_pipeline.graph.edit import replace_ops
from rnnlite_pipeline.graph.ir import OPEN, Model, Op, Tensor

_CODE = "STABLEHLO_GATHER"


def gathers_to_builtin(model: Model) -> None:
    """Replaces every STABLEHLO_GATHER of single places, in place."""
    replace_ops(model, _CODE, _builtin)


def _builtin(op: Op) -> list[Op]:
    """The ops that compute what `op` does; none where the rules do not fit."""
    operand, places = op.inputs
    if operand is None or places is None or operand.shape is None or places.shape is None:
        return []
    indexed = _whole_numbers(op, "start_index_map")
    whole = [k for k in range(len(operand.shape)) if k not in indexed]
    sizes = _whole_numbers(op, "slice_sizes")
    single = sorted(indexed) == sorted(_whole_numbers(op, "collapsed_slice_dims"))
    fits = all(sizes[k] == operand.shape[k] for k in whole)
    last = op.options["index_vector_dim"] == len(places.shape) - 1
    if not (single and fits and last and indexed) or places.dtype != "INT32":
        return []
    build, x, order = Builder(op.outputs[0].name), operand, [*indexed, *whole]
    if order != sorted(order):
        x = build.transpose(x, order)
    rows = places.shape[:-1]
    shape = [*rows, *(sizes[k] for k in whole)]
    clamped = _clamped(build, x, places, len(indexed))
    y = build.op("GATHER_ND", [x, clamped], x.dtype, shape)
    offsets = _whole_numbers(op, "offset_dims")
    taken, given = iter(range(len(rows), len(shape))), iter(range(len(rows)))
    axes = [next(taken) if k in offsets else next(given) for k in range(len(shape))]
    if axes != sorted(axes):
        y = build.transpose(y, axes)
    build.ops[-1].outputs = op.outputs
    return build.ops


def _clamped(build: Builder, x: Tensor, places: Tensor, count: int) -> Tensor:
    """Rule 2: places [..., count] along the first axes of x."""
    sizes = (x.shape or ())[:count]
    if OPEN in sizes:
        behind = build.part(build.shape(x), 0, 0, count)
        end = build.binary("SUB", behind, build.indices(1, "one"))
    else:
        end = build.indices([size - 1 for size in sizes], "last")
    below = build.binary("MINIMUM", places, end)
    return build.binary("MAXIMUM", below, build.indices(0, "first"))


def _whole_numbers(op: Op, name: str) -> Sequence[int]:
    return [int(k) for k in np.asarray(op.options[name]).reshape(-1)]
