"""What every random model is held to: converted, builtin ops alone, right in every call."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnlite_pipeline.compare.distance import compare
from rnnlite_pipeline.compare.firm import ROUNDINGS
from rnnlite_pipeline.config import Config
from rnnlite_pipeline.graph.ir import Model
from rnnlite_pipeline.graph.read import read_model
from rnnlite_pipeline.graph.write import write_model
from rnnlite_pipeline.runtimes.interpreter import Runner
from rnnlite_pipeline.sources.graphdef.assigned import with_states
from rnnlite_pipeline.sources.model import SourceModel, TensorSpec
from rnnlite_pipeline.sources.to_tflite import to_tflite
from rnnlite_pipeline.stages.convert import Conversion, check_convertible, converted

#: Largest difference, as a part of the output's scale (issue 2, acceptance).
LIMIT = 1e-5

#: Batch, length where it is open, and the size of the inputs.
RUNS = ((1, 4, 1.0), (3, 9, 1.0), (3, 30, 3.0), (33, 5, 1.0))


def convert_source(source: SourceModel, **recurrent: Any) -> Conversion:
    """The conversion of an opened source, which must be one the config allows.

    Args:
        source: The source.
        **recurrent: Keys of the config's `recurrent`.
    """
    fields = {
        "name": "random",
        "source": {"format": "keras", "path": "random.keras"},
        "recurrent": recurrent,
    }
    config = Config.model_validate(fields)
    conversion = converted(read_model(to_tflite(source)), config)
    check_convertible(conversion, config)
    return conversion


def hold(
    source: SourceModel, story: Sequence[str], sequences_time_major: bool = False, **recurrent: Any
) -> Conversion:
    """Converts a source, compares it with itself, and gives the conversion.

    Args:
        source: The source.
        story: How it was written, for the failure's message.
        sequences_time_major: Whether its sequences are [T, B, F].
        **recurrent: Keys of the config's `recurrent`.
    """
    source = with_states(source)
    conversion = convert_source(source, **recurrent)
    told = "\n".join([*story, *(f"{x.name}: {x.op} {x.reason}" for x in conversion.layers)])
    ops = {op.code for op in conversion.model.ops()}
    assert not any(code.startswith("Flex") for code in ops), told
    largest_error(conversion.model, source, told, sequences_time_major)
    return conversion


def largest_error(
    model: Model, source: SourceModel, story: str = "", time_major: bool = False
) -> float:
    """Runs both on the same numbers: batches of 1 and 3, twice, on both sets of kernels.

    Returns:
        The largest error, as a part of its output's scale.
    """
    written = write_model(model)
    random = np.random.default_rng(0)
    runners = [Runner(written, "reference"), Runner(written, "default")]
    worst = 0.0
    for sizes in RUNS:
        arrays = feed(source.inputs, sizes, time_major, random)
        reference, moved = source.run(arrays), source.run(nudged(arrays))
        for runner in runners:
            first, second = runner.run(arrays), runner.run(arrays)
            for name, value in reference.items():
                assert first[name].shape == value.shape, f"{name}\n{story}"
                assert np.array_equal(first[name], second[name]), f"{name} leaks\n{story}"
                difference = compare(value, first[name])
                rounding = ROUNDINGS * compare(value, moved[name]).error
                limit = LIMIT * difference.scale + rounding
                assert difference.error <= limit, f"{name}: {difference}\n{story}"
                worst = max(worst, difference.error / (difference.scale or 1.0))
    return worst


def feed(
    inputs: Sequence[TensorSpec],
    sizes: tuple[int, int, float],
    time_major: bool,
    random: np.random.Generator,
) -> dict[str, NDArray[Any]]:
    """Numbers for every input: whole numbers are lengths, and one entry has the longest.

    Args:
        inputs: A first open dimension is the batch, another the length; the other way round in a
            sequence where `time_major`.
        sizes: One of `RUNS`.
        time_major: Whether sequences are [T, B, F].
        random: Where the numbers come from.
    """
    batch, length, magnitude = sizes
    arrays: dict[str, NDArray[Any]] = {}
    longest = length
    for spec in sorted(inputs, key=lambda s: "int" in s.dtype):
        swapped = time_major and len(spec.shape) > 2
        defaults = [length, batch] if swapped else [batch, length]
        given = [*defaults, *[length] * len(spec.shape)]
        shape = [g if d is None else d for g, d in zip(given, spec.shape, strict=False)]
        if "int" in spec.dtype:
            lengths = random.integers(0, longest + 1, shape)
            lengths.flat[-1] = longest
            arrays[spec.name] = lengths.astype(spec.dtype)
        else:
            values = random.normal(0.0, magnitude, shape)
            arrays[spec.name] = values.astype(spec.dtype)
            longest = shape[0 if swapped else 1] if len(shape) > 2 else longest
    return arrays


def nudged(arrays: dict[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """The arrays with each float off by its last bit: how far rounding alone moves a source."""
    random = np.random.default_rng(1)
    away = {n: random.choice([-np.inf, np.inf], a.shape) for n, a in arrays.items()}
    return {
        n: np.nextafter(a, away[n].astype(a.dtype)) if a.dtype.kind == "f" else a
        for n, a in arrays.items()
    }
