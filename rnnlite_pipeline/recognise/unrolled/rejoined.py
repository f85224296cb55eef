"""States that stand side by side between the steps, and are cut apart again in each.

An LSTM of TensorFlow 1 may carry h and c as one tensor: BasicLSTMCell with state_is_tuple=False
joins them behind each step and splits them in the next one.
"""

from __future__ import annotations

from rnnlite_pipeline.graph.edit import producers
from rnnlite_pipeline.graph.ir import OPEN, Op, Subgraph, Tensor

#: Where each op that cuts has its operand and its axis.
_CUTS = {"SPLIT": (1, 0), "SPLIT_V": (0, 2)}


def cut_joins(subgraph: Subgraph) -> bool:
    """Lets what was joined be read itself where it is cut out again, in place.

    1. The parts are as wide as what was joined, along the same axis: each part is one operand.
    2. What the graph returns is still made by the op that cuts.

    Returns:
        Whether there was any.
    """
    made, same = producers(subgraph), dict[Tensor, Tensor]()
    for op in subgraph.ops:
        op.inputs = [same.get(t, t) if t is not None else None for t in op.inputs]
        if op.code in _CUTS:
            same.update(zip(op.outputs, _joined(op, made), strict=False))
    return bool(same)


def _joined(cut: Op, made: dict[Tensor, Op]) -> list[Tensor]:
    """The operands of the CONCATENATION that an op takes apart; none where it does not."""
    whole, axis = (cut.inputs[k] for k in _CUTS[cut.code])
    join = made.get(whole) if whole is not None else None
    if join is None or join.code != "CONCATENATION" or axis is None or axis.array is None:
        return []
    parts = [t for t in join.inputs if t is not None]
    rank = len(cut.outputs[0].shape or ())
    place = int(axis.array.item()) % max(rank, 1)
    plain = join.options["fused_activation_function"] == "NONE"
    if not plain or not rank or int(join.options["axis"]) % rank != place:
        return []
    alike = all(len(t.shape or ()) == rank and t.dtype == "FLOAT32" for t in parts)
    widths = [(t.shape or ())[place] for t in parts] if alike else []
    cuts = [(t.shape or (OPEN,) * rank)[place] for t in cut.outputs]
    return parts if widths == cuts and OPEN not in widths else []
