"""Slices with new axes as builtin ops: the converter leaves those of two open dimensions to Flex.

x[..., None] of x [B, T], both open, arrives as FlexStridedSlice, which no runtime here has.

Rules (tensorflow/core/util/strided_slice_op.cc has the meaning of the masks):
    1. An ellipsis stands for as many whole axes as are missing; so does the end of a short slice.
    2. What is left of the slice without its new axes is one STRIDED_SLICE, or nothing if it is
       the whole of x. Its begin and end are INT32, which is all that the kernel takes
       (kernels/strided_slice.cc).
    3. Each new axis is an EXPAND_DIMS, the first of them first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from rnnlite_pipeline.graph.build import Builder
from rnnlite_pipeline.graph.edit import replace_ops
from rnnlite_pipeline.graph.ir import OPEN, Model, Op, Tensor
from rnnlite_pipeline.graph.schema import enum_values
from rnnlite_pipeline.sources.graphdef.flex import node_of

_CODE = "FlexStridedSlice"
_MASKS = ("begin_mask", "end_mask", "ellipsis_mask", "new_axis_mask", "shrink_axis_mask")


@dataclass(frozen=True)
class _Axis:
    """One axis of x, sliced.

    Attributes:
        entry: Its place in begin, end and strides; None where it is taken whole.
        from_first: Whether it starts where x does, whatever begin says.
        to_last: Whether it ends where x does, whatever end says.
        shrinks: Whether one element is taken, and the axis is gone.
    """

    entry: int | None = None
    from_first: bool = True
    to_last: bool = True
    shrinks: bool = False


def slices_to_builtin(model: Model) -> None:
    """Replaces every FlexStridedSlice whose strides are constants, in place."""
    replace_ops(model, _CODE, _builtin)


def _builtin(op: Op) -> list[Op]:
    """The ops that compute what `op` does; none where its strides or its rank are not known."""
    x, begin, end, strides = op.inputs
    if x is None or begin is None or end is None or strides is None:
        return []
    if x.shape is None or strides.array is None:
        return []
    steps = [int(s) for s in strides.array]
    axes, new = _axes(_masks(op), steps, len(x.shape))
    build = Builder(op.outputs[0].name)
    y = x
    if not new or any(axis != _Axis() for axis in axes):
        y = _sliced(build, x, (begin, end), axes, steps)
    for place in new:
        y = build.expand_dims(y, place)
    (out,) = build.ops[-1].outputs = op.outputs
    out.shape = y.shape if out.shape is None else out.shape
    return build.ops


def _masks(op: Op) -> dict[str, int]:
    """The masks, from the NodeDef that the op carries."""
    node = node_of(op.custom_options or b"")[1]
    return {name: int(node.attr[name].i) for name in _MASKS}


def _axes(masks: dict[str, int], steps: list[int], rank: int) -> tuple[list[_Axis], list[int]]:
    """Rule 1: what happens to each axis of x, and the places of the new axes in the result."""
    entries = len(steps)

    def says(name: str, entry: int) -> bool:
        return bool(masks[name] >> entry & 1)

    special = [e for e in range(entries) if says("ellipsis_mask", e) or says("new_axis_mask", e)]
    missing = rank - (entries - len(special))
    axes: list[_Axis] = []
    new: list[int] = []
    for entry in range(entries):
        if says("ellipsis_mask", entry):
            axes += [_Axis()] * missing
            missing = 0
        elif says("new_axis_mask", entry):
            new.append(len(new) + sum(not axis.shrinks for axis in axes))
        else:
            first, last, shrinks = (
                says(name, entry) for name in ("begin_mask", "end_mask", "shrink_axis_mask")
            )
            whole = first and last and not shrinks and steps[entry] == 1
            axes.append(_Axis() if whole else _Axis(entry, first, last, shrinks))
    return axes + [_Axis()] * missing, new


def _sliced(
    build: Builder, x: Tensor, ends: tuple[Tensor, Tensor], axes: list[_Axis], steps: list[int]
) -> Tensor:
    """Rule 2."""
    strides = [1 if axis.entry is None else steps[axis.entry] for axis in axes]
    lengths = [
        _length(size, axis, stride, ends)
        for size, axis, stride in zip(x.shape or (), axes, strides, strict=True)
    ]
    return build.op(
        "STRIDED_SLICE",
        [x, *(_of_axes(build, end, axes) for end in ends), build.indices(strides)],
        x.dtype,
        [n for n, axis in zip(lengths, axes, strict=True) if not axis.shrinks],
        begin_mask=_mask(axis.from_first and not axis.shrinks for axis in axes),
        end_mask=_mask(axis.to_last and not axis.shrinks for axis in axes),
        shrink_axis_mask=_mask(axis.shrinks for axis in axes),
    )


def _of_axes(build: Builder, ends: Tensor, axes: list[_Axis]) -> Tensor:
    """The entries of begin or end, one for each axis of x; any for what is taken whole."""
    entries = [axis.entry or 0 for axis in axes]
    if ends.array is not None:
        return build.indices([int(ends.array[entry]) for entry in entries])
    if ends.dtype != "INT32":
        types = enum_values("TensorType")
        dtypes: dict[str, Any] = {
            "in_data_type": types[ends.dtype],
            "out_data_type": types["INT32"],
        }
        ends = build.op("CAST", [ends], "INT32", ends.shape, **dtypes)
    return build.gather(ends, build.indices(entries))


def _mask(bits: Any) -> int:
    return sum(1 << place for place, bit in enumerate(bits) if bit)


def _length(size: int, axis: _Axis, stride: int, ends: Sequence[Tensor]) -> int:
    """How long an axis is after the slice, or OPEN."""
    begin, end = (e.array for e in ends)
    if axis == _Axis():
        return size
    if size == OPEN or axis.entry is None or begin is None or end is None:
        return OPEN
    first = None if axis.from_first else int(begin[axis.entry])
    last = None if axis.to_last else int(end[axis.entry])
    return len(np.arange(size)[first:last:stride])
