"""Pooling over volumes as builtin ops: LiteRT has no MaxPool3D and no AvgPool3D.

Networks of ConvLSTM layers have it between their layers.

Rules (tensorflow/core/kernels/pooling_ops_3d.cc has the meaning of the window, stride and padding):
    1. The window is a product of an interval of depth and a rectangle. So the pool over it is the
       pool over the rectangle, and then over the depth: also a mean, as SAME padding counts in
       neither, and each rectangle at a place has as many numbers as any other at this place.
    2. The first is a MAX_POOL_2D or AVERAGE_POOL_2D of [B * D, H, W, C], the second one of
       [B, D, H * W, C]. What has a window and a stride of 1 is left out.
    3. H, W and C are closed, or the op stays. Where both B and D are open, they are read off x.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rnnlite_pipeline.graph.build import Builder
from rnnlite_pipeline.graph.edit import replace_ops
from rnnlite_pipeline.graph.ir import OPEN, Model, Op, Tensor
from rnnlite_pipeline.graph.schema import enum_values
from rnnlite_pipeline.sources.graphdef.flex import node_of

_CODES = {"FlexMaxPool3D": "MAX_POOL_2D", "FlexAvgPool3D": "AVERAGE_POOL_2D"}


def pools_to_builtin(model: Model) -> None:
    """Replaces every FlexMaxPool3D and FlexAvgPool3D over channels that are last, in place."""
    for code in _CODES:
        replace_ops(model, code, _builtin)


def _builtin(op: Op) -> list[Op]:
    """The ops that compute what `op` does; none where rule 3 does not hold."""
    (x,) = op.inputs
    attributes = node_of(op.custom_options or b"")[1].attr
    known = x is not None and x.dtype == "FLOAT32" and x.shape is not None
    if x is None or not known or OPEN in (x.shape or ())[2:]:
        return []
    window, stride = (list(attributes[name].list.i) for name in ("ksize", "strides"))
    if attributes["data_format"].s not in (b"", b"NDHWC") or window[0] != 1 or window[4] != 1:
        return []
    build = Builder(op.outputs[0].name)
    pool = _Pool(build, _CODES[op.code], attributes["padding"].s.decode())
    y = pool.over_rectangles(x, window[2:4], stride[2:4])
    y = pool.over_depth(y, window[1], stride[1])
    if not build.ops:
        y = build.reshape(x, build.shape(x))
    (out,) = build.ops[-1].outputs = op.outputs
    out.shape = y.shape if out.shape is None else out.shape
    return build.ops


class _Pool:
    """Writes the pools in two dimensions that a pool in three is made of."""

    def __init__(self, build: Builder, code: str, padding: str) -> None:
        self._build, self._code, self._padding = build, code, padding

    def over_rectangles(self, x: Tensor, window: Sequence[int], stride: Sequence[int]) -> Tensor:
        """x [B, D, H, W, C] pooled over H and W."""
        if [*window, *stride] == [1, 1, 1, 1]:
            return x
        batch, depth, *image = x.shape or ()
        rows = OPEN if OPEN in (batch, depth) else batch * depth
        y = self._pooled(self._build.reshape(x, [rows, *image]), window, stride)
        return self._reshaped(y, x, (y.shape or ())[1:])

    def over_depth(self, x: Tensor, window: int, stride: int) -> Tensor:
        """x [B, D, H, W, C] pooled over D."""
        if (window, stride) == (1, 1):
            return x
        _, _, height, width, channels = x.shape or ()
        y = self._reshaped(x, x, [height * width, channels])
        y = self._pooled(y, [window, 1], [stride, 1])
        return self._reshaped(y, y, [height, width, channels])

    def _pooled(self, x: Tensor, window: Sequence[int], stride: Sequence[int]) -> Tensor:
        batch, *image, channels = x.shape or ()
        pairs = zip(image, window, stride, strict=True)
        shape = [batch, *(self._length(*each) for each in pairs), channels]
        options: dict[str, Any] = {"padding": enum_values("Padding")[self._padding]}
        options |= {"filter_height": window[0], "filter_width": window[1]}
        options |= {"stride_h": stride[0], "stride_w": stride[1]}
        return self._build.op(self._code, [x], x.dtype, shape, **options)

    def _length(self, size: int, window: int, stride: int) -> int:
        if size == OPEN:
            return OPEN
        return -(-(size if self._padding == "SAME" else size - window + 1) // stride)

    def _reshaped(self, x: Tensor, like: Tensor, rest: Sequence[int]) -> Tensor:
        """x as [B, D, *rest], with the batch and the depth of another tensor."""
        first = (like.shape or ())[:2]
        if first.count(OPEN) < len(first):
            return self._build.reshape(x, [*first, *rest])
        sizes = self._build.part(self._build.shape(like), 0, 0, 2)
        shape = self._build.concatenate([sizes, self._build.indices([*rest])], 0)
        y = self._build.reshape(x, shape)
        y.shape = (*first, *rest)
        return y
