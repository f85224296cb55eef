"""Walking and changing a graph: who makes, who reads, replace, prune, sort."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import Literal

from rnnlite_pipeline.graph.calls import called
from rnnlite_pipeline.graph.ir import Model, Op, Signature, Subgraph, Tensor
from rnnlite_pipeline.graph.ops import SIDE_EFFECTS


def producers(subgraph: Subgraph) -> dict[Tensor, Op]:
    """The op that makes each computed tensor."""
    return {tensor: op for op in subgraph.ops for tensor in op.outputs}


def consumers(subgraph: Subgraph) -> dict[Tensor, list[Op]]:
    """The ops that read each tensor, in execution order, each op once.

    A tensor that no op reads has an empty list. That the subgraph returns a tensor does not
    show here; see `Subgraph.outputs`.
    """
    readers: dict[Tensor, list[Op]] = defaultdict(list)
    for op in subgraph.ops:
        for tensor in dict.fromkeys(op.inputs):
            if tensor is not None:
                readers[tensor].append(op)
    return readers


def replace_uses(model: Model, subgraph: Subgraph, old: Tensor, new: Tensor) -> None:
    """Lets `new` stand wherever `subgraph` reads or returns `old`, its signatures included.

    What the file calls an output keeps its name: where `old` is returned, `new` takes its
    name, unless `new` is fed, constant, or returned itself.
    """
    if old in subgraph.outputs and new not in (*subgraph.inputs, *subgraph.outputs):
        new.name = old.name if new.data is None else new.name
    for op in subgraph.ops:
        op.inputs = [new if t is old else t for t in op.inputs]
    subgraph.outputs = [new if t is old else t for t in subgraph.outputs]
    for signature in model.signatures:
        if signature.subgraph is subgraph:
            outputs = signature.outputs.items()
            signature.outputs = {n: new if t is old else t for n, t in outputs}


def replace_ops(model: Model, code: str, written: Callable[[Op], list[Op]]) -> None:
    """Puts other ops in the place of each op of a kind, in place.

    Args:
        model: Changed in place.
        code: Of the ops to replace.
        written: Gives the ops that make the results of one; none where it stays.
    """
    for subgraph in model.subgraphs:
        for op in [op for op in subgraph.ops if op.code == code]:
            if ops := written(op):
                at = subgraph.ops.index(op)
                subgraph.ops[at : at + 1] = ops


def callers(model: Model) -> dict[Subgraph, list[tuple[Subgraph, Op]]]:
    """For each called subgraph, the ops that run it, each with the subgraph it stands in."""
    found: dict[Subgraph, list[tuple[Subgraph, Op]]] = defaultdict(list)
    for subgraph in model.subgraphs:
        for op in subgraph.ops:
            for target in called(op):
                found[target].append((subgraph, op))
    return found


def has_side_effects(op: Op) -> bool:
    """Whether running the op does more than make its outputs (in its subgraphs as well).

    An op that writes or keeps a variable has: an LSTM's state, or the FILL that resets one.
    """
    variable = any(t is not None and t.is_variable for t in (*op.inputs, *op.outputs))
    if variable or op.code in SIDE_EFFECTS:
        return True
    return any(has_side_effects(inner) for s in called(op) for inner in s.ops)


def ensure_signature(model: Model) -> Signature:
    """The main graph's signature, put first among the model's; made if there is none.

    A made one is called `serving_default` and names the tensors as they are named, repeated names
    numbered.
    """
    for signature in model.signatures:
        if signature.subgraph is model.main:
            model.signatures.remove(signature)
            break
    else:
        inputs, outputs = _named(model.main.inputs), _named(model.main.outputs)
        signature = Signature("serving_default", model.main, inputs, outputs)
    model.signatures.insert(0, signature)
    return signature


def ports(model: Model, side: Literal["inputs", "outputs"]) -> list[tuple[str, Tensor]]:
    """The main graph's inputs or outputs in order, each with its name.

    The name is that in the main graph's signature; the tensor's own where there is none.
    """
    signature = next((s for s in model.signatures if s.subgraph is model.main), None)
    names = list(getattr(signature, side).items()) if signature else []
    found = []
    for tensor in getattr(model.main, side):
        pair = next((each for each in names if each[1] is tensor), None)
        if pair:
            names.remove(pair)
        found.append(pair or (tensor.name, tensor))
    return found


def _named(tensors: list[Tensor]) -> dict[str, Tensor]:
    named: dict[str, Tensor] = {}
    for position, tensor in enumerate(tensors):
        named[f"{tensor.name}_{position}" if tensor.name in named else tensor.name] = tensor
    return named


def prune(model: Model) -> bool:
    """Removes what nothing needs; returns whether there was anything.

    1. An op without side effects none of whose outputs is read or returned.
    2. A subgraph that no op of a kept subgraph runs, that is not the main one, and that no
       signature names.
    3. A tensor that nothing refers to.
    """
    before = [(s, len(s.ops), len(s.tensors)) for s in model.subgraphs]
    for subgraph in model.subgraphs:
        _drop_dead_ops(model, subgraph)
    kept = set(reachable(model))
    model.subgraphs = [s for s in model.subgraphs if s in kept]
    for subgraph in model.subgraphs:
        used = set(_used(model, subgraph))
        subgraph.tensors = [t for t in subgraph.tensors if t in used]
    return before != [(s, len(s.ops), len(s.tensors)) for s in model.subgraphs]


def reachable(model: Model) -> list[Subgraph]:
    """The subgraphs that can run: from the main one and from the signatures'."""
    found = dict.fromkeys([model.main, *(s.subgraph for s in model.signatures)])
    stack = list(found)
    while stack:
        for target in [s for op in stack.pop().ops for s in called(op)]:
            if target not in found:
                found[target] = None
                stack.append(target)
    return list(found)


