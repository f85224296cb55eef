"""Transposes that cancel are taken out."""

from __future__ import annotations

from rnnlite_pipeline.graph.build import Builder
from rnnlite_pipeline.graph.edit import consumers, producers
from rnnlite_pipeline.graph.ir import Model, Op, Subgraph, Tensor
from rnnlite_pipeline.graph.ops import REAL
from rnnlite_pipeline.passes.sequence_ops import (
    Producers,
    Snapshot,
    bypass,
    each_until_settled,
    permutation,
    reversed_axis,
    step_of,
)


def fold_transpose(model: Model) -> bool:
    """Merges TRANSPOSEs, and moves them where that leaves fewer.

    1. TRANSPOSE(TRANSPOSE(z)) is one TRANSPOSE of z, or z itself.
    2. Equal TRANSPOSEs of one tensor are one; one that nothing reads is none.
    3. A step of TRANSPOSE(z) is a step of z, if the axes left over keep their order.
    4. An elementwise op, REVERSE_V2 or CONCATENATION of TRANSPOSEs is a TRANSPOSE of that op, if
       fewer TRANSPOSEs are left then: at once, or after more such moves (else they are taken
       back).
    """
    changed = each_until_settled(model, _fold_one)
    for subgraph in model.subgraphs:
        changed |= _try_sinking(model, subgraph)
    return changed


def _try_sinking(model: Model, subgraph: Subgraph) -> bool:
    """Rule 4 where a single move gains nothing."""
    before, taken_back = _transposes(subgraph), Snapshot(model, subgraph)
    while _fold_one(model, subgraph, gain=0):
        pass
    if _transposes(subgraph) < before:
        return True
    taken_back.restore()
    return False


def _transposes(subgraph: Subgraph) -> int:
    return sum(op.code == "TRANSPOSE" for op in subgraph.ops)


def _fold_one(model: Model, subgraph: Subgraph, gain: int = 1) -> bool:
    made = producers(subgraph)
    return (
        any(
            _merge(model, subgraph, op, made)
            or _step(subgraph, op, made)
            or _sink(subgraph, op, made, gain)
            for op in list(subgraph.ops)
        )
        or _share(model, subgraph)
        or _drop_unread(subgraph)
    )


def _drop_unread(subgraph: Subgraph) -> bool:
    read = {*subgraph.outputs, *(t for op in subgraph.ops for t in op.inputs)}
    kept = [op for op in subgraph.ops if op.code != "TRANSPOSE" or op.outputs[0] in read]
    changed = len(kept) < len(subgraph.ops)
    subgraph.ops = kept
    return changed


def _merge(model: Model, subgraph: Subgraph, op: Op, made: Producers) -> bool:
    outer, source = permutation(op), op.inputs[0] if op.inputs else None
    if outer is None or source is None:
        return False
    before = made.get(source)
    inner = permutation(before)
    order = outer if inner is None else tuple(inner[a] for a in outer)
    root = source if inner is None or before is None else before.inputs[0]
    if root is None:
        return False
    if order == tuple(range(len(order))):
        if not bypass(model, subgraph, op.outputs[0], root):
            return False
        subgraph.ops.remove(op)
        return True
    if inner is None:
        return False
    build = Builder(op.outputs[0].name)
    build.transpose(root, order)
    op.inputs = build.ops[-1].inputs
    return True


def _share(model: Model, subgraph: Subgraph) -> bool:
    seen: dict[tuple[Tensor | None, tuple[int, ...]], Tensor] = {}
    for op in subgraph.ops:
        order = permutation(op)
        if order is None:
            continue
        known = seen.setdefault((op.inputs[0], order), op.outputs[0])
        if known is not op.outputs[0] and bypass(model, subgraph, op.outputs[0], known):
            subgraph.ops.remove(op)
            return True
    return False


def _step(subgraph: Subgraph, op: Op, made: Producers) -> bool:
    place, source = step_of(op), op.inputs[0] if op.inputs else None
    before = made.get(source) if source is not None else None
    order = permutation(before)
    if place is None or order is None or before is None or before.inputs[0] is None:
        return False
    axis, index = place
    left = [a for k, a in enumerate(order) if k != axis]
    if left != sorted(left):
        return False
    build = Builder(op.outputs[0].name)
    build.step(before.inputs[0], order[axis], index)
    (new,) = build.ops
    new.outputs = op.outputs
    subgraph.ops[subgraph.ops.index(op)] = new
    return True


def _sink(subgraph: Subgraph, op: Op, made: Producers, gain: int) -> bool:
    turned = reversed_axis(op)
    if op.code not in REAL and op.code != "CONCATENATION" and turned is None:
        return False
    computed = [t for t in op.inputs if t is not None and t.data is None]
    before = list(dict.fromkeys(made[t] for t in computed if t in made))
    orders = {permutation(b) for b in before}
    order = next(iter(orders), None)
    if len(orders) != 1 or order is None or any(t not in made for t in computed):
        return False
    constants = [t for t in op.inputs if t is not None and t.data is not None]
    if turned is None and not all(_broadcasts(t, order) for t in constants):
        return False
    if _gain(subgraph, op, before, order) < gain:
        return False
    y, build = op.outputs[0], Builder(op.outputs[0].name)
    inverse = _inverse(order)
    op.inputs = [made[t].inputs[0] if t in made else t for t in op.inputs if t is not None]
    op.outputs = [build.tensor("untransposed", y.dtype, y.shape and [y.shape[a] for a in inverse])]
    if op.code == "CONCATENATION":
        op.options = {**op.options, "axis": order[op.options["axis"] % len(order)]}
    if turned is not None:
        op.inputs[1] = build.indices([order[turned]])
    build.transpose(op.outputs[0], order)
    build.ops[-1].outputs = [y]
    place = subgraph.ops.index(op) + 1
    subgraph.ops[place:place] = build.ops
    return True


def _broadcasts(constant: Tensor, order: tuple[int, ...]) -> bool:
    """Whether a constant operand means the same before the transpose."""
    rank = len(constant.shape or ())
    return constant.shape is not None and (rank == 0 or (rank == 1 and order[-1] == len(order) - 1))


def _gain(subgraph: Subgraph, op: Op, before: list[Op], order: tuple[int, ...]) -> int:
    """How many TRANSPOSEs fewer there are when those before `op` move behind it."""
    readers, y = consumers(subgraph), op.outputs[0]
    behind = readers.get(y, [])
    cancelled = [r for r in behind if permutation(r) == _inverse(order)]
    freed = [
        b for b in before if readers[b.outputs[0]] == [op] and b.outputs[0] not in subgraph.outputs
    ]
    others = len(behind) > len(cancelled) or y in subgraph.outputs
    return len(freed) + len(cancelled) - others


def _inverse(order: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(order.index(axis) for axis in range(len(order)))
