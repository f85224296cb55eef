"""The numbers that two graphs are compared on: how many, how large, and of which kind."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from rnnlite_pipeline.compare.distance import Array, Arrays
from rnnlite_pipeline.graph.ir import NUMPY, OPEN, Tensor
from rnnlite_pipeline.recognise import Replacement
from rnnlite_pipeline.shapes.extents import Extents
from rnnlite_pipeline.shapes.linear import Linear

#: Over more steps than these, integers that steps are multiplied by are 0 and 1.
MANY = 9

#: How many steps at either end of a sequence are of magnitude 1 where the rest is `FLOOD`.
ENDS = 2

#: A magnitude at which sigmoids and hyperbolic tangents saturate: what a state was before is
#: forgotten, and so are the roundings of it.
FLOOD = 300.0


@dataclass(frozen=True)
class Draw:
    """One set of inputs: their size where it is open, and their kind.

    Attributes:
        steps: T, where the loop's length is open; for a whole model, every open length.
        batch: B, and any other open dimension.
        magnitude: The standard deviation of the numbers, or the number itself if `constant`.
        kind: "normal"; "constant": every element is the same; "flooded": a whole model's
            sequences have `FLOOD` times the magnitude, but for `ENDS` steps at either end. A
            state forgets all before the flood, and what is left of the sequence is short.
    """

    steps: int
    batch: int
    magnitude: float = 1.0
    kind: str = "normal"

    @property
    def proves(self) -> bool:
        """Whether agreement on it is evidence: of one step, or of equal ones, no order shows."""
        return self.steps > 1 and self.kind != "constant"


#: For a loop that is stopped after its first steps, its states away from zero. Small numbers do
#: not saturate what is steep; large ones open gates that are nearly shut.
FEW = (
    Draw(steps=3, batch=4),
    Draw(steps=3, batch=4, magnitude=1 / 16),
    Draw(steps=3, batch=4, magnitude=1 / 512),
    Draw(steps=2, batch=4, magnitude=20.0),
    Draw(steps=1, batch=4, magnitude=20.0),
)

#: For a loop, or steps written out, as they are.
EXCERPT = (
    Draw(steps=9, batch=3),
    Draw(steps=1, batch=1),
    Draw(steps=40, batch=1, magnitude=20.0),
    Draw(steps=40, batch=3, kind="constant"),
    # Memory is handed out in 64 bytes: a state that is too small for its batch shows from here.
    Draw(steps=5, batch=65),
)

#: The same, where a run is not cheap.
COSTLY_EXCERPT = (
    Draw(steps=5, batch=2),
    Draw(steps=1, batch=1),
    Draw(steps=9, batch=1, magnitude=20.0),
)

#: For a whole model. Convolutions and poolings in front of a recurrence need some steps.
WHOLE = (
    Draw(steps=24, batch=3),
    Draw(steps=24, batch=2, magnitude=1 / 16),
    Draw(steps=24, batch=1, magnitude=20.0),
    Draw(steps=24, batch=3, kind="constant"),
    Draw(steps=24, batch=3, kind="flooded"),
)

#: For a whole model of which a run is not cheap.
COSTLY = (
    Draw(steps=5, batch=2),
    Draw(steps=5, batch=2, magnitude=1 / 16),
    Draw(steps=9, batch=1, magnitude=20.0),
)

#: For a whole model in which the others leave an output without evidence.
SHORT = (Draw(steps=3, batch=4), Draw(steps=3, batch=4, magnitude=1 / 16))


def of_replacement(
    replacement: Replacement, original: Sequence[Tensor], draws: tuple[Draw, ...]
) -> Iterator[Arrays]:
    """Numbers for an excerpt's inputs, a set for each draw.

    Args:
        replacement: What takes the place of what.
        original: The tensors that the excerpt's inputs are in the model.
        draws: How long, how many, how large.
    """
    loop, extents = replacement.loop, replacement.extents
    read = [extents.dimension(r.tensor, r.axis) for r in loop.readings.values()]
    lengths = {name for length in (loop.steps, *read) for name, _ in length.factors}
    closed = [length.constant for length in read if length.is_constant]
    for number, draw in enumerate(draws):
        random = np.random.default_rng(number)
        # Among sequences of closed and of open length, none is shorter than the loop.
        known = loop.steps.is_constant
        steps = max(draw.steps, loop.steps.constant) if known else min([draw.steps, *closed])
        # No list has room for no step, and half of a step is none.
        steps = max(steps, *(int(name.rpartition("//")[2]) for name in lengths if "//" in name), 1)
        sizes = {n: steps if n in lengths else draw.batch for n in _open(original, extents)}
        arrays = {}
        for k, tensor in enumerate(t for t in original if t.dtype in NUMPY):
            axes = range(len(tensor.shape or ()))
            shape = [_size(extents.dimension(tensor, a), sizes) for a in axes]
            arrays[f"input_{k}"] = _values(draw, shape, NUMPY[tensor.dtype], random)
        yield arrays


@dataclass(frozen=True, eq=False)
class Interface:
    """What a whole model takes.

    Attributes:
        inputs: The inputs by name.
        axes: The batch's axis of each; 0 where none is named.
        limits: For an input of whole numbers, those it takes, where they are known.
        first: For an input that takes a state, the value that it starts from.
    """

    inputs: Mapping[str, Tensor]
    axes: Mapping[str, int]
    limits: Mapping[str, range]
    first: Mapping[str, Array]


def of_model(draw: Draw, seed: int, model: Interface) -> Arrays:
    """Numbers for a model's inputs; integers are small where no limit is known."""
    random = np.random.default_rng(seed)
    limits, first = model.limits, model.first
    arrays = {}
    for name, tensor in model.inputs.items():
        batch = model.axes.get(name, 0)
        open_ = [draw.steps] * len(tensor.shape or ())
        if open_:
            open_[batch] = draw.batch
        shape = [o if d == OPEN else d for d, o in zip(tensor.shape or (), open_, strict=True)]
        dtype = NUMPY[tensor.dtype]
        if name in first:
            arrays[name] = np.resize(first[name], shape)
        elif name in limits or dtype.kind in "iub":
            values = limits.get(name, range(2))
            arrays[name] = random.integers(values.start, values.stop, shape).astype(dtype)
        else:
            array = _values(draw, shape, dtype, random)
            if draw.kind == "flooded" and len(shape) > 2:
                _flood(array, 0 if batch == 1 else 1)
            arrays[name] = array
    return arrays


