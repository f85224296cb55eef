"""Translation validation: each rewritten loop is run, the old graph against the new.

Both are cut out of the model with what they read as inputs, and run on the same numbers: random
and extreme ones, states away from zero, long and short, one batch entry and several, twice. A
rewrite that differs is not made. The method is that of Pnueli, Siegel and Singerman (1998).
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnlite_pipeline.batch_axis import axes_of_model
from rnnlite_pipeline.errors import StageError
from rnnlite_pipeline.excerpts import around, excerpts, replaced
from rnnlite_pipeline.graph.ir import NUMPY, OPEN, Model, Tensor
from rnnlite_pipeline.lower import lower
from rnnlite_pipeline.lower.fusable import why_not_fused
from rnnlite_pipeline.partition import open_runner
from rnnlite_pipeline.recognise import Replacement
from rnnlite_pipeline.recognise.extents import Extents
from rnnlite_pipeline.recognise.linear import Linear
from rnnlite_pipeline.runtime import Kernels
from rnnlite_pipeline.transform.tensor_lists import tensor_lists_to_tensors

Arrays = dict[str, NDArray[Any]]

#: How far old and new may differ, as a part of the output's largest magnitude. Besides, what
#: rounding does is no difference (`rounding`).
TOLERANCE = 1e-5

#: How long open dimensions but the batch are when a whole model is run: convolutions and
#: poolings in front of a recurrence need more than a few steps.
WHOLE_LENGTH = 24

#: How many times as far as one rounding of every input and weight moves the old graph's outputs
#: the new one's may be. A sum of n products that is made in another order is off by some sqrt(n)
#: roundings (Higham, Accuracy and Stability of Numerical Algorithms, 2002, section 4.2): 64 for
#: the 4,096 products of a wide layer.
ROUNDINGS = 64.0

#: How often that is measured: which of the roundings go up and which down is left to chance.
SAMPLES = 2

#: The smallest scale of the numbers that a loop is run on where it overflows on larger ones.
SMALLEST = 1 / 64

#: Where an output is as large, something overflowed on the way: its square is no float32.
LARGEST = 1.8e19

#: Over more steps than these, integers that steps are multiplied by are 0 and 1.
MANY = 9

#: Outputs smaller than this are compared as if they were this large.
SMALLEST_SCALE = 0.1


@dataclass(frozen=True)
class Draw:
    """One set of inputs: their size where it is open, and their kind.

    Attributes:
        steps: T, where the loop's length is open.
        batch: B, and any other open dimension.
        magnitude: The standard deviation of the numbers, or the number itself if `constant`.
        constant: Whether every element is the same.
    """

    steps: int
    batch: int
    magnitude: float
    constant: bool = False


DRAWS = (
    Draw(steps=9, batch=3, magnitude=1.0),
    Draw(steps=1, batch=1, magnitude=1.0),
    Draw(steps=40, batch=1, magnitude=20.0),
    Draw(steps=40, batch=3, magnitude=1.0, constant=True),
    # Memory is handed out in 64 bytes: a state that is too small for its batch shows from here.
    Draw(steps=5, batch=65, magnitude=1.0),
)


def objection(replacement: Replacement) -> str | None:
    """Why a loop, or steps written out, must stay: the two graphs differ. None: replace it.

    Steps written out are replaced by fused ops alone: as a loop they would be slower.
    """
    if replacement.replaced:
        unfused = next(filter(None, map(why_not_fused, replacement.recurrences)), None)
        if unfused:
            return unfused
    old, new = excerpts(replacement)
    reasons: list[str] = []
    tensor_lists_to_tensors(old, reasons)
    if reasons:
        return f"the rewrite could not be checked against the loop: {reasons[0]}"
    lower(old)
    lower(new)
    try:
        difference = largest_difference(old, new, _inputs(replacement))
    except StageError as problem:
        return f"the rewrite could not be checked against the loop: {problem.message}"
    if difference > TOLERANCE:
        return f"the rewrite differs from the loop by {difference:.1e} of its scale when run"
    return None


def check_whole(
    old: Model,
    new: Model,
    limits: Mapping[str, range] | None = None,
    first: Mapping[str, NDArray[Any]] | None = None,
) -> None:
    """Runs the converted model against the source's graph: what the passes did around the loops.

    Args:
        old: The source's graph with its loops, on plain tensors; its ops are all builtin.
        new: The converted model.
        limits: For an input of whole numbers, those it takes, where they are known.
        first: For an input that takes a state, the value that `old` starts from.

    Raises:
        StageError: They differ.
    """
    limits, first = limits or {}, first or {}
    difference = largest_difference(old, new, _whole_inputs(old, new, limits, first))
    if difference > TOLERANCE:
        raise StageError(
            f"The converted model differs from its source's graph by {difference:.1e} of its"
            " scale when both are run.",
            "This is a fault of rnnlite: report it with the model; `bidirectional: split` and"
            " `time_major: keep` may avoid it.",
        )


def _whole_inputs(
    old: Model, new: Model, limits: Mapping[str, range], first: Mapping[str, NDArray[Any]]
) -> Iterator[Arrays]:
    """Numbers for a model's inputs; integers are small where no limit is known."""
    axes = axes_of_model(old, open_runner(old, "reference", stand_ins=True).run, limits)
    for number, draw in enumerate(DRAWS):
        random = np.random.default_rng(number)
        arrays = {}
        for name, tensor in new.signatures[0].inputs.items():
            open_ = [WHOLE_LENGTH] * len(tensor.shape or ())
            if open_:
                open_[axes.inputs.get(name, 0)] = draw.batch
            shape = [o if d == OPEN else d for d, o in zip(tensor.shape or (), open_, strict=True)]
            dtype = NUMPY[tensor.dtype]
            real = random.normal(0.0, draw.magnitude, shape).astype(dtype)
            values = limits.get(name, range(2))
            index = random.integers(values.start, values.stop, shape).astype(dtype)
            arrays[name] = index if name in limits or dtype.kind in "iub" else real
            if name in first:
                arrays[name] = np.resize(first[name], shape)
        yield arrays


