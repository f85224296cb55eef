"""Which step of which sequence a tensor is."""

from __future__ import annotations

import pytest

from rnnlite_pipeline.graph.build import Builder
from rnnlite_pipeline.graph.ir import OPEN, Subgraph, Tensor
from rnnlite_pipeline.recognise.unrolled.chains import Straight
from rnnlite_pipeline.recognise.unrolled.places import Place, consecutive, part, places

SHAPE = (4, 4, 3)
X = Tensor("x", "FLOAT32", SHAPE)


def of(build: Builder, *taken: Tensor) -> list[tuple[int, int] | None]:
    """(axis, position) of tensors."""
    known = places(Straight(Subgraph("g", [X], [], build.ops)))
    found = [known.get(id(t)) for t in taken]
    assert all(p is None or p.sequence is X for p in found)
    return [None if p is None else (p.axis, p.position) for p in found]


@pytest.mark.parametrize("axis", [0, 1])
def test_every_way_to_take_a_step(axis: int) -> None:
    """UNPACK, a slice, GATHER, and SPLIT with the axis taken off."""
    build, shape = Builder("g"), (4, 3)
    unpacked = build.unpack(X, axis)
    sliced = [build.step(X, axis, k) for k in (1, -1)]
    gathered = build.op("GATHER", [X, build.indices(2)], "FLOAT32", shape, axis=axis - 3)
    parts = build.split(X, 4, axis)
    flat = build.reshape(parts[3], shape)
    squeezed = build.op("SQUEEZE", [parts[0]], "FLOAT32", shape, squeeze_dims=[axis])
    found = of(build, *unpacked, *sliced, gathered, flat, squeezed)
    assert found == [(axis, k) for k in (0, 1, 2, 3, 1, 3, 2, 3, 0)]


def test_what_is_no_step() -> None:
    """Features, positions that are computed or several, a reshape of another axis."""
    build = Builder("g")
    features = build.unpack(X, 2)
    feature = build.step(X, 2, 1)
    moving = build.gather(X, Tensor("i", "INT32", ()))
    several = build.op("GATHER", [X, build.indices([1])], "FLOAT32", (1, 4, 3))
    by_batch = build.op("GATHER", [X, build.indices(1)], "FLOAT32", (4, 3), batch_dims=1, axis=1)
    assert of(build, *features, feature, moving, several, by_batch) == [None] * 7
    wide = build.split(X, 2, 0)
    build.reshape(wide[0], (8, 3))
    assert of(build, build.ops[-1].outputs[0]) == [None]


def test_the_last_step_of_an_open_length_has_no_number() -> None:
    """Its position from the end says nothing of the one from the start."""
    build, x = Builder("g"), Tensor("x", "FLOAT32", (OPEN, 4, 3))
    last, second = build.step(x, 0, -1), build.step(x, 0, 1)
    known = places(Straight(Subgraph("g", [x], [], build.ops)))
    assert id(last) not in known
    assert known[id(second)] == Place(x, 0, 1)


@pytest.mark.parametrize(
    ("positions", "fits"),
    [
        ([0, 1, 2], True),
        ([3, 2], True),
        ([0, 2], False),
        ([0, 1, 0], False),
        ([1], False),
        ([1, 1], False),
        ([0, None], False),
    ],
)
def test_steps_one_after_the_other(positions: list[int | None], fits: bool) -> None:
    """In either direction, two at least, and each of them known."""
    given = [None if k is None else Place(X, 0, k) for k in positions]
    assert consecutive(given) == (tuple(given) if fits else ())


def test_steps_of_two_sequences_are_not() -> None:
    """Nor those along two axes."""
    other = Tensor("y", "FLOAT32", SHAPE)
    assert consecutive([Place(X, 0, 0), Place(other, 0, 1)]) == ()
    assert consecutive([Place(X, 0, 0), Place(X, 1, 1)]) == ()


def test_a_part_of_a_sequence() -> None:
    """All of it is itself."""
    build = Builder("g")
    assert part(build, Place(X, 1, 0), 0, 4) is X
    assert part(build, Place(X, 1, 1), 1, 2).shape == (4, 2, 3)
    operands = [t.array for t in build.ops[0].inputs[1:] if t is not None]
    assert [int(places[1]) for places in operands if places is not None] == [1, 3, 1]
