"""The samples on which a model is compared with its source: the config's data, or random.

Axes: N samples, T steps. Inputs stand here as `batch_axis.batch_first` gives them: a sequence is
[N, T, ...], whatever axis its model has the batch on.
"""

from __future__ import annotations

import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from rnnlite_pipeline.compare.batch_axis import draw
from rnnlite_pipeline.config.arrays import NotArrays, read_headers
from rnnlite_pipeline.errors import VerificationFailed
from rnnlite_pipeline.files import BROKEN_ZIP
from rnnlite_pipeline.graph.ir import OPEN, Tensor
from rnnlite_pipeline.quantize.calibration import batches
from rnnlite_pipeline.sources.model import Array, Shape, SourceModel, TensorSpec

if TYPE_CHECKING:
    from rnnlite_pipeline.config import Config

#: What open dimensions are in random samples: axis 1 (time), and any further one.
RANDOM_STEPS = 17
RANDOM_WIDTH = 5


#: The name of random samples.
RANDOM = "random"


@dataclass(frozen=True)
class Samples:
    """Samples by input name, and labels by output name.

    Attributes:
        inputs: Each [N, ...], all of one N.
        labels: Integers, or one-hot rows, each [N, ...]; empty where there are none.
        name: What they are, in words.
        file: Where they were read from; None where they were made up.
    """

    inputs: Mapping[str, Array]
    labels: Mapping[str, Array]
    name: str
    file: Path | None = None

    def __len__(self) -> int:
        return len(next(iter(self.inputs.values())))


def samples_of(config: Config, source: SourceModel) -> Samples:
    """The config's data; where there is none, what a model was calibrated on, or random input.

    Args:
        config: The model's config.
        source: The source, with the batch first.
    """
    data, calibration = config.verification.data, config.quantization.calibration
    if data.path is not None:
        return read_samples(config.resolve(data.path), source.inputs, source.outputs)
    if calibration is not None:
        path = config.resolve(calibration.path)
        return calibration_samples(path, source.inputs, calibration.samples)
    random = data.random
    assert random is not None  # the config gives one of the two
    return random_samples(source.inputs, source.limits, random.samples, random.seed)


def read_samples(
    path: Path, inputs: Sequence[TensorSpec], outputs: Sequence[TensorSpec]
) -> Samples:
    """The samples of an .npz file.

    Args:
        path: One array for each input, named as the input; `labels` for the first output, or
            `labels_OUTPUT` for any.
        inputs: The model's inputs.
        outputs: The model's outputs.

    Raises:
        VerificationFailed: The file is not there or damaged, or an array is missing, unknown, of
            another dtype or shape, not finite, or of another number of samples.
    """
    arrays = _read(path)
    names = {"labels": outputs[0].name} | {f"labels_{o.name}": o.name for o in outputs}
    wanted = [spec.name for spec in inputs]
    for name in wanted:
        if name not in arrays:
            raise _wrong(path, f'has no array "{name}"', f"Store an array for each of {wanted}.")
    for name in arrays:
        if name not in wanted and name not in names:
            raise _wrong(
                path,
                f'has an array "{name}" that is no input of the model',
                f"Expected {wanted} and, where there are labels, {list(names)}.",
            )
    for spec in inputs:
        _check(path, spec, arrays[spec.name], spec.name in taken_whole(inputs))
    labels = {names[name]: arrays[name] for name in arrays if name not in wanted}
    samples = Samples({name: arrays[name] for name in wanted}, labels, "data", path)
    counts = {name: len(array) if array.ndim else 0 for name, array in arrays.items()}
    if len(set(counts.values())) > 1 or not len(samples):
        raise _wrong(
            path,
            f"has arrays of different or no samples: {counts}",
            "Every array has one row a sample, at least one.",
        )
    return samples


def calibration_samples(path: Path, inputs: Sequence[TensorSpec], count: int) -> Samples:
    """The samples that a model's ranges were measured on: the least that it must get right.

    Args:
        path: As `quantization.calibration` names it.
        inputs: The model's inputs.
        count: N, or more than the file has.

    Raises:
        NotConvertible: The file does not hold what the model takes.
    """
    tensors = {
        s.name: Tensor(
            s.name, np.dtype(s.dtype).name.upper(), tuple(OPEN if d is None else d for d in s.shape)
        )
        for s in inputs
    }
    read = list(batches(path, tensors, count))
    joined = {spec.name: np.concatenate([each[spec.name] for each in read]) for spec in inputs}
    return Samples(joined, {}, "calibration")


