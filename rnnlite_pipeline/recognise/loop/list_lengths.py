"""How long the lists are that a loop writes."""

from __future__ import annotations

from rnnlite_pipeline.graph.ir import Tensor
from rnnlite_pipeline.recognise.loop.loop import Unrecognised
from rnnlite_pipeline.shapes.extents import Extents
from rnnlite_pipeline.shapes.linear import Linear


def longer(one: Linear, other: Linear) -> Linear:
    """The larger of two lengths, neither of them negative.

    Raises:
        Unrecognised: Which one it is, is known only at run time.
    """
    difference = one - other
    if other == Linear():
        return one
    if not difference.is_constant:
        raise Unrecognised("whether the list it writes grows is known only at run time")
    return one if difference.constant > 0 else other


def list_length(tensor: Tensor | None, extents: Extents) -> Linear:
    """How many items the list has that a loop starts with.

    Raises:
        Unrecognised: It was filled before.
    """
    if tensor is not None and tensor.dtype != "VARIANT":
        return extents.dimension(tensor, 0)
    reserve = extents.producer(tensor)
    if reserve is not None and reserve.code == "FlexTensorListSetItem":
        raise Unrecognised(
            "its list has an item from before the loop, as of tf.scan without an initializer"
        )
    if reserve is None or reserve.code != "FlexTensorListReserve" or reserve.inputs[1] is None:
        raise Unrecognised("the list it writes was not new")
    return extents.scalar(reserve.inputs[1])
