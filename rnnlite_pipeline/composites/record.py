"""How annotated calls travel in a canonical file: the op, and what its function computed.

The op is CUSTOM, with its annotation as JSON in its options. What the function computed, on
inputs drawn at random, stands in the model's metadata: the function itself stays behind with its
source, and a converter's work is held to it later.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from rnnlite_pipeline.composites.call import Array
from rnnlite_pipeline.files import BROKEN_ZIP
from rnnlite_pipeline.graph.flat import damaged
from rnnlite_pipeline.graph.ir import NUMPY, OPEN, Model, Op, Tensor

#: The code of the op that stands for a call of an annotated function.
COMPOSITE = "rnnlite.COMPOSITE"

#: The name of the samples in the model's metadata.
SAMPLES = "rnnlite.composites"

#: (the length of every open dimension, the standard deviation) of each draw. All open dimensions
#: are as long as each other, since which of them are a batch is known to the function alone.
DRAWS = ((9, 1.0), (1, 1.0), (4, 20.0), (3, 0.1))


@dataclass(frozen=True, eq=False)
class Sample:
    """What a function returned for some operands.

    Attributes:
        operands: A value for each operand; None for a constant, an empty array once it was read
            from a file.
        results: One for each result.
        nudged: The results for operands off by their last bit: what rounding alone does.
    """

    operands: tuple[Array | None, ...]
    results: tuple[Array, ...]
    nudged: tuple[Array, ...]


def composite(op: Op, number: int, layer: str, name: str, attributes: Mapping[str, Any]) -> Op:
    """The op that takes the place of `op`, a call of a function annotated as `name`."""
    written = {"call": number, "layer": layer, "name": name, "attributes": dict(attributes)}
    options = json.dumps(written, sort_keys=True).encode()
    return Op(COMPOSITE, op.inputs, op.outputs, custom=True, custom_options=options)


@dataclass(frozen=True)
class Told:
    """What `composite` wrote into an op.

    Attributes:
        call: The call's number, by which its samples are found.
        layer: Where it is called.
        name: What its annotation names.
        attributes: The annotation's and the function's.
    """

    call: int
    layer: str
    name: str
    attributes: Mapping[str, Any]


def told(op: Op) -> Told:
    """What `composite` wrote into an op.

    Raises:
        ModelFormatError: It is not what `composite` writes.
    """
    try:
        found = Told(**json.loads(op.custom_options or b""))
    except (ValueError, TypeError, RecursionError) as error:
        raise damaged(f"the op {COMPOSITE} does not say what it is") from error
    types = (int, str, str, dict)
    if tuple(map(type, (found.call, found.layer, found.name, found.attributes))) != types:
        raise damaged(f"the op {COMPOSITE} does not say what it is")
    return found


def draws(operands: Sequence[Tensor]) -> Iterator[list[Array | None]]:
    """Random operands, None for constants; those whose shapes contradict each other as well."""
    for number, (length, deviation) in enumerate(DRAWS):
        random = np.random.default_rng(number)
        yield [_draw(random, t, length, deviation) if t.data is None else None for t in operands]


def _draw(random: np.random.Generator, tensor: Tensor, length: int, deviation: float) -> Array:
    shape = [length if d == OPEN else d for d in tensor.shape or ()]
    dtype = NUMPY[tensor.dtype]
    if dtype.kind in "iub":
        return random.integers(0, 2, shape).astype(dtype)
    return random.normal(0.0, deviation, shape).astype(dtype)


def nudged(values: Sequence[Array | None]) -> list[Array | None]:
    """The floats off by one in their last place, up or down at random."""
    random = np.random.default_rng(0)
    return [
        v if v is None or v.dtype.kind != "f" else np.nextafter(v, _away(random, v)) for v in values
    ]


def _away(random: np.random.Generator, value: Array) -> Array:
    return np.where(random.integers(0, 2, value.shape) == 1, np.inf, -np.inf).astype(value.dtype)


def write_samples(model: Model, samples: Mapping[int, Sequence[Sample]]) -> None:
    """Puts the samples of each call into the model's metadata."""
    arrays: dict[str, Any] = {}
    for call, each in samples.items():
        for k, sample in enumerate(each):
            for part in ("operands", "results", "nudged"):
                for j, value in enumerate(getattr(sample, part)):
                    arrays[f"{call}/{k}/{part}/{j}"] = np.zeros(0) if value is None else value
    file = io.BytesIO()
    np.savez(file, **arrays)
    model.metadata[SAMPLES] = file.getvalue()


def read_samples(model: Model) -> dict[int, list[Sample]]:
    """Takes the samples of each call out of the model's metadata.

    Raises:
        ModelFormatError: They are not what `write_samples` writes.
    """
    content = model.metadata.pop(SAMPLES, None)
    if content is None:
        return {}
    parts: dict[int, dict[int, dict[str, list[Array]]]] = {}
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as file:
            for key in file.files:
                call, k, part, _ = key.split("/")
                sample = parts.setdefault(int(call), {}).setdefault(int(k), {})
                sample.setdefault(part, []).append(file[key])
    except (*BROKEN_ZIP, ValueError, TypeError, OSError) as error:
        raise damaged(f"its metadata {SAMPLES} cannot be read") from error
    return {call: [_sample(p) for p in each.values()] for call, each in parts.items()}


def _sample(parts: Mapping[str, list[Array]]) -> Sample:
    return Sample(*(tuple(parts.get(p, ())) for p in ("operands", "results", "nudged")))