def random_samples(
    inputs: Sequence[TensorSpec], limits: Mapping[str, range], count: int, seed: int
) -> Samples:
    """Samples made up: floats normal, indices below their limit, other integers 0 or 1.

    Args:
        inputs: The model's inputs; open dimensions become `RANDOM_STEPS`, `RANDOM_WIDTH`.
        limits: For an input of whole numbers, those it takes, where they are known.
        count: N.
        seed: The same one gives the same samples.
    """
    rng = np.random.default_rng(seed)
    whole = taken_whole(inputs)
    drawn = {}
    for spec in inputs:
        shape = random_shape((None, *spec.shape) if spec.name in whole else spec.shape, count)
        drawn[spec.name] = draw(rng, spec, shape, limits)
    return Samples(drawn, {}, RANDOM)


def random_shape(shape: Shape, count: int) -> tuple[int, ...]:
    """A shape with N for the batch and a chosen size for each other open dimension."""
    open_sizes = [RANDOM_STEPS] + [RANDOM_WIDTH] * len(shape)
    sizes = zip(shape[1:], open_sizes, strict=False)
    return (count, *(size if d is None else d for d, size in sizes))


def taken_whole(inputs: Sequence[TensorSpec]) -> frozenset[str]:
    """The inputs that have no batch axis: each call takes one sample of them, as it is.

    These are scalars; and all inputs where their first dimensions are closed and differ, as a
    language model's tokens [B, T] and states [layers, 2, B, U] do.
    """
    sizes = {spec.shape[0] for spec in inputs if spec.shape}
    unlike = len(sizes) > 1 and None not in sizes
    return frozenset(spec.name for spec in inputs if unlike or not spec.shape)


def fixed_batch(inputs: Sequence[TensorSpec]) -> int | None:
    """The number of samples a call takes, or None where the model leaves it open.

    Raises:
        VerificationFailed: The inputs have no common batch axis, although one is open.
    """
    if len(taken_whole(inputs)) == len(inputs):
        return 1
    sizes = {spec.shape[0] for spec in inputs if spec.shape} - {None}
    if not sizes:
        return None
    if len(sizes) > 1:
        raise VerificationFailed(
            "The model's inputs have no common batch axis: "
            + ", ".join(f'"{s.name}" {list(s.shape)}' for s in inputs)
            + ".",
            "Pin their first dimensions to the same size with source.inputs.",
            ("source", "inputs"),
        )
    return sizes.pop()


def _read(path: Path) -> dict[str, Array]:
    try:
        if zipfile.is_zipfile(path):
            read_headers(path)  # refuses arrays that say they are larger than the file
        with np.load(path, allow_pickle=False) as file:
            if not isinstance(file, np.lib.npyio.NpzFile):
                raise _wrong(path, "is no .npz file", _SAVE)
            return {name: file[name] for name in file.files}
    except OSError as error:
        raise _wrong(path, f"cannot be read: {error.strerror or error}", _SAVE) from error
    except NotArrays as error:
        raise _wrong(path, str(error), _SAVE) from error
    except _DAMAGED as error:
        raise _wrong(path, "is no .npz file, is damaged, or holds Python objects", _SAVE) from error


#: What NumPy and the zip module raise for a file that is damaged.
_DAMAGED = (
    *BROKEN_ZIP,
    KeyError,
    MemoryError,
    ValueError,
)

#: Where the config names the file.
KEY = ("verification", "data", "path")

_SAVE = "Write it with numpy.savez(path, **arrays)."


def _check(path: Path, spec: TensorSpec, array: Array, is_whole: bool) -> None:
    each = spec.shape if is_whole else spec.shape[1:]
    fits = array.ndim == len(each) + 1 and all(
        d is None or d == size for d, size in zip(each, array.shape[1:], strict=True)
    )
    if not fits:
        expected = ["N", *("any" if d is None else d for d in each)]
        raise _wrong(
            path,
            f'has "{spec.name}" of shape {list(array.shape)}',
            f"Expected {expected}: one row a sample, and the shape of the model's input.",
        )
    if array.dtype != np.dtype(spec.dtype):
        raise _wrong(
            path,
            f'has "{spec.name}" of dtype {array.dtype}',
            f'Expected {spec.dtype}: store it with .astype("{spec.dtype}").',
        )
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise _wrong(path, f'has NaN or infinite values in "{spec.name}"', "Remove those samples.")


def _wrong(path: Path, what: str, remedy: str) -> VerificationFailed:
    return VerificationFailed(f"verification.data: {path} {what}.", remedy, KEY)


def rows(
    arrays: Mapping[str, Any], start: int, count: int, whole: frozenset[str] = frozenset()
) -> dict[str, Array]:
    """`count` samples from `start` on, starting over at the end; one of what is taken whole."""
    places = {n: start if n in whole else range(start, start + count) for n in arrays}
    return {
        name: np.asarray(np.take(array, places[name], axis=0, mode="wrap"))
        for name, array in arrays.items()
    }