def topological_sort(subgraph: Subgraph) -> None:
    """Puts every op behind those whose outputs it reads, else keeps the order as it is.

    Raises:
        ValueError: The ops depend on each other in a circle.
    """
    maker = producers(subgraph)
    done: dict[Op, None] = {}
    begun: set[Op] = set()
    stack = subgraph.ops[::-1]
    while stack:
        op = stack[-1]
        missing = [maker[t] for t in op.inputs if t in maker and maker[t] not in done]
        if op in done or not missing:
            done[stack.pop()] = None
        elif op in begun:
            raise ValueError(f"{op} depends on itself")
        else:
            begun.add(op)
            stack += reversed(missing)
    subgraph.ops = list(done)


def unique_name(subgraph: Subgraph, name: str) -> str:
    """`name`, or `name_1`, `name_2`... where the subgraph has a tensor of that name."""
    taken = {t.name for t in tensors(subgraph)}
    candidate, count = name, 0
    while candidate in taken:
        count += 1
        candidate = f"{name}_{count}"
    return candidate


def tensors(subgraph: Subgraph) -> Iterator[Tensor]:
    """Every tensor of the subgraph once: those listed, then those only its ops refer to."""
    mentioned = (
        *subgraph.tensors,
        *subgraph.inputs,
        *(t for op in subgraph.ops for t in (*op.inputs, *op.intermediates, *op.outputs) if t),
        *subgraph.outputs,
    )
    yield from dict.fromkeys(mentioned)


def _drop_dead_ops(model: Model, subgraph: Subgraph) -> None:
    needed = {*subgraph.outputs}
    for signature in model.signatures:
        if signature.subgraph is subgraph:
            needed.update(signature.outputs.values())
    kept: list[Op] = []
    for op in reversed(subgraph.ops):
        if has_side_effects(op) or needed.intersection(op.outputs):
            kept.append(op)
            needed.update(t for t in op.inputs if t is not None)
    subgraph.ops = kept[::-1]


def _used(model: Model, subgraph: Subgraph) -> Iterator[Tensor]:
    yield from (*subgraph.inputs, *subgraph.outputs)
    for op in subgraph.ops:
        yield from (t for t in (*op.inputs, *op.intermediates, *op.outputs) if t is not None)
    for signature in model.signatures:
        if signature.subgraph is subgraph:
            yield from (*signature.inputs.values(), *signature.outputs.values())
