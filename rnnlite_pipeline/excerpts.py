"""Cuts a loop and its replacement out of a model, each as a model of its own to run."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass

from rnnlite_pipeline.graph.calls import called
from rnnlite_pipeline.graph.edit import prune
from rnnlite_pipeline.graph.ir import NUMPY, Model, Op, Signature, Subgraph, Tensor
from rnnlite_pipeline.partition import is_foreign
from rnnlite_pipeline.recognise import Replacement
from rnnlite_pipeline.recognise.extents import Extents


def excerpts(replacement: Replacement) -> tuple[Model, Model]:
    """The loop alone and its replacement alone, with the same inputs and outputs."""
    extents = replacement.extents
    pairs = list(replacement.results.values())
    before = around(replaced(replacement), extents)
    inputs = [t for t in before.inputs if t.dtype in NUMPY]
    old = standing_alone(inputs, [o for o, _ in pairs], before.ops)
    made = {id(t) for op in replacement.ops for t in op.outputs}
    reading = around(replacement.ops, extents)
    fresh = [op for op in reading.ops if not any(id(t) in made for t in op.outputs)]
    new = standing_alone(inputs, [n for _, n in pairs], [*fresh, *replacement.ops])
    return copy.deepcopy(old), copy.deepcopy(new)


def replaced(replacement: Replacement) -> list[Op]:
    """The old ops: the loop and what stacks its lists, or the steps written out."""
    return list(replacement.replaced) or [replacement.loop.op, *_stacks(replacement)]


def _stacks(replacement: Replacement) -> Iterator[Op]:
    for old, _ in replacement.results.values():
        op = replacement.extents.producer(old)
        if op is not None and op is not replacement.loop.op:
            stack = replacement.extents.producer(op.inputs[0])
            if stack is not None and stack is not replacement.loop.op:  # a step is taken of it
                yield stack
            yield op


@dataclass(frozen=True, eq=False)
class Around:
    """What some ops need: earlier ops that only measure shapes or make zeros, and inputs."""

    ops: list[Op]
    inputs: list[Tensor]


def around(ops: list[Op], extents: Extents) -> Around:
    """What `ops` need of the graph they stand in."""
    found: dict[int, Op] = {}
    inputs: dict[int, Tensor] = {}
    own = {id(op) for op in ops}
    made = {id(t) for op in ops for t in op.outputs}

    def visit(op: Op) -> None:
        if id(op) in found:
            return
        for tensor in op.inputs:
            if tensor is None or tensor.data is not None:
                continue
            before = extents.producer(tensor)
            if before is not None and (id(before) in own or _is_made_here(tensor, extents)):
                visit(before)
            elif id(tensor) not in made:
                inputs[id(tensor)] = tensor
        found[id(op)] = op

    for op in ops:
        visit(op)
    return Around(list(found.values()), list(inputs.values()))


def _is_made_here(tensor: Tensor, extents: Extents) -> bool:
    before = extents.producer(tensor)
    if before is not None and is_foreign(before) and tensor.dtype in NUMPY:
        return False
    return tensor.dtype in ("VARIANT", "INT32", "INT64") or extents.is_zero(tensor)


def standing_alone(inputs: list[Tensor], outputs: list[Tensor], ops: list[Op]) -> Model:
    """A model of these ops, in execution order; inputs are input_0..., outputs output_0..."""
    main = Subgraph("main", list(inputs), list(outputs), list(ops))
    names = {f"input_{k}": t for k, t in enumerate(inputs)}
    results = {f"output_{k}": t for k, t in enumerate(outputs)}
    subgraphs = [main]
    for graph in subgraphs:
        subgraphs += [g for op in graph.ops for g in called(op) if g not in subgraphs]
    model = Model(subgraphs, [Signature("serving_default", main, names, results)])
    prune(model)
    return model
