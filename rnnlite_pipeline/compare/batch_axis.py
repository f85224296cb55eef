"""Which axis of each input and output is the batch.

A shape does not tell: [T, B, F] and [B, T, F] look alike where both are open. What a batch is
does: its entries do not know of each other. So the model is run on two batches and on both
together; along the right axes, the results of both together are those of the two.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from rnnlite_pipeline.compare.distance import compare
from rnnlite_pipeline.graph.ir import Model, Tensor
from rnnlite_pipeline.sources.model import Array, SourceModel, TensorSpec

_T = TypeVar("_T")

Arrays = Mapping[str, Array]
Run = Callable[[Arrays], dict[str, Array]]

#: The entries of the two batches.
ENTRIES = (2, 3)

#: How long other open dimensions are: convolutions in front of a recurrence need some steps.
LENGTH = 24

#: How far results may be apart, as a part of their scale: sums are made in another order for
#: another batch, and a state that goes from step to step makes far more of a difference.
TOLERANCE = 1e-4

#: How many ways to place the axes are tried.
TRIES = 64


@dataclass(frozen=True)
class Axes:
    """The batch's axis by name of an input or output; 0 for a name that is not there."""

    inputs: Mapping[str, int] = dataclasses.field(default_factory=dict)
    outputs: Mapping[str, int] = dataclasses.field(default_factory=dict)

    def batch_first(self, specs: Sequence[TensorSpec]) -> tuple[TensorSpec, ...]:
        """Inputs or outputs as they are with the batch in front."""
        both = {**self.outputs, **self.inputs}
        return tuple(_moved(spec, both.get(spec.name, 0)) for spec in specs)

    def tensors_batch_first(self, inputs: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """The same of a graph's inputs; each is a copy."""
        return {
            name: dataclasses.replace(tensor, shape=_to_front(tensor.shape or (), axis))
            for name, tensor in inputs.items()
            for axis in (self.inputs.get(name, 0),)
        }

    def of_model(self, arrays: Arrays) -> dict[str, Array]:
        """Inputs with the batch in front, as the model takes them."""
        return {
            n: np.moveaxis(a, 0, k) if (k := self.inputs.get(n, 0)) else a
            for n, a in arrays.items()
        }

    def results(self, arrays: Arrays) -> dict[str, Array]:
        """The model's outputs, with the batch in front."""
        return {
            n: np.moveaxis(a, k, 0) if (k := self.outputs.get(n, 0)) else a
            for n, a in arrays.items()
        }

    def running(self, run: Run) -> Run:
        """What runs a model, made to take and give the batch in front."""
        return lambda arrays: self.results(run(self.of_model(arrays)))


def batch_axes(inputs: Sequence[TensorSpec], run: Run, limits: Mapping[str, range]) -> Axes:
    """Finds the axes by running a model; the first axes if that does not decide.

    Args:
        inputs: The model's inputs.
        run: Runs it; two runs are independent.
        limits: For an input of whole numbers, those it takes, where they are known.
    """
    ways = list(itertools.islice(_ways(inputs), TRIES))
    told = len(ways) > 1 or any(ways[0].values())
    for axes in ways if told else ():
        outputs = _outputs(inputs, axes, run, limits)
        if outputs is not None:
            return Axes(axes, outputs)
    return Axes()


def axes_of_model(model: Model, run: Run, limits: Mapping[str, range]) -> Axes:
    """The batch axes of a TFLite graph."""
    named = model.signatures[0].inputs.items()
    return batch_axes([TensorSpec.of_tensor(name, tensor) for name, tensor in named], run, limits)


def batch_first(source: SourceModel, axes: Axes) -> SourceModel:
    """The source, with the batch as the first axis of its inputs and outputs."""
    return dataclasses.replace(
        source,
        inputs=axes.batch_first(source.inputs),
        outputs=axes.batch_first(source.outputs),
        run=axes.running(source.run),
        resume=axes.running(source.resume) if source.resume else None,
    )


def draw(
    rng: np.random.Generator, spec: TensorSpec, shape: Sequence[int], limits: Mapping[str, range]
) -> Array:
    """Random values that an input of this kind takes: floats are normal."""
    dtype = np.dtype(spec.dtype)
    if spec.name in limits or dtype.kind != "f":
        values = limits.get(spec.name, range(2))
        return rng.integers(values.start, values.stop, shape).astype(dtype)
    return rng.standard_normal(shape).astype(dtype)


def _ways(inputs: Sequence[TensorSpec]) -> Iterator[dict[str, int]]:
    """An open axis of each input, the first ones first; 0 where none is open.

    A first dimension of 1 is a batch: there are no sequences of one step.
    """
    choices = [
        [0]
        if spec.shape[:1] == (1,)
        else [axis for axis, length in enumerate(spec.shape) if length is None] or [0]
        for spec in inputs
    ]
    for axes in sorted(itertools.product(*choices), key=sum):
        yield {spec.name: axis for spec, axis in zip(inputs, axes, strict=True)}


def _outputs(
    inputs: Sequence[TensorSpec], axes: Mapping[str, int], run: Run, limits: Mapping[str, range]
) -> dict[str, int] | None:
    """The outputs' axes, if the entries along the inputs' axes do not affect each other."""
    rng = np.random.default_rng(0)
    parts: list[dict[str, Array]] = [{} for _ in ENTRIES]
    whole: dict[str, Array] = {}
    for spec in inputs:
        axis = axes[spec.name]
        shape = [LENGTH if d is None else d for d in spec.shape]
        if not spec.shape or spec.shape[axis] is not None:  # it has no batch
            whole[spec.name] = draw(rng, spec, shape, limits)
            for part in parts:
                part[spec.name] = whole[spec.name]
            continue
        for part, entries in zip(parts, ENTRIES, strict=True):
            shape[axis] = entries
            part[spec.name] = draw(rng, spec, shape, limits)
        whole[spec.name] = np.concatenate([part[spec.name] for part in parts], axis)
    try:
        together, apart = run(whole), [run(part) for part in parts]
    except Exception:  # noqa: BLE001  # whatever a framework raises where shapes do not fit
        return None
    found = {n: _joined(a, [part[n] for part in apart]) for n, a in together.items()}
    known = {name: axis for name, axis in found.items() if axis is not None}
    return known if len(known) == len(found) else None


def _joined(whole: Array, parts: Sequence[Array]) -> int | None:
    """The axis along which an output is its parts; 0 where all are the same."""
    for axis in range(whole.ndim):
        sizes = {(*p.shape[:axis], *p.shape[axis + 1 :]) for p in (whole, *parts)}
        fits = len(sizes) == 1 and whole.shape[axis] == sum(p.shape[axis] for p in parts)
        if fits and compare(whole, np.concatenate(parts, axis)).within(TOLERANCE):
            return axis
    same = all(p.shape == whole.shape and compare(whole, p).within(TOLERANCE) for p in parts)
    return 0 if same else None


def _moved(spec: TensorSpec, axis: int) -> TensorSpec:
    return dataclasses.replace(spec, shape=_to_front(spec.shape, axis))


def _to_front(shape: tuple[_T, ...], axis: int) -> tuple[_T, ...]:
    return (*shape[axis : axis + 1], *shape[:axis], *shape[axis + 1 :])
