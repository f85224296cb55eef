"""What every source format yields: named inputs and outputs, a traceable and a runnable model."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from rnnlite_pipeline.errors import SourceError
from rnnlite_pipeline.graph.ir import NUMPY, OPEN, Tensor

if TYPE_CHECKING:
    from rnnlite_pipeline.runtimes.interpreter import Kernels

Array = NDArray[Any]
Shape = tuple[int | None, ...]


@dataclass(frozen=True)
class TensorSpec:
    """One input or output of a model's interface.

    Attributes:
        name: The name as the model's author knows it.
        dtype: The NumPy name of the dtype, such as "float32".
        shape: The dimensions; None where known only at run time.
    """

    name: str
    dtype: str
    shape: Shape

    def as_json(self) -> dict[str, Any]:
        """The spec as JSON keeps it: an open dimension is null."""
        return {"name": self.name, "dtype": self.dtype, "shape": list(self.shape)}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> TensorSpec:
        """The spec that `as_json` wrote."""
        return cls(value["name"], value["dtype"], tuple(value["shape"]))

    @classmethod
    def of_tensor(cls, name: str, tensor: Tensor) -> TensorSpec:
        """The spec of an input or output of a TFLite graph, of plain numbers."""
        shape = tuple(None if d == OPEN else d for d in tensor.shape or ())
        return cls(name, NUMPY[tensor.dtype].name, shape)


@dataclass(frozen=True)
class SourceModel:
    """A source model, whatever its format.

    Attributes:
        inputs: In the source's order.
        outputs: In the source's order.
        trace: Makes a TensorFlow concrete function of the model in inference. Its arguments
            stand in the order of `inputs`, its results in the order of `outputs`; open
            dimensions are open in it.
        run: Runs the source itself, in its own framework, on arrays by input name, and gives
            arrays by output name. Two runs are independent: nothing is kept in between.
        layers: What an inspection shows of each layer: name, class, units.
        versions: The framework's packages and their versions.
        scope: The name scope that the framework puts around the whole model; no part of the
            names its author gave.
        content: The source as a TFLite file, where it is one already; it is not traced then.
        limits: For an input of whole numbers, those it takes: the indices of an Embedding, or
            what was found by asking (ranges.py).
        states: Name and first value of each variable that a call assigns (assigned.py): the last
            arguments and the last results of the function that `trace` makes.
        others: What else a .tflite file has signatures for, by their names, each a source.
        resume: As `run`, but a call starts from the states that the one before left; None where
            the source keeps none.
        on: The same source on a set of kernels, "reference" or "default", where these round
            differently: a .tflite file that computes in integers. None where it does not matter.
        keras_model: Makes a keras.Model whose inputs are flat, and of the shapes of `inputs`; None
            where the source is not a model of Keras 3.
    """

    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    trace: Callable[[], Any]
    run: Callable[[Mapping[str, Array]], dict[str, Array]]
    layers: tuple[Mapping[str, Any], ...] = ()
    versions: Mapping[str, str] = field(default_factory=dict)
    limits: Mapping[str, range] = field(default_factory=dict)
    scope: str = ""
    content: bytes | None = None
    states: tuple[tuple[str, Array], ...] = ()
    resume: Callable[[Mapping[str, Array]], dict[str, Array]] | None = None
    others: Mapping[str, SourceModel] = field(default_factory=dict)
    on: Callable[[Kernels], SourceModel] | None = None
    keras_model: Callable[[], Any] | None = None


def unique(names: Sequence[str]) -> list[str]:
    """The names with repeated ones numbered: ["lstm", "lstm"] to ["lstm", "lstm_1"].

    The first of its kind keeps its name; no made name takes one that is given.
    """
    taken, given, result = set[str](), set(names), list[str]()
    for name in names:
        candidate, number = name, 0
        while candidate in taken or (number and candidate in given):
            number += 1
            candidate = f"{name}_{number}"
        taken.add(candidate)
        result.append(candidate)
    return result


def pin(specs: Sequence[TensorSpec], pins: Mapping[str, Sequence[int | None]]) -> list[TensorSpec]:
    """The inputs with the open dimensions that the config pins (`source.inputs`) closed.

    Args:
        specs: The inputs as the source has them.
        pins: Dimensions by input name; None leaves a dimension as the source has it.

    Raises:
        SourceError: A pin names no input, or contradicts the source.
    """
    unknown = sorted(set(pins) - {spec.name for spec in specs})
    if unknown:
        raise SourceError(
            f"source.inputs names {listed(unknown)}, but the model's inputs are "
            f"{listed(spec.name for spec in specs)}.",
            did_you_mean(unknown[0], [spec.name for spec in specs]).strip()
            or "Use the input names of the model.",
            ("source", "inputs", unknown[0]),
        )
    return [_pinned(spec, pins[spec.name]) if spec.name in pins else spec for spec in specs]


def merge_shapes(first: Shape, second: Shape) -> Shape:
    """What two descriptions of one tensor say together; `first` wins where they differ."""
    if len(first) != len(second):
        return first
    return tuple(b if a is None else a for a, b in zip(first, second, strict=True))


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """The known name that a wrong one is nearest to, as the end of a sentence; or nothing."""
    near = difflib.get_close_matches(name, list(known), 1)
    return f' Did you mean "{near[0]}"?' if near else ""


def first_line(error: Exception) -> str:
    """What a framework's error says in one line; the rest, often a page, belongs in the log.

    Keras says first which layer it called, and only then, in bold, what went wrong in it;
    AutoGraph says it last.
    """
    plain = re.sub(r"\x1b\[[0-9;]*m|\{\{.*?\}\} ?", "", str(error))
    lines = [line.strip() for line in plain.splitlines() if line.strip()]
    where = lines[0] if lines else type(error).__name__
    if where.startswith("Exception encountered when calling") and len(lines) > 1:
        return f"{lines[1]} ({where.removeprefix('Exception encountered when ').rstrip('.')})"
    if where == "in user code:":
        return lines[-1]
    return where


def check_dtypes(specs: Sequence[TensorSpec]) -> None:
    """Refuses an interface that no array of numbers can feed.

    Raises:
        SourceError: A dtype that LiteRT has no plain tensor for, such as string.
    """
    for spec in specs:
        if spec.dtype not in _DTYPES:
            raise SourceError(
                f'"{spec.name}" is of dtype {spec.dtype}; expected one of {listed(_DTYPES)}.',
                "Move the conversion from or to that dtype out of the model.",
            )


_DTYPES = tuple(
    np.dtype(t).name
    for t in ("f4", "f2", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "?")
)


def _pinned(spec: TensorSpec, shape: Sequence[int | None]) -> TensorSpec:
    fits = len(shape) == len(spec.shape) and all(
        p is None or d is None or p == d for p, d in zip(shape, spec.shape, strict=True)
    )
    if not fits:
        raise SourceError(
            f'source.inputs pins "{spec.name}" to {_shape(shape)}, but the model has '
            f"{_shape(spec.shape)}.",
            "It can close a dimension that is open in the source (null), not change a fixed one.",
            ("source", "inputs", spec.name),
        )
    return TensorSpec(spec.name, spec.dtype, merge_shapes(tuple(shape), spec.shape))


def _shape(shape: Sequence[int | None]) -> str:
    return "[" + ", ".join("null" if d is None else str(d) for d in shape) + "]"


def listed(names: Iterable[str]) -> str:
    """Names in quotes, with commas."""
    return ", ".join(f'"{name}"' for name in names)
