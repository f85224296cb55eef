"""What `validate` checks of the arrays that a config names: verification data and calibration.

1. Each array has one row for each sample, and all have the same number of rows.
2. There is an array for each input of the model, of its shape and dtype.
3. Floats are finite; labels are classes. Files of more than `values.MAX_BYTES` are read later, by
   the stages that use them.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from pathlib import Path

from rnnlite_pipeline.config.arrays import Header, NotArrays, read_headers
from rnnlite_pipeline.config.declared import Declared, written
from rnnlite_pipeline.config.document import Loc
from rnnlite_pipeline.config.headers.interface import Shape, Tensor
from rnnlite_pipeline.config.model import Config
from rnnlite_pipeline.config.values import MAX_BYTES, first_not_finite, numbers, read_values

#: The array of a data file that is not an input, but the labels of the first output.
LABELS = "labels"

#: Labels of any other output: `labels_OUTPUT`.
_LABELS_OF = "labels_"

_DTYPES = {
    "f2": "float16",
    "f4": "float32",
    "f8": "float64",
    "b1": "bool",
    "c8": "complex64",
    "c16": "complex128",
    **{f"{kind}{size}": f"{word}{8 * size}" for kind, word in (("i", "int"), ("u", "uint"))
       for size in (1, 2, 4, 8)},
}  # fmt: skip

Wrong = Iterator[str]
Headers = Mapping[str, Header]


def wrong_arrays(
    config: Config,
    loc: Loc,
    path: Path,
    known: Declared | None,
    classes: Mapping[str, int],
    *,
    labels: bool = False,
) -> Iterator[tuple[Loc, str]]:
    """What is wrong with one file, each problem at the key that names the file.

    Args:
        config: The config.
        loc: Where it names the file.
        path: The file; it is there.
        known: The model's interface, as far as it is known.
        classes: The number of classes of an output, by its name, where it is known; `""` is the
            first output.
        labels: Whether the config asks for an accuracy.
    """
    try:
        headers = read_headers(path)
        found = list(_wrong_headers(config, loc, headers, known, labels=labels))
        if not found:
            found += _wrong_values(loc, path, headers, known, classes)
    except NotArrays as error:
        found = [str(error)]
    for message in found:
        yield loc, f"{path}: {message}"


def _wrong_headers(
    config: Config, loc: Loc, headers: Headers, known: Declared | None, *, labels: bool
) -> Wrong:
    holds = f"it holds {', '.join(sorted(headers))}"
    if labels and not any(map(_is_label, headers)):
        yield f"the config asks for an accuracy, and the file has no `{LABELS}`; {holds}"
    yield from _unlike(headers)
    if known:
        yield from _unlike_inputs(config, headers, known)
        if loc[0] == "verification":
            yield from _unknown(headers, known)
        return
    for name, shape in config.source.inputs.items():
        if name not in headers:
            yield f"no array for the input `{name}`; {holds}"
        elif not _has_shape(headers[name].shape, shape, 1):
            found = written(headers[name].shape)
            yield f"`{name}` has the shape {found}; source.inputs has {written(shape)}"


def _unlike(headers: Headers) -> Wrong:
    """Arrays that do not have one row for each sample."""
    if not any(name != LABELS for name in headers):
        yield "has labels, but no input"
    scalars = sorted(name for name, header in headers.items() if not header.shape)
    if scalars:
        yield f"`{scalars[0]}` is a single number; the first axis is that of the samples"
        return
    counts = {header.shape[0] for header in headers.values()}
    if len(counts) > 1:
        each = ", ".join(f"{name} {header.shape[0]}" for name, header in sorted(headers.items()))
        yield f"the arrays have different numbers of samples: {each}"
    elif counts == {0}:
        yield "holds no samples"


def _unlike_inputs(config: Config, headers: Headers, known: Declared) -> Wrong:
    inputs = _inputs(config, headers, known)
    sizes = {t.shape[0] for t in inputs.values() if t.shape}
    whole = len(sizes) > 1 and None not in sizes  # taken as they are, without a batch axis
    # Of a Keras model alone it is known that its second axis is no batch.
    first = 1 if config.source.format == "keras" else 2
    for name, tensor in inputs.items():
        if name not in headers:
            holds = ", ".join(sorted(headers))
            yield f"no array for the input `{name}` ({known.said_by}); the file has {holds}"
            continue
        header = headers[name]
        dtype = _dtype(header)
        if dtype != tensor.dtype:
            cast = f'store it with .astype("{tensor.dtype}")'
            yield f"`{name}` is {dtype}, and the input {tensor.dtype}; {cast}"
        if tensor.shape and not whole and not _has_shape(header.shape, tensor.shape, first):
            expected = ", ".join(["N", *("any" if d is None else str(d) for d in tensor.shape[1:])])
            found = written(header.shape)
            yield f"`{name}` has the shape {found}; expected [{expected}] ({known.said_by})"


def _inputs(config: Config, headers: Headers, known: Declared) -> Mapping[str, Tensor]:
    """The inputs that data is for.

    Under `recurrent.state: persist` and `reset` the model has no inputs for the states that the
    source's caller carries. Which these are is not known before the model is converted, so that an
    input without an array may be one; convert and verify say so where it is not.
    """
    there = {name: tensor for name, tensor in known.inputs.items() if name in headers}
    carries = config.recurrent.state in ("persist", "reset")
    return there if carries and there else known.inputs


def _unknown(headers: Headers, known: Declared) -> Wrong:
    outputs = [f"{_LABELS_OF}{name}" for name in known.outputs] if known.imported else []
    for name in headers:
        if name in known.inputs or name == LABELS:
            continue
        if name.startswith(_LABELS_OF) and (name in outputs or not known.imported):
            continue
        inputs = ", ".join(known.inputs)
        if name.startswith(_LABELS_OF):
            yield f"`{name}` belongs to no output; the outputs are {', '.join(known.outputs)}"
        else:
            yield f"has an array `{name}`, which is no input; the inputs are {inputs}"


def _has_shape(shape: tuple[int, ...], wanted: Shape, first: int) -> bool:
    """Whether samples fit, from the axis `first` on."""
    return len(shape) == len(wanted) and all(
        d in (None, n) for n, d in zip(shape[first:], wanted[first:], strict=True)
    )


def _dtype(header: Header) -> str:
    """The dtype in words; verify compares it as NumPy does, to which the order of bytes counts."""
    plain = header.dtype.lstrip("<>|=")
    name = _DTYPES.get(plain, header.dtype)
    return f"big-endian {name}" if header.dtype.startswith(">") and plain in _DTYPES else name


# Values -------------------------------------------------------------------------------------------


def _wrong_values(
    loc: Loc, path: Path, headers: Headers, known: Declared | None, classes: Mapping[str, int]
) -> Wrong:
    if sum(math.prod(each.shape) * each.width for each in headers.values()) > MAX_BYTES:
        return
    for name, header in headers.items():
        is_input = name in known.inputs if known else not _is_label(name)
        is_label = not is_input and loc[0] == "verification" and _is_label(name)
        if not is_input and not is_label:
            continue
        values = read_values(path, name)
        if is_label:
            yield from _wrong_labels(name, header, values, known, classes)
        elif (row := first_not_finite(header, values)) is not None:
            said = "a value is NaN or infinite; remove such samples"
            yield f"`{name}`, row {row} (counted from 0): {said}"


def _wrong_labels(
    name: str, header: Header, values: bytes, known: Declared | None, classes: Mapping[str, int]
) -> Wrong:
    """The first label that is no class, as `verify` has it (verify/accuracy.py)."""
    output = "" if name == LABELS else name.removeprefix(_LABELS_OF)
    shape, is_float = _output(output, known)
    rank = len(header.shape)
    may_be_rows = rank > 1 and (shape is None or (len(shape) == rank and shape[-1] != 1))
    is_rows = may_be_rows and shape is not None and shape[-1] in (None, header.shape[-1])
    count = classes.get(output, 0)
    if shape and is_float:
        count = int(shape[-1] or 0) if len(shape) > 1 and shape[-1] != 1 else 2
    for row, value in numbers(header, values):
        wrong = not math.isfinite(value) or value < 0
        if not may_be_rows:
            wrong = wrong or value != math.floor(value) or 0 < count <= value
        if wrong:
            place = f"`{name}`, row {row} (counted from 0): the label is {value:g}"
            upper = f" to {count - 1}" if count else ""
            expected = "values of at least 0" if is_rows else f"a whole number from 0{upper}"
            yield f"{place}; expected {expected}"
            return


def _output(name: str, known: Declared | None) -> tuple[Shape | None, bool]:
    """The shape of an output, None where it is not known, and whether it is of floats."""
    if known is None or not known.outputs:
        return None, False
    tensor = known.outputs.get(name) if name else next(iter(known.outputs.values()))
    return (tensor.shape, tensor.dtype.startswith("float")) if tensor else (None, False)


def _is_label(name: str) -> bool:
    return name == LABELS or name.startswith(_LABELS_OF)
