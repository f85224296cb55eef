"""Calls of annotated functions become what their converters make of them.

1. Each composite op is converted by the converter of its name.
2. What it makes is held to what the function itself computed; if they differ, nothing is
   converted: either the annotation or the converter is wrong.
3. An initial state of zeros is given to a recurrence as None.
4. In a loop's body, a single step is written out, to be read with the loop.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from rnnlite_pipeline.cells.recurrence import RECURRENCE, Recurrence
from rnnlite_pipeline.composites.call import CompositeCall, Refused
from rnnlite_pipeline.composites.record import COMPOSITE, Sample, Told, read_samples, told
from rnnlite_pipeline.composites.registry import Converter, converter_of
from rnnlite_pipeline.errors import NotConvertible
from rnnlite_pipeline.graph.build import Builder
from rnnlite_pipeline.graph.edit import prune, replace_uses
from rnnlite_pipeline.graph.flat import damaged
from rnnlite_pipeline.graph.ir import Model, Op, Subgraph, Tensor
from rnnlite_pipeline.resolve.steps import written_out
from rnnlite_pipeline.shapes.extents import Extents


@dataclass(frozen=True, eq=False)
class Composite:
    """A call of an annotated function, converted.

    Attributes:
        name: What its annotation names.
        layer: Where it is called, as the model's author knows it.
        package: Whose converter it was.
        operands: What stands for the call's operands in `ops`; constants are themselves.
        ops: The new ops, in execution order.
        results: A tensor for each of the call's results; None where there is none.
        recurrences: The recurrences among the ops.
    """

    name: str
    layer: str
    package: str
    operands: tuple[Tensor, ...]
    ops: tuple[Op, ...]
    results: tuple[Tensor | None, ...]
    recurrences: tuple[Recurrence, ...]


#: How far a converted call is from what its function computed, relative to its scale; 0 where
#: rounding explains it.
Distance: TypeAlias = Callable[[Composite, Sequence[Sample]], float]


def resolve(model: Model, distance: Distance) -> list[Composite]:
    """Converts every composite op of `model`, in place.

    Ensures: no composite op is left, and no samples.

    Args:
        model: Changed in place.
        distance: Asked for each; anything above 0 is an error.

    Raises:
        NotConvertible: No converter is at hand, it fails, it refuses, or its numbers differ.
        ModelFormatError: The op, or the samples, are not what the stage import writes.
    """
    samples = read_samples(model)
    found = []
    for subgraph in model.subgraphs:
        extents = Extents(subgraph)
        for op in [o for o in subgraph.ops if o.code == COMPOSITE]:
            what = told(op)
            own = samples.get(what.call, [])
            if not own or not all(_is_of(op, sample) for sample in own):
                raise damaged(f"it does not hold what {what.layer} computes")
            composite = _converted(op, what)
            _check(composite, distance(composite, own))
            _put(model, subgraph, op, composite, extents)
            found.append(composite)
    if found:
        prune(model)
    return found


def _is_of(op: Op, sample: Sample) -> bool:
    """Whether a sample has a value for each operand and each result."""
    operands, results = sum(t is not None for t in op.inputs), len(op.outputs)
    found = (len(sample.operands), len(sample.results), len(sample.nudged))
    return found == (operands, results, results)


def _converted(op: Op, what: Told) -> Composite:
    name, layer = what.name, what.layer
    converter = converter_of(name)
    if converter is None:
        raise NotConvertible(
            f'{layer}: no installed package converts "{name}".',
            "Install the package it was imported with, or import the source again.",
        )
    operands = tuple(_stand_in(t) for t in op.inputs if t is not None)
    call = CompositeCall(name, layer, what.attributes, operands, tuple(op.outputs), Builder(layer))
    results = _results(call, _run(converter, call))
    return Composite(
        name,
        layer,
        converter.package,
        operands,
        tuple(call.build.ops),
        results,
        tuple(call.recurrences),
    )


def _stand_in(tensor: Tensor) -> Tensor:
    """A tensor like an operand: two operands may be one tensor, and are still two."""
    return tensor if tensor.data is not None else Tensor(tensor.name, tensor.dtype, tensor.shape)


def _run(converter: Converter, call: CompositeCall) -> Sequence[Tensor | None]:
    """Runs a converter, and the recurrence that it may return.

    Raises:
        NotConvertible: Whatever it raises, as one error that names its package.
    """
    try:
        converted = converter.load()(call)
        if isinstance(converted, Recurrence):
            made = call.run(converted, call.operands[0])
            return [*made, *[None] * len(call.results)][: len(call.results)]
        return converted
    except Refused as reason:
        raise NotConvertible(
            f'{call.layer}: {converter.package} cannot convert this "{call.name}": {reason}.',
            "Change what is named, or remove the annotation to have the function's body read.",
        ) from reason
    except Exception as error:
        first = str(error).strip().split("\n", 1)[0]
        raise NotConvertible(
            f'{call.layer}: the converter of "{call.name}" in the package {converter.package} '
            f"failed: {type(error).__name__}: {first}",
            "Ask the package's author, or uninstall it to have the function's body read.",
        ) from error


def _results(call: CompositeCall, converted: Any) -> tuple[Tensor | None, ...]:
    """What a converter returned, as one tensor for each result.

    Raises:
        NotConvertible: It returned something else.
    """
    made = {id(t) for op in call.build.ops for t in op.outputs}
    wrong = not isinstance(converted, (list, tuple)) or len(converted) != len(call.results)
    if wrong or not all(t is None or id(t) in made for t in converted):
        raise NotConvertible(
            f'{call.layer}: the converter of "{call.name}" did not return one tensor that it made'
            f" for each of {len(call.results)} results.",
            "It returns a list of tensors made by call.run or call.build, None for a result that"
            " nothing reads, or one Recurrence.",
        )
    return tuple(converted)


def _check(composite: Composite, distance: float) -> None:
    if distance > 0:
        raise NotConvertible(
            f'{composite.layer}: the function annotated "{composite.name}" computes something'
            f" else than its annotation says: {composite.package}'s conversion of it differs by"
            f" {distance:.1e} of its scale when both are run.",
            "Correct the function or its annotation (the order of gates, clipping, time_major),"
            " or remove the annotation to have its body read.",
        )


def _put(model: Model, subgraph: Subgraph, op: Op, composite: Composite, extents: Extents) -> None:
    """Puts the new ops where the call was, its operands in the place of their stand-ins."""
    given = [t for t in op.inputs if t is not None]
    actual = {id(s): t for s, t in zip(composite.operands, given, strict=True)}
    for new in composite.ops:
        new.inputs = [t and actual.get(id(t), t) for t in new.inputs]
        if new.code == RECURRENCE:
            new.inputs[1:] = [t and (None if extents.is_zero(t) else t) for t in new.inputs[1:]]
    ops = composite.ops if subgraph is model.main else written_out(composite.ops)
    place = subgraph.ops.index(op)
    subgraph.ops[place : place + 1] = ops
    for old, result in zip(op.outputs, composite.results, strict=True):
        if result is not None:
            replace_uses(model, subgraph, old, result)
        elif old in subgraph.outputs or any(old in other.inputs for other in subgraph.ops):
            raise NotConvertible(
                f'{composite.layer}: a result of "{composite.name}" is used that its conversion'
                " does not have.",
                "Use the other results of the function.",
            )
