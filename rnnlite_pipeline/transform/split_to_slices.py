"""Splits into single columns are slices."""

from __future__ import annotations

from math import prod

import numpy as np

from rnnlite_pipeline.graph.build import make_op
from rnnlite_pipeline.graph.ir import Model, Op, Subgraph, Tensor


def split_to_slices(model: Model) -> bool:
    """Writes a SPLIT whose parts are one number wide as a slice for each part.

    1. A part is one number wide where its dimensions from the axis on are all 1.
    2. In the main graph a slice is a STRIDED_SLICE, as static as the split.
    3. In a loop or a branch it is a SLICE, which is sized at run time: the default delegate
       (XNNPACK) then leaves what follows it alone. Nothing there relies on sizes that are known
       early (lower/lowering.py).

    Why: where such a split stands in a loop's body, ai-edge-litert 2.3 returns other numbers in
    the first call after an input of the model has grown, depending on where memory lies, if what
    follows the loop is delegated as well. Measured: an LSTM of one unit was wrong in up to one
    call of four. Static slices made that rare, and the body on plain kernels ended it; with two
    units there was none in thousands of calls.
    """
    changed = False
    for subgraph in model.subgraphs:
        changed |= _rewrite(subgraph, static=subgraph is model.main)
    return changed


def _rewrite(subgraph: Subgraph, static: bool) -> bool:
    ops = [new for op in subgraph.ops for new in (_slices(op, static) if _is_narrow(op) else [op])]
    changed = len(ops) != len(subgraph.ops)
    subgraph.ops = ops
    return changed


def _is_narrow(op: Op) -> bool:
    if op.code != "SPLIT" or op.inputs[0] is None or op.inputs[0].array is None:
        return False
    shape = op.outputs[0].shape or ()
    return len(op.outputs) > 1 and len(shape) > 0 and prod(shape[_axis(op) :]) == 1


def _axis(op: Op) -> int:
    axis, shape = op.inputs[0], op.outputs[0].shape
    assert axis is not None and axis.array is not None and shape is not None  # noqa: PT018
    return int(axis.array.item()) % len(shape)


def _slices(op: Op, static: bool) -> list[Op]:
    """Part k is [k, k + 1) along the axis, and whole along the others."""
    whole, axis = op.inputs[1], _axis(op)
    rank = len(op.outputs[0].shape or ())
    here, others = np.arange(rank) == axis, (1 << rank) - 1 & ~(1 << axis)
    code = "STRIDED_SLICE" if static else "SLICE"
    masks = {"begin_mask": others, "end_mask": others} if static else {}
    made = []
    for k, part in enumerate(op.outputs):
        bounds = {"begin": here * k, "end": here * (k + 1), "stride": np.ones(rank)}
        if not static:
            bounds = {"begin": here * k, "size": np.where(here, 1, -1)}
        constants = [
            Tensor.constant(f"{part.name}/{name}", value.astype(np.int32))
            for name, value in bounds.items()
        ]
        made.append(make_op(code, [whole, *constants], [part], **masks))
    return made
