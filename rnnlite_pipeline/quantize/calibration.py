"""Calibration data: an .npz read sample by sample, in bounded memory, and checked.

Axes: N samples, the first axis of every array.
"""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from rnnlite_pipeline.config.arrays import NotArrays, read_headers
from rnnlite_pipeline.errors import NotConvertible
from rnnlite_pipeline.graph.ir import NUMPY, OPEN, Tensor

Arrays = dict[str, NDArray[Any]]

#: Samples read at a time, where the model's batch is open.
BATCH = 32

#: A part of the verification data outside the calibrated range: above the first a warning, above
#: the second an error.
WARN_OUTSIDE, REFUSE_OUTSIDE = 0.01, 0.5

#: How many times wider than the verification data the calibration data may be.
WARN_WIDER = 4.0

#: What NumPy and the zip module raise for an array that is damaged.
_DAMAGED = (zipfile.BadZipFile, zlib.error, EOFError, ValueError)

#: Where the config names the file.
_KEY = ("quantization", "calibration", "path")

#: More samples than any file has.
_ENDLESS = 2**31

_REMEDY = "Give samples like those that the model will get, one row for each sample."


def batches(
    path: Path, inputs: Mapping[str, Tensor], count: int | None = None, rows: int | None = None
) -> Iterator[Arrays]:
    """The samples of an .npz, some rows at a time; never more than these are in memory.

    Args:
        path: One array for each input, of any number of samples; other arrays are ignored.
            An input of rank 0 has one number for all samples.
        inputs: The model's inputs by name.
        count: How many samples are read at most; None for all.
        rows: How many at a time, where the model's batch is open; None for `BATCH`.

    Raises:
        NotConvertible: An array is missing, of another shape or dtype, or has NaN or infinities,
            or there are fewer samples than the model takes at a time.
    """
    total = min(_checked(path, inputs), count or _ENDLESS)
    fixed = {t.shape[0] for t in inputs.values() if t.shape} - {OPEN}
    rows = min(fixed, default=rows or BATCH)
    if total < (least := rows if fixed else 1):
        raise _wrong(path, f"has {total} samples; the model takes {least} at a time")
    with zipfile.ZipFile(path) as archive, ExitStack() as stack:
        members = {n: stack.enter_context(archive.open(f"{n}.npy")) for n in inputs}
        headers = {n: _header(path, n, member) for n, member in members.items()}
        each = {n: _Member(path, n, members[n], *headers[n]) for n in inputs}
        same = {n: each.pop(n).read(1)[0] for n, tensor in inputs.items() if tensor.shape == ()}
        for start in range(0, total, rows):
            taken = rows if fixed else min(rows, total - start)
            if start + taken > total:
                return  # a model of a fixed batch runs on whole batches
            yield {n: each[n].read(taken) if n in each else same[n] for n in inputs}


def check_alike(path: Path, other: Path, inputs: Mapping[str, Tensor], count: int) -> list[str]:
    """Whether the calibration data is like the verification data.

    Returns:
        Warnings, for people.

    Raises:
        NotConvertible: Most of the verification data lies outside the calibrated range.
    """
    ranges = _ranges(batches(path, inputs, count))
    warnings = []
    for name, (low, high) in ranges.items():
        outside, seen, least, most = 0.0, 0, np.inf, -np.inf
        for batch in batches(other, {name: inputs[name]}):
            array = batch[name]
            outside += float(np.sum((array < low) | (array > high)))
            seen += array.size
            least, most = min(least, float(array.min())), max(most, float(array.max()))
        said = (
            f"the values of {name!r} run from {low:.3g} to {high:.3g} in the calibration data, and "
            f"from {least:.3g} to {most:.3g} in the verification data"
        )
        if seen and outside / seen > REFUSE_OUTSIDE:
            raise NotConvertible(f"quantization.calibration: {said}.", _REMEDY, _KEY)
        if seen and outside / seen > WARN_OUTSIDE:
            warnings.append(f"{outside / seen:.0%} lies outside: {said}")
        elif high - low > WARN_WIDER * max(most - least, 1e-30):
            warnings.append(f"resolution is lost: {said}")
    return warnings


def _ranges(found: Iterator[Arrays]) -> dict[str, tuple[float, float]]:
    ranges: dict[str, tuple[float, float]] = {}
    for batch in found:
        for name, array in batch.items():
            if array.dtype.kind == "f":
                low, high = ranges.get(name, (np.inf, -np.inf))
                ranges[name] = (min(low, float(array.min())), max(high, float(array.max())))
    return ranges


def _checked(path: Path, inputs: Mapping[str, Tensor]) -> int:
    """How many samples there are, by the headers alone."""
    try:
        headers = read_headers(path)
    except NotArrays as error:
        raise _wrong(path, str(error)) from None
    for name, tensor in inputs.items():
        if name not in headers:
            raise _wrong(path, f"has no array for the input {name!r}; it has {sorted(headers)}")
        shape, wanted = headers[name].shape, tensor.shape or ()
        fits = len(shape) == len(wanted) and all(
            d in (OPEN, n) for n, d in zip(shape[1:], wanted[1:], strict=True)
        )
        if not fits:
            expected = ["N", *("any" if d == OPEN else d for d in wanted[1:])][: len(wanted)]
            raise _wrong(path, f"has {name!r} of shape {list(shape)}; expected {expected}")
        if np.dtype(headers[name].dtype) != NUMPY[tensor.dtype]:
            found = np.dtype(headers[name].dtype).name
            raise _wrong(path, f"has {name!r} of {found}; expected {NUMPY[tensor.dtype].name}")
    return min((headers[n].shape[0] for n in inputs if headers[n].shape), default=_ENDLESS)


def _header(
    path: Path, name: str, member: IO[bytes]
) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    try:
        version = np.lib.format.read_magic(member)
        read = np.lib.format.read_array_header_1_0
        return (read if version == (1, 0) else np.lib.format.read_array_header_2_0)(member)
    except _DAMAGED as error:
        raise _wrong(path, f"is damaged in {name!r} ({error})") from error


@dataclass(frozen=True)
class _Member:
    """One array of the archive, read on from where the last rows ended."""

    path: Path
    name: str
    file: IO[bytes]
    shape: tuple[int, ...]
    fortran: bool
    dtype: np.dtype[Any]

    def read(self, count: int) -> NDArray[Any]:
        """The next `count` rows."""
        if self.fortran and len(self.shape) > 1:
            said = f"has {self.name!r} in Fortran order; save numpy.ascontiguousarray of it"
            raise _wrong(self.path, said)
        row = self.dtype.itemsize * int(np.prod(self.shape[1:], dtype=np.int64))
        try:
            array = np.frombuffer(self.file.read(count * row), self.dtype)
            array = array.reshape(count, *self.shape[1:])
        except _DAMAGED as error:
            raise _wrong(self.path, f"is damaged in {self.name!r} ({error})") from error
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            raise _wrong(self.path, f"has NaN or infinite values in {self.name!r}")
        return array


def _wrong(path: Path, what: str) -> NotConvertible:
    return NotConvertible(f"quantization.calibration: {path} {what}.", _REMEDY, _KEY)