def largest_difference(old: Model, new: Model, inputs: Iterator[Arrays]) -> float:
    """How far two models of one interface are apart, relative to the old one's scale.

    The old one runs once on reference kernels; the new one twice on reference kernels and twice
    on the default delegate, so that a state that leaks from call to call counts as a difference.
    Infinite where one is finite and the other is not; 0 where rounding alone explains it. Where
    the old one overflows and they differ, numbers say nothing, and smaller ones are taken: a loop
    that multiplies its state by what it reads, as by a mask, is made for small ones.
    """
    kernels: tuple[Kernels, ...] = ("reference", "default")
    expected = open_runner(old, "reference", stand_ins=True)
    roundings = [
        (seed, open_runner(_rounded_weights(old, seed), "reference", stand_ins=True))
        for seed in range(SAMPLES)
    ]
    runners = [open_runner(new, k, stand_ins=True) for k in kernels]

    def difference(arrays: Arrays, scale: float) -> float:
        numbers = _scaled(arrays, scale)
        reference = expected.run(numbers)
        moved = (apart(reference, r.run(_rounded(numbers, seed))) for seed, r in roundings)
        explained = ROUNDINGS * max(moved)
        found = max(apart(reference, r.run(numbers)) for r in runners for _ in range(2))
        if found <= explained:
            return 0.0
        smaller = scale > SMALLEST and _overflows(reference)
        return difference(arrays, scale / 8.0) if smaller else found

    return max((difference(arrays, 1.0) for arrays in inputs), default=0.0)


def _scaled(arrays: Arrays, scale: float) -> Arrays:
    """The arrays with each float times `scale`."""
    floats = {n: a for n, a in arrays.items() if a.dtype.kind == "f"}
    return {**arrays, **{n: np.asarray(a * scale, a.dtype) for n, a in floats.items()}}


def _overflows(arrays: Arrays) -> bool:
    """Whether a number is infinite, or so large that kernels cut off there."""
    return any(not (np.abs(a) < LARGEST).all() for a in arrays.values() if a.dtype.kind == "f")


