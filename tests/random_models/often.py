"""A random model held to its framework, in many interpreters and of sizes that change.

Rules:
    1. The framework's answers are taken once for each size and draw of numbers. They are what
       every call must give; nothing of the converter's own comparisons is used.
    2. A float model must be within `held.LIMIT` of the output's scale, and what rounding moves the
       framework itself by; steps that the framework computes chaotically are no evidence.
    3. A quantized model must have the signal-to-noise ratio of its scheme (`LEAST_DB`), over all
       sizes; or, where it hardly varies, an error below `NEAR` of its size. The ratio of int8 is
       low: a state that changes little at each step rounds to itself. Where the framework itself,
       with its weights in as many bits, has less, that is asked for, less `MARGIN_DB`
       (fewer_bits.py).
    4. What is tested in integers is part of what it was calibrated on: a value outside of the
       ranges seen is clipped, and may be off by any amount. All sizes have numbers as large.
    5. Each interpreter is opened beside junk on the heap. It is called with sizes that grow, that
       shrink, and that stay; twice on end, each.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from itertools import chain
from pathlib import Path
from typing import Any, TypeAlias
from unittest.mock import patch

import numpy as np

from rnnlite_pipeline.compare.batch_axis import draw
from rnnlite_pipeline.compare.distance import Array, Arrays, compare
from rnnlite_pipeline.compare.firm import ROUNDINGS
from rnnlite_pipeline.config.conversion import CALIBRATED
from rnnlite_pipeline.runtimes.interpreter import Kernels, Runner
from rnnlite_pipeline.sources.model import SourceModel
from rnnlite_pipeline.verify.noise import CEILING_DB, ratio
from tests.hammer.graphs import Graph
from tests.hammer.make import convert, opened
from tests.random_models.fewer_bits import ROUNDINGS as ROUNDINGS_OF
from tests.random_models.fewer_bits import rounded
from tests.random_models.held import LIMIT, nudged

#: The config's `recurrent` and `targets`.
How: TypeAlias = tuple[Mapping[str, Any], tuple[str, ...]]

#: The least signal-to-noise ratio by scheme, in dB: 0 is a model that says nothing.
LEAST_DB = {"float16": 30.0, "dynamic_range": 10.0, "int8": 3.0, "int16x8": 10.0}

#: How far below its source with rounded weights a model may be. It rounds what it computes with,
#: too, which may cost as much again (3 dB); and the same weights are rounded by other scales.
MARGIN_DB = 6.0

#: An output that varies less than this part of its size may be lost in the noise.
NEAR = 0.005

#: Batches and lengths, and the size of the inputs.
SIZES = ((1, 1, 1.0), (1, 7, 1.0), (3, 4, 1.0), (17, 2, 1.0), (2, 21, 3.0))

#: Above this, as a part of its scale, rounding moves an output too far for a difference to tell.
CHAOS = 1e-2

#: Numbers that a framework overflows with soon say nothing either.
LARGEST = 1e12


@dataclass(frozen=True)
class Answer:
    """What the framework gives for some inputs.

    Attributes:
        inputs: The inputs by name.
        outputs: The outputs by name.
        limits: How far another answer may be from it, by output; those that tell nothing are not
            there.
        fewer_bits: The outputs with the framework's weights in fewer bits, for each rounding.
    """

    inputs: Arrays
    outputs: Arrays
    limits: Mapping[str, float]
    fewer_bits: Sequence[Arrays] = ()


def hold_often(
    author: Any,
    folder: Path,
    *,
    interpreters: int,
    scheme: str,
    how: Callable[[], How],
) -> int:
    """Converts what an author wrote, and calls it in many interpreters.

    Args:
        author: Its `source()` writes the model; `story` and `fewest` tell what it is, and
            `variables` are its weights.
        folder: Where the model is written.
        interpreters: How many there are for each set of kernels.
        scheme: The config's `quantization.scheme`.
        how: The config's `recurrent` and `targets`, asked for when the model is written.

    Returns:
        How many calls were made.
    """
    source = author.source()
    recurrent, targets = how()
    told = "\n".join([*author.story, f"{recurrent}, {scheme}, {targets}"])
    graph = Graph("random", lambda: source, dict(recurrent), scheme, targets)
    source = opened(graph)
    sizes = sizes_of(source, author.fewest)
    if scheme in CALIBRATED:
        sizes = [(batch, length, 1.0) for batch, length, _ in sizes]
    answers = [_answer(source, size, scheme, author.variables) for size in sizes]
    assert any(a.limits for a in answers), f"nothing tells anything\n{told}"
    with _calibrated_on(answers):
        _, _, conversion = convert(graph, folder, source)
    codes = {op.code for op in conversion.model.ops()}
    assert not any(code.startswith("Flex") for code in codes), told
    rng, calls = np.random.default_rng(7), 0
    for number in range(2 * interpreters):
        kernels: Kernels = "default" if number % 2 else "reference"
        junk = _junk(rng)
        runner = Runner(folder / "model.tflite", kernels)
        del junk[::2]
        order = list(_session(answers, number // 2, rng))
        calls += _called(runner, order, scheme, f"{kernels} kernels, number {number + 1}", told)
    return calls


def _called(runner: Runner, order: Sequence[Answer], scheme: str, where: str, told: str) -> int:
    """Calls one interpreter with all sizes of an order, each twice; gives the number of calls."""
    given: dict[str, list[tuple[Array, Array]]] = {}
    for answer in (each for each in order for _ in range(2)):
        results = runner.run(answer.inputs)
        what = f"{where}, {_shapes(answer.inputs)}"
        for name, expected in answer.outputs.items():
            assert results[name].shape == expected.shape, f"{what}: {name}\n{told}"
            if name in answer.limits:
                given.setdefault(name, []).append((expected, results[name]))
                difference = compare(expected, results[name])
                right = scheme != "none" or difference.error <= answer.limits[name]
                assert right, f"{what}: {name}: {difference}\n{told}"
    for name, pairs in given.items() if scheme != "none" else ():
        found = ratio([e for e, _ in pairs], [r for _, r in pairs])
        least = min(LEAST_DB[scheme], _reached(order, name) - MARGIN_DB)
        heard = found is None or found >= least or _near(pairs)
        assert heard, f"{where}: {name}: {found} dB, {least} asked for\n{told}"
    return 2 * len(order)


def _reached(order: Sequence[Answer], name: str) -> float:
    """The ratio in dB that the framework has with its weights rounded, in the worst way."""
    telling = [answer for answer in order if name in answer.limits]
    expected = [answer.outputs[name] for answer in telling]
    ways = range(len(telling[0].fewer_bits))
    found = [ratio(expected, [a.fewer_bits[way][name] for a in telling]) for way in ways]
    return min((each for each in found if each is not None), default=CEILING_DB)


@contextmanager
def _calibrated_on(answers: Sequence[Answer]) -> Iterator[None]:
    """Ranges are measured on these inputs as well; a file has one length for all of its samples."""
    full_integer = import_module("rnnlite_pipeline.quantize.full_integer")
    read, inputs = full_integer.batches, [answer.inputs for answer in answers]
    with patch.object(full_integer, "batches", lambda *a, **k: chain(read(*a, **k), inputs)):
        yield


def _near(pairs: Sequence[tuple[Array, Array]]) -> bool:
    """Whether the error of an output that hardly varies is below `NEAR` of its size."""
    size = max(float(np.abs(expected).max(initial=0.0)) for expected, _ in pairs)
    return all(compare(expected, given).error <= NEAR * size for expected, given in pairs)


def sizes_of(source: SourceModel, fewest: int) -> list[tuple[int, int, float]]:
    """The sizes that differ for a source and that it takes."""
    different = {}
    for batch, length, scale in SIZES:
        size = (batch, max(length, fewest), scale)
        different[tuple(tuple(_shape(s.shape, size)) for s in source.inputs)] = size
    return list(different.values())


def _answer(
    source: SourceModel, size: tuple[int, int, float], scheme: str, variables: Sequence[Any]
) -> Answer:
    rng = np.random.default_rng(size[:2])
    inputs = {s.name: draw(rng, s, _shape(s.shape, size), source.limits) for s in source.inputs}
    inputs = {n: a * a.dtype.type(size[2]) if a.dtype.kind == "f" else a for n, a in inputs.items()}
    outputs, moved = source.run(inputs), source.run(nudged(inputs))
    limits = {}
    for name, array in outputs.items():
        rounding = ROUNDINGS * compare(array, moved[name]).error
        scale = max(1.0, float(np.abs(array).max(initial=0.0)))
        if np.isfinite(array).all() and scale < LARGEST and rounding < CHAOS * scale:
            limits[name] = LIMIT * scale + rounding
    fewer = []
    for rounding_of in ROUNDINGS_OF[scheme]:
        with rounded(variables, rounding_of):
            fewer.append(source.run(inputs))
    return Answer(inputs, outputs, limits, fewer)


def _session(answers: Sequence[Answer], number: int, rng: np.random.Generator) -> Iterator[Answer]:
    """All sizes, growing, shrinking or by chance; and one size alone."""
    kind = number % 4
    order = rng.permutation(len(answers)) if kind == 2 else np.arange(len(answers))
    if kind == 3:
        order = np.full(3, rng.integers(len(answers)))
    yield from (answers[int(k)] for k in (order[::-1] if kind == 1 else order))


def _junk(rng: np.random.Generator) -> list[Array]:
    """Arrays of NaN of random sizes; half of them are freed before the model runs."""
    return [np.full(int(n), np.nan, np.float32) for n in rng.integers(10, 100_000, 16)]


def _shape(shape: Sequence[int | None], size: tuple[int, int, float]) -> tuple[int, ...]:
    given = (size[0], *[size[1]] * len(shape))
    return tuple(g if d is None else d for d, g in zip(shape, given, strict=False))


def _shapes(arrays: Arrays) -> str:
    return ", ".join(f"{name} {list(array.shape)}" for name, array in arrays.items())
