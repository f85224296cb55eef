"""A sequence's steps as tensors of their own, and such tensors as a sequence, at known places.

Where the targets have UNPACK and PACK, these. Else the time axis is joined with the one behind it:
[B, T, W] is [B, T * W], whose T equal parts along that axis are the steps [B, W]; and back.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from rnnlite_pipeline.graph.build import Builder, make_op
from rnnlite_pipeline.graph.ir import OPEN, Op, Tensor

#: Whether every runtime that the model is for has an op of this code.
Has = Callable[[str], bool]

#: Ops that compute each element by itself, so that axes do not matter to them.
_ELEMENTWISE = frozenset({"QUANTIZE", "DEQUANTIZE", "CAST"})


class Rows:
    """The steps of sequences, each sequence parted once.

    Args:
        build: Where the ops go.
        has: Whether the targets have an op.
    """

    def __init__(self, build: Builder, has: Has) -> None:
        self.build = build
        self._has = has
        self._parted: dict[tuple[Tensor, int], list[Tensor]] = {}

    def row(self, op: Op, inputs: Sequence[Tensor | None]) -> Tensor | None:
        """What a GATHER of one known step gives; None where the op is no such thing."""
        if op.code != "GATHER" or op.options.get("batch_dims"):
            return None
        sequence, index = inputs
        step = index.array if index is not None else None
        if sequence is None or sequence.shape is None or step is None or step.ndim:
            return None
        axis = int(op.options["axis"]) % len(sequence.shape)
        length, place = sequence.shape[axis], int(step)
        if length == OPEN or not 0 <= place < length:
            return None
        if (sequence, axis) not in self._parted:
            self._parted[sequence, axis] = self._part(sequence, axis)
        return self._parted[sequence, axis][place]

    def _part(self, x: Tensor, axis: int) -> list[Tensor]:
        shape, build = x.shape or (), self.build
        steps, rest = shape[axis], (*shape[:axis], *shape[axis + 1 :])
        if steps == 1 and not self._has("UNPACK") and rest.count(OPEN) < 2:
            return [_like(build.reshape(x, rest), x)]
        outs = [_like(build.tensor(f"row_{t}", x.dtype, rest), x) for t in range(steps)]
        joined = _joined(rest, axis, steps)
        if self._has("UNPACK") or joined is None or x.dtype == "BOOL":
            build.ops.append(make_op("UNPACK", [x], outs, num=steps, axis=axis))
            return outs
        whole = _like(build.reshape(x, joined), x)
        build.ops.append(make_op("SPLIT", [build.indices(axis), whole], outs, num_splits=steps))
        return outs


def together(build: Builder, has: Has, made: Mapping[Tensor, Op], last: Tensor) -> Tensor:
    """What DYNAMIC_UPDATE_SLICEs put in place one after the other, put together at once.

    Args:
        build: Where the ops go.
        has: Whether the targets have an op.
        made: The op that makes each tensor.
        last: What the last of them gives. Returned where it is none, or where parts do not fill
            the whole along one axis.
    """
    shape, found = last.shape or (), last
    parts: dict[tuple[int | None, int], Tensor] = {}
    while (op := made.get(found)) is not None and op.code == "DYNAMIC_UPDATE_SLICE":
        whole, part, start = op.inputs
        places = start.array if start is not None else None
        if whole is None or part is None or part.shape is None or places is None:
            return last
        wide = [k for k, size in enumerate(part.shape) if size != shape[k]]
        if len(wide) > 1 or any(place for k, place in enumerate(places) if k not in wide):
            return last
        axis = wide[0] if wide else None
        parts.setdefault((axis, int(places[axis]) if axis is not None else 0), part)
        found = whole
    if parts and next(iter(parts))[0] is None:
        return next(iter(parts.values()))  # the last one fills the whole
    axes = {axis for axis, _ in parts}
    if len(axes) != 1:
        return last
    (axis,) = axes
    assert axis is not None
    by_place = {at: part for (_, at), part in parts.items()}
    if sorted(by_place) != [*range(shape[axis])]:
        return last
    ordered = [by_place[at] for at in range(shape[axis])]
    if any((part.shape or ())[axis] != 1 for part in ordered):
        return last
    rows = [_squeezed(build, made, part, axis) for part in ordered]
    return _stacked(build, has, rows, axis, last)


def _stacked(build: Builder, has: Has, rows: list[Tensor], axis: int, like: Tensor) -> Tensor:
    shape, rest = like.shape or (), rows[0].shape or ()
    joined = _joined(rest, axis, len(rows))
    if has("PACK") or joined is None:
        count = len(rows)
        return _like(build.op("PACK", rows, like.dtype, shape, values_count=count, axis=axis), like)
    flat = _like(build.op("CONCATENATION", rows, like.dtype, joined, axis=axis), like)
    return _like(build.reshape(flat, shape), like)


def _squeezed(build: Builder, made: Mapping[Tensor, Op], part: Tensor, axis: int) -> Tensor:
    """A part of length 1 along an axis, without that axis."""
    op = made.get(part)
    x = op.inputs[0] if op is not None and op.inputs else None
    if op is not None and x is not None:
        if op.code == "EXPAND_DIMS" and x.shape is not None and x.data is None:
            at = op.inputs[1].array if op.inputs[1] is not None else None
            if at is not None and int(at.item()) == axis:
                return x
        if op.code in _ELEMENTWISE and x.data is None:
            inner = _squeezed(build, made, x, axis)
            out = _like(build.tensor("row", part.dtype, inner.shape), part)
            build.ops.append(
                Op(op.code, [inner], [out], dict(op.options), op.options_type, op.version)
            )
            return out
    shape = part.shape or ()
    return _like(build.reshape(part, (*shape[:axis], *shape[axis + 1 :])), part)


def _joined(rest: tuple[int, ...], axis: int, steps: int) -> tuple[int, ...] | None:
    """A row's shape with `steps` rows side by side; None where two sizes of it are open."""
    if axis >= len(rest):
        return None
    joined = (*rest[:axis], OPEN if rest[axis] == OPEN else steps * rest[axis], *rest[axis + 1 :])
    return joined if joined.count(OPEN) < 2 else None


def _like(tensor: Tensor, other: Tensor) -> Tensor:
    tensor.quantization = other.quantization
    return tensor
