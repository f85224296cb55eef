"""The lists that a loop writes: how long they are, and what is in them before."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

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


@dataclass(frozen=True, eq=False)
class Start:
    """A list as a loop starts with it.

    Attributes:
        length: How many items it has.
        items: Those that are there, by their places.
        whole: All of them as one tensor [L, B, n], where it is one.
    """

    length: Linear
    items: Mapping[Linear, Tensor] = field(default_factory=dict)
    whole: Tensor | None = None


def list_start(tensor: Tensor | None, extents: Extents) -> Start:
    """The list that a loop starts with.

    Raises:
        Unrecognised: It comes from somewhere else than the loop's own graph.
    """
    if tensor is not None and tensor.dtype != "VARIANT":
        return Start(extents.dimension(tensor, 0), whole=tensor)
    items: dict[Linear, Tensor] = {}
    op = extents.producer(tensor)
    while op is not None and op.code == "FlexTensorListSetItem":
        listed, place, item = op.inputs
        if place is None or item is None:
            break
        items.setdefault(extents.scalar(place), item)
        op = extents.producer(listed)
    if op is None or op.code != "FlexTensorListReserve" or op.inputs[1] is None:
        raise Unrecognised("the list it writes was not new")
    return Start(extents.scalar(op.inputs[1]), items)