def scaled(arrays: Mapping[str, Array], scale: float) -> Arrays:
    """The arrays with each float times `scale`."""
    return {
        n: np.asarray(a * scale, a.dtype) if a.dtype.kind == "f" else a for n, a in arrays.items()
    }


def _flood(array: Array, axis: int) -> None:
    """Makes all but both ends along an axis `FLOOD` times as large, in place."""
    middle = [slice(None)] * array.ndim
    middle[axis] = slice(ENDS, -ENDS)
    array[tuple(middle)] *= FLOOD


def _values(
    draw: Draw, shape: list[int], dtype: np.dtype[Any], random: np.random.Generator
) -> Array:
    """The draw's numbers; integers are lengths, from none to all of the steps.

    A matrix of integers is a mask, or classes: over many steps, products with more than 1 overflow.
    """
    if dtype.kind in "iub":
        is_mask = dtype.kind == "b" or (len(shape) > 1 and draw.steps > MANY)
        most = 1 if is_mask else draw.steps
        return random.integers(0, most + 1, shape).astype(dtype)
    if draw.kind == "constant":
        return np.full(shape, draw.magnitude, dtype)
    return random.normal(0.0, draw.magnitude, shape).astype(dtype)


def _open(tensors: Sequence[Tensor], extents: Extents) -> set[str]:
    """The symbols of every open dimension."""
    dimensions = [
        extents.dimension(t, axis)
        for t in tensors
        for axis, length in enumerate(t.shape or ())
        if length == OPEN
    ]
    return {name for dimension in dimensions for name, _ in dimension.factors}


def _size(dimension: Linear, sizes: Mapping[str, int]) -> int:
    return dimension.constant + sum(factor * sizes[name] for name, factor in dimension.factors)
