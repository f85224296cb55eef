"""A dimension that is known is written down."""

from __future__ import annotations

from rnnlite_pipeline.graph.ir import OPEN, Model, Tensor
from rnnlite_pipeline.shapes.extents import Extents


def close_sizes(model: Model) -> bool:
    """Closes the dimensions of a pinned model that a loop was traced with as open.

    TensorFlow's inference of shapes ends at a loop: what stands behind one has an open batch also
    where each input is pinned. Runtimes that take closed sizes alone would refuse the model.

    1. Where all inputs of the main graph are closed, a dimension of one of its results is closed
       if it follows from theirs (shapes/extents.py).
    2. A model with an open input is left alone, and so are outputs: they have the shapes that the
       source says (sources/graphdef/functions.py).
    """
    main = model.main
    if any(tensor.shape is None or OPEN in tensor.shape for tensor in main.inputs):
        return False
    extents, changed = Extents(main), False
    inner = (t for op in main.ops for t in op.outputs if t not in main.outputs)
    for tensor in [t for t in inner if OPEN in (t.shape or ())]:
        shape = _known(extents, tensor)
        changed |= shape != tensor.shape
        tensor.shape = shape
    return changed


def _known(extents: Extents, tensor: Tensor) -> tuple[int, ...]:
    lengths = (extents.dimension(tensor, axis) for axis in range(len(tensor.shape or ())))
    return tuple(length.constant if length.is_constant else OPEN for length in lengths)
