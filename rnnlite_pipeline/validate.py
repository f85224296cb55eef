"""Translation validation: each rewritten loop is run, the old graph against the new.

Both are cut out of the model with what they read as inputs, and run on the same numbers: random
and extreme ones, states away from zero, long and short, one batch entry and several, twice. A
rewrite that differs is not made. The method is that of Pnueli, Siegel and Singerman (1998).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

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

#: How far old and new may differ, as a part of the output's largest magnitude.
TOLERANCE = 1e-5

#: The same for a whole model on extreme input, where the roundings of many layers add up. Each
#: loop was held to `TOLERANCE` by itself, and verification holds the model to its source.
WHOLE_TOLERANCE = 1e-4

#: How long open dimensions but the batch are when a whole model is run: convolutions and
#: poolings in front of a recurrence need more than a few steps.
WHOLE_LENGTH = 24

#: How much further than an input's last bit moves the old graph's outputs the new ones may be:
#: each step rounds its sums in another order.
ROUNDING = 64.0

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
    axis = _batch_axis(old, limits, first)
    difference = largest_difference(old, new, _whole_inputs(new, limits, first, axis))
    if difference > WHOLE_TOLERANCE:
        raise StageError(
            f"The converted model differs from its source's graph by {difference:.1e} of its"
            " scale when both are run.",
            "This is a fault of rnnlite: report it with the model; `bidirectional: split` and"
            " `time_major: keep` may avoid it.",
        )


def _batch_axis(
    model: Model, limits: Mapping[str, range], first: Mapping[str, NDArray[Any]]
) -> int:
    """The batch's axis in a model's sequences: 1 where it runs on those alone, as time-major."""
    runner = open_runner(model, "reference", stand_ins=True)
    for axis in (0, 1):
        try:
            runner.run(next(_whole_inputs(model, limits, first, axis)))
        except StageError:
            continue
        return axis
    return 0


def _whole_inputs(
    model: Model, limits: Mapping[str, range], first: Mapping[str, NDArray[Any]], batch_axis: int
) -> Iterator[Arrays]:
    """Numbers for a model's inputs; integers are small where no limit is known."""
    for number, draw in enumerate(DRAWS):
        random = np.random.default_rng(number)
        arrays = {}
        for name, tensor in model.signatures[0].inputs.items():
            open_ = [WHOLE_LENGTH] * len(tensor.shape or ())
            if open_:
                open_[batch_axis if len(open_) > 2 else 0] = draw.batch
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
    Infinite where one is finite and the other is not. What rounding alone does is no difference:
    a recurrence can be chaotic, so the old one also runs on inputs off by their last bit.
    """
    kernels: tuple[Kernels, ...] = ("reference", "default")
    expected = open_runner(old, "reference", stand_ins=True)
    runners = [open_runner(new, k, stand_ins=True) for k in kernels]
    worst = 0.0
    for arrays in inputs:
        reference = expected.run(arrays)
        rounding = ROUNDING * apart(reference, expected.run(_nudged(arrays)))
        for runner in runners:
            for _ in range(2):
                found = apart(reference, runner.run(arrays))
                worst = max(worst, found if found > rounding else 0.0)
    return worst


def _nudged(arrays: Arrays) -> Arrays:
    """The arrays with each float off by one in its last place, up or down at random."""
    random = np.random.default_rng(0)
    nudged = {}
    for name, array in arrays.items():
        away = np.where(random.integers(0, 2, array.shape) == 1, np.inf, -np.inf)
        floats = array.dtype.kind == "f"
        nudged[name] = np.nextafter(array, away.astype(array.dtype)) if floats else array
    return nudged


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
    lengths = {name for name, _ in loop.steps.factors}
    for number, draw in enumerate(DRAWS):
        random = np.random.default_rng(number)
        sizes = {n: draw.steps if n in lengths else draw.batch for n in _open(original, extents)}
        arrays = {}
        for k, tensor in enumerate(t for t in original if t.dtype in NUMPY):
            axes = range(len(tensor.shape or ()))
            shape = [_size(extents.dimension(tensor, a), sizes) for a in axes]
            arrays[f"input_{k}"] = _values(draw, shape, NUMPY[tensor.dtype], random)
        yield arrays


def _values(
    draw: Draw, shape: list[int], dtype: np.dtype[Any], random: np.random.Generator
) -> NDArray[Any]:
    """The draw's numbers; integers are lengths, from none to all of the steps."""
    if dtype.kind in "iub":
        return random.integers(0, draw.steps + 1, shape).astype(dtype)
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
