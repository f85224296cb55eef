"""The TensorLists of a graph: which values hold one list, and what is known of its items."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from rnnlite_pipeline.graph.build import join
from rnnlite_pipeline.graph.calls import called
from rnnlite_pipeline.graph.edit import tensors
from rnnlite_pipeline.graph.flex import grows
from rnnlite_pipeline.graph.ir import NUMPY, OPEN, Model, Op, Subgraph, Tensor

PREFIX = "FlexTensorList"

#: Ops on lists that have a form on tensors.
RESERVE, FROM_TENSOR, SET, GET, STACK, LENGTH = (
    PREFIX + name for name in ("Reserve", "FromTensor", "SetItem", "GetItem", "Stack", "Length")
)

#: How many inputs each takes.
ARITY = {RESERVE: 2, FROM_TENSOR: 2, SET: 3, GET: 3, STACK: 2, LENGTH: 1}

LIST = "VARIANT"


@dataclass(eq=False)
class TensorList:
    """One list on its way through the graph, loops and branches.

    Attributes:
        tensors: All of them; they become tensors [N, *item] of one dtype and shape.
        ops: The ops that make, read or change the list, each with its subgraph.
        dtype: The items' dtype.
        item: The items' shape as far as it is known now; None while the rank is unknown.
        length: N, or OPEN.
        why_not: Why the list cannot become a tensor; empty if it can.
    """

    tensors: list[Tensor]
    ops: list[tuple[Subgraph, Op]] = field(default_factory=list)
    dtype: str = ""
    item: tuple[int, ...] | None = None
    length: int = OPEN
    why_not: str = ""


def tensor_lists(model: Model) -> list[TensorList]:
    """Every list of the graph, those that cannot become a tensor with the reason."""
    groups = _joined(model)
    found = {id(group): TensorList(group) for group in groups.values()}
    for subgraph in model.subgraphs:
        for op in subgraph.ops:
            touched = {id(groups[t]) for t in (*op.inputs, *op.outputs) if t in groups}
            for key in touched:
                found[key].ops.append((subgraph, op))
    for lists in found.values():
        _describe(model, lists)
    return list(found.values())


def _joined(model: Model) -> dict[Tensor, list[Tensor]]:
    """Each list-valued tensor to all those that hold the same list."""
    groups: dict[Tensor, list[Tensor]] = {}

    def join_groups(*tensors: Tensor | None) -> None:
        lists = [t for t in tensors if t is not None and t.dtype == LIST]
        for tensor in lists:
            groups.setdefault(tensor, [tensor])
        for tensor in lists[1:]:
            one, other = groups[lists[0]], groups[tensor]
            if one is not other:
                one += other
                groups.update(dict.fromkeys(other, one))

    for subgraph in model.subgraphs:
        for tensor in tensors(subgraph):
            join_groups(tensor)
        for op in subgraph.ops:
            for same in _same_list(op):
                join_groups(*same)
    return groups


def _same_list(op: Op) -> Iterator[tuple[Tensor | None, ...]]:
    if op.code == SET:
        yield op.inputs[0], op.outputs[0]
    elif op.code == "WHILE":
        cond, body = op.options["cond_subgraph"], op.options["body_subgraph"]
        carried = (op.inputs, op.outputs, cond.inputs, body.inputs, body.outputs)
        yield from zip(*carried, strict=False)
    elif op.code == "IF":
        for branch in called(op):
            yield from zip(op.inputs[1:], branch.inputs, strict=False)
            yield from zip(op.outputs, branch.outputs, strict=False)


def _describe(model: Model, lists: TensorList) -> None:
    """Fills in dtype, item shape and length, or why the list cannot be converted."""
    name = lists.tensors[0].name
    strange = sorted({op.code for _, op in lists.ops if not _is_known(op)})
    if strange:
        lists.why_not = f"The list {name!r} is used by {', '.join(strange)}."
        return
    entry = [model.main, *(s.subgraph for s in model.signatures)]
    if {t for s in entry for t in (*s.inputs, *s.outputs)}.intersection(lists.tensors):
        lists.why_not = f"The list {name!r} is an input or an output of the model."
        return
    items = [shape for _, op in lists.ops for shape in _item_shapes(op)]
    dtypes = {dtype for dtype, _ in items if dtype}
    ranked = [shape for _, shape in items if shape is not None]
    if len(dtypes) != 1 or not dtypes <= NUMPY.keys() or len({len(s) for s in ranked}) != 1:
        lists.why_not = f"The dtype and the rank of the items of the list {name!r} are not known."
        return
    lists.dtype = dtypes.pop()
    lists.item = tuple(join(dimensions) for dimensions in zip(*ranked, strict=True))
    lists.length = _static_length(lists)


def _is_known(op: Op) -> bool:
    if op.code in ARITY:
        return len(op.inputs) == ARITY[op.code] and None not in op.inputs
    return op.code in ("WHILE", "IF")


def operand(op: Op, index: int) -> Tensor:
    """The input of an op that takes it for certain.

    Raises:
        ValueError: It is left out.
    """
    value = op.inputs[index]
    if value is None:
        raise ValueError(f"{op} has no input {index}")
    return value


def _item_shapes(op: Op) -> Iterator[tuple[str, tuple[int, ...] | None]]:
    """What an op says of the items: their dtype ("" where it does not say) and shape."""
    if op.code == SET:
        item = operand(op, 2)
        yield item.dtype, item.shape
    elif op.code == GET:
        yield op.outputs[0].dtype, op.outputs[0].shape
    elif op.code in (STACK, FROM_TENSOR):
        stacked = op.outputs[0] if op.code == STACK else operand(op, 0)
        yield stacked.dtype, None if stacked.shape is None else stacked.shape[1:]
    elif op.code == RESERVE:
        shape = operand(op, 0).array
        if shape is not None and shape.ndim == 1:
            yield "", tuple(int(d) for d in shape)


def _static_length(lists: TensorList) -> int:
    lengths: set[int] = set()
    for _, op in lists.ops:
        if op.code == SET and grows(op):
            return OPEN
        if op.code == RESERVE:
            value = operand(op, 1).array
            lengths.add(OPEN if value is None else int(value))
        elif op.code == FROM_TENSOR:
            lengths.add((operand(op, 0).shape or (OPEN,))[0])
    return lengths.pop() if len(lengths) == 1 else OPEN