def _rounded_weights(model: Model, seed: int) -> Model:
    """The model with every float weight off by one rounding.

    A layer that rounds otherwise is one that computes exactly with weights and inputs a little
    off (Higham, section 3.5): so roundings inside a model, layer after layer, are seen as well.
    """
    moved, random = copy.deepcopy(model), np.random.default_rng(seed)
    constants = {id(t): t for op in moved.ops() for t in op.inputs if t is not None}
    for tensor in constants.values():
        array = tensor.array
        if array is not None and tensor.dtype == "FLOAT32":
            tensor.data = _off_by_one(array, random).tobytes()
    return moved


def _rounded(arrays: Arrays, seed: int) -> Arrays:
    """The arrays with each float off by one rounding."""
    random = np.random.default_rng(seed)
    return {n: _off_by_one(a, random) if a.dtype.kind == "f" else a for n, a in arrays.items()}


def _off_by_one(array: NDArray[Any], random: np.random.Generator) -> NDArray[Any]:
    """Each number off by one in its last place, up or down at random; zeros stay."""
    away = np.where(random.integers(0, 2, array.shape) == 1, np.inf, -np.inf)
    return np.where(array == 0, array, np.nextafter(array, away.astype(array.dtype)))


def apart(reference: Arrays, results: Arrays) -> float:
    """The largest difference of two sets of results, relative to the first one's scale.

    Infinite where the shapes differ, or one is finite and the other is not.
    """
    worst = 0.0
    for name, a in reference.items():
        b = results[name]
        if a.shape != b.shape or not np.array_equal(np.isfinite(a), np.isfinite(b)):
            return float("inf")
        if not a.size:
            continue
        p, q = (np.nan_to_num(v.astype(np.float64), posinf=0.0, neginf=0.0) for v in (a, b))
        scale = max(SMALLEST_SCALE, float(np.abs(p).max()))
        worst = max(worst, float(np.abs(p - q).max()) / scale)
    return worst


def _inputs(replacement: Replacement) -> Iterator[Arrays]:
    """Numbers for the excerpt's inputs, a set for each of `DRAWS`."""
    loop, extents = replacement.loop, replacement.extents
    original = around(replaced(replacement), extents).inputs
    read = [extents.dimension(r.tensor, r.axis) for r in loop.readings.values()]
    lengths = {name for length in (loop.steps, *read) for name, _ in length.factors}
    closed = [length.constant for length in read if length.is_constant]
    for number, draw in enumerate(DRAWS):
        random = np.random.default_rng(number)
        # Among sequences of closed and of open length, none is shorter than the loop.
        known = loop.steps.is_constant
        steps = max(draw.steps, loop.steps.constant) if known else min([draw.steps, *closed])
        sizes = {n: steps if n in lengths else draw.batch for n in _open(original, extents)}
        arrays = {}
        for k, tensor in enumerate(t for t in original if t.dtype in NUMPY):
            axes = range(len(tensor.shape or ()))
            shape = [_size(extents.dimension(tensor, a), sizes) for a in axes]
            arrays[f"input_{k}"] = _values(draw, shape, NUMPY[tensor.dtype], random)
        yield arrays


def _values(
    draw: Draw, shape: list[int], dtype: np.dtype[Any], random: np.random.Generator
) -> NDArray[Any]:
    """The draw's numbers; integers are lengths, from none to all of the steps.

    A matrix of integers is a mask, or classes: over many steps, products with more than 1 overflow.
    """
    if dtype.kind in "iub":
        is_mask = dtype.kind == "b" or (len(shape) > 1 and draw.steps > MANY)
        most = 1 if is_mask else draw.steps
        return random.integers(0, most + 1, shape).astype(dtype)
    if draw.constant:
        return np.full(shape, draw.magnitude, dtype)
    return random.normal(0.0, draw.magnitude, shape).astype(dtype)


def _open(tensors: list[Tensor], extents: Extents) -> set[str]:
    """The symbols of every open dimension."""
    dimensions = [
        extents.dimension(t, axis)
        for t in tensors
        for axis, length in enumerate(t.shape or ())
        if length == OPEN
    ]
    return {name for dimension in dimensions for name, _ in dimension.factors}


def _size(dimension: Linear, sizes: dict[str, int]) -> int:
    return dimension.constant + sum(factor * sizes[name] for name, factor in dimension.factors)
