"""Each output of a model is a tensor of its own."""

from __future__ import annotations

import numpy as np

from rnnlite_pipeline.graph.build import make_op
from rnnlite_pipeline.graph.edit import ports
from rnnlite_pipeline.graph.ir import OPEN, Model, Op, Tensor


def own_outputs(model: Model) -> bool:
    """Gives an output that is another output too, or an input, a tensor of its own.

    The last output of an LSTM is its last state, so a model that returns both has one tensor for
    the two. It cannot have both names then, and LiteRT.js gives one of them only.

    1. The second is a copy, and has the name that the signature gives it.
    2. The copy is a RESHAPE to the shape that it has, which accelerators take as well. Where
       several dimensions are open, or there is none, it is a CAST to the same type, which takes
       any shape (kernels/cast.cc).
    """
    main, seen, changed = model.main, {*model.main.inputs}, False
    for place, (name, tensor) in enumerate(ports(model, "outputs")):
        if tensor not in seen:
            seen.add(tensor)
            continue
        copy = Tensor(name, tensor.dtype, tensor.shape)
        main.ops.append(_copying(tensor, copy))
        main.outputs[place] = copy
        for signature in model.signatures:
            if signature.subgraph is main and signature.outputs.get(name) is tensor:
                signature.outputs[name] = copy
        changed = True
    return changed


def _copying(tensor: Tensor, copy: Tensor) -> Op:
    """Rule 2."""
    shape = tensor.shape
    if not shape or shape.count(OPEN) > 1:
        return make_op("CAST", [tensor], [copy])
    wanted = Tensor.constant(f"{copy.name}/shape", np.array(shape, np.int32))
    return make_op("RESHAPE", [tensor, wanted], [copy], new_shape=list(shape))
