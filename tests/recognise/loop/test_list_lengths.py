"""The lists that a loop starts with, and how long they become."""

from __future__ import annotations

import pytest

from rnnlite_pipeline.graph.build import Builder
from rnnlite_pipeline.graph.ir import OPEN, Subgraph, Tensor
from rnnlite_pipeline.recognise.loop.list_lengths import list_start, longer
from rnnlite_pipeline.recognise.loop.loop import Unrecognised
from rnnlite_pipeline.shapes.extents import Extents
from rnnlite_pipeline.shapes.linear import Linear
from tests.recognise.author import custom, set_item
from tests.recognise.tensors import tensor

T = Linear.symbol("T")


@pytest.mark.parametrize(
    ("one", "other", "result"),
    [
        (Linear(3), Linear(5), Linear(5)),
        (Linear(5), Linear(3), Linear(5)),
        (T, T + Linear(1), T + Linear(1)),
        (T, Linear(), T),
        (Linear(), Linear(), Linear()),
    ],
)
def test_the_longer_of_two(one: Linear, other: Linear, result: Linear) -> None:
    """No length is negative, so every one is as long as an empty list."""
    assert longer(one, other) == result


def test_which_is_longer_can_be_unknown() -> None:
    """T or 5 is known at run time only."""
    with pytest.raises(Unrecognised, match="run time"):
        longer(T, Linear(5))


def test_a_new_list_has_the_items_written_before_the_loop() -> None:
    """By their places; of two in one place the later one."""
    build = Builder("g")
    listed = custom(build, "Reserve", [build.indices([2]), build.indices(4)], _list())
    items = [tensor(2, 3) for _ in range(3)]
    for place, item in zip((0, 2, 0), items, strict=True):
        listed = set_item(build, listed, build.indices(place), item)
    start = list_start(listed, Extents(Subgraph("g", [], [], build.ops)))
    assert start.length == Linear(4)
    assert start.items == {Linear(0): items[2], Linear(2): items[1]}
    assert start.whole is None


def test_a_list_that_is_one_tensor() -> None:
    """It is as long as its first axis."""
    whole = tensor(7, 2, 3)
    start = list_start(whole, Extents(Subgraph("g", [whole])))
    assert (start.length, start.whole) == (Linear(7), whole)
    open_one = tensor(OPEN, 2, 3)
    extents = Extents(Subgraph("g", [open_one]))
    assert list_start(open_one, extents).length == extents.dimension(open_one, 0)


def test_a_list_from_elsewhere_is_refused() -> None:
    """An input of the graph, and none at all: what is in it is not known."""
    listed = _list()
    for given in (listed, None):
        with pytest.raises(Unrecognised, match="not new"):
            list_start(given, Extents(Subgraph("g", [listed])))


def _list() -> Tensor:
    return Tensor("list", "VARIANT", ())
