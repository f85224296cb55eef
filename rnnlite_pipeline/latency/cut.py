"""Cuts a model into parts that can be timed one by one.

1. A part is one op of the main graph, with all that its loops and branches run.
2. Ops that share a state are one part: what writes it at the start of a call, the fused op that
   keeps it, what reads it after; so are ops that share a variable of the runtime. Alone, each
   would compute something else. What lies on a path between ops that share a state belongs to
   their part as well: it holds the one that reads behind the one that writes.
3. What depends on sizes and constants alone (a SHAPE and the arithmetic on it, a DEQUANTIZE of
   weights) is computed in every part that needs it, since a kernel prepares otherwise where a size
   or a weight is fed: variables are allocated for another batch, weights are not packed. All of
   these ops together are a part of their own, the first.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from rnnlite_pipeline.graph.calls import called
from rnnlite_pipeline.graph.extract import standing_alone
from rnnlite_pipeline.graph.ir import NUMPY, Model, Op, Subgraph, Tensor
from rnnlite_pipeline.graph.multiply_adds import of_op
from rnnlite_pipeline.graph.ops import SIZES

_INTEGERS = frozenset({"INT32", "INT64", "BOOL"})


@dataclass(frozen=True, eq=False)
class Part:
    """Ops that are timed together.

    Attributes:
        ops: In execution order; not those of rule 3, unless it is their own part.
        lead: The op the part is called after: the one that computes most.
        context: The ops of rule 3 that it needs.
        inputs: What it is fed: values of the whole model.
        outputs: What the rest of the model, or its caller, reads of it.
        is_early: Whether it is the part of rule 3.
    """

    ops: tuple[Op, ...]
    lead: Op
    context: tuple[Op, ...]
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    is_early: bool = False

    def model(self) -> Model:
        """The part as a model, for writing: its ops and tensors are the whole model's own.

        Its inputs are called input_0, input_1..., its outputs output_0, output_1...
        """
        return standing_alone(list(self.inputs), list(self.outputs), [*self.context, *self.ops])


def parts(model: Model) -> list[Part]:
    """The parts of the main graph, in the order of their leading ops."""
    main = model.main
    early = _early(main)
    groups = _Groups([op for op in main.ops if op not in early])
    _join_states(groups)
    _join_variables(groups)
    cut = _Cut(main, early)
    first = [replace(cut.part(early), is_early=True)] if early else []
    found = [cut.part(group) for group in groups.all()]
    places = {op: place for place, op in enumerate(main.ops)}
    return [*first, *sorted(found, key=lambda part: places[part.lead])]


def _early(main: Subgraph) -> list[Op]:
    """The ops of rule 3."""
    constant = {t for op in main.ops for t in op.inputs if t is not None and t.data is not None}
    sized = set(constant)
    found = []
    for op in main.ops:
        if op.custom or called(op) or _keeps(op) or not op.outputs:
            continue
        read = [t for t in op.inputs if t is not None]
        if read and constant.issuperset(read):
            constant.update(op.outputs)
        elif not _is_size(op) or (op.code not in SIZES and not sized.issuperset(read)):
            continue
        sized.update(op.outputs)
        found.append(op)
    return found


def _is_size(op: Op) -> bool:
    return all(t.dtype in _INTEGERS for t in op.outputs)


def _keeps(op: Op) -> bool:
    return any(t.is_variable or t.dtype == "RESOURCE" for t in (*op.inputs, *op.outputs) if t)


class _Groups:
    """Ops in disjoint groups that can be joined."""

    def __init__(self, ops: Iterable[Op]) -> None:
        self._of: dict[Op, list[Op]] = {op: [op] for op in ops}

    def __iter__(self) -> Iterator[Op]:
        return iter(self._of)

    def join(self, ops: Iterable[Op]) -> None:
        """Makes one group of the groups of these ops."""
        groups = {id(self._of[op]): self._of[op] for op in ops}
        joined = [op for group in groups.values() for op in group]
        for op in joined:
            self._of[op] = joined

    def all(self) -> list[list[Op]]:
        """Every group once."""
        return list({id(group): group for group in self._of.values()}.values())


def _join_states(groups: _Groups) -> None:
    """Rule 2, for the states of fused ops; joined groups can enclose what joins them to others."""
    sharing: dict[Tensor, list[Op]] = {}
    for op in groups:
        for tensor in (*op.inputs, *op.outputs):
            if tensor is not None and tensor.is_variable:
                sharing.setdefault(tensor, []).append(op)
    for ops in sharing.values():
        groups.join(ops)
    count = 0
    while count != len(groups.all()):
        count = len(groups.all())
        for group in groups.all():
            if len(group) > 1:
                groups.join(_between(groups, group))


def _between(ops: Iterable[Op], group: Iterable[Op]) -> list[Op]:
    """The group, and what is computed from one of its ops on the way to another."""
    ops, members = list(ops), set(group)
    after = {t for op in members for t in op.outputs}
    behind = []
    for op in ops:
        if op in members or any(t in after for t in op.inputs):
            after.update(op.outputs)
            behind.append(op)
    before = {t for op in members for t in op.inputs}
    between = []
    for op in reversed(behind):
        if op in members or any(t in before for t in op.outputs):
            before.update(op.inputs)
            between.append(op)
    return between


def _join_variables(groups: _Groups) -> None:
    """Rule 2, for the variables of the runtime: by their handles, and with what is run once."""
    sharing: dict[Tensor | None, list[Op]] = {}
    for op in groups:
        for tensor in (*op.inputs, *op.outputs):
            if tensor is not None and tensor.dtype == "RESOURCE":
                sharing.setdefault(tensor, []).append(op)
        if op.code in ("CALL_ONCE", "VAR_HANDLE"):
            sharing.setdefault(None, []).append(op)
    for ops in sharing.values():
        groups.join(ops)


class _Cut:
    """What each group needs of the graph, and what the graph needs of it."""

    def __init__(self, main: Subgraph, early: list[Op]) -> None:
        self._main = main
        self._places = {op: place for place, op in enumerate(main.ops)}
        self._early = {t: op for op in early for t in op.outputs}
        self._readers: dict[Tensor, set[Op]] = {}
        for op in main.ops:
            for tensor in op.inputs:
                if tensor is not None:
                    self._readers.setdefault(tensor, set()).add(op)

    def part(self, group: list[Op]) -> Part:
        """The group as a part."""
        own = set(group)
        made = {t for op in group for t in op.outputs}
        context: set[Op] = set()
        inputs: dict[Tensor, None] = {}

        def need(op: Op) -> None:
            for tensor in op.inputs:
                if tensor is None or tensor.data is not None or tensor in made:
                    continue
                before = self._early.get(tensor)
                if before is None:
                    inputs[tensor] = None
                elif before not in context:
                    context.add(before)
                    need(before)

        for op in sorted(group, key=self._places.__getitem__):
            need(op)
        ops = self._in_order(own)
        outputs = self._outputs(ops, own)
        return Part(ops, _lead(ops), self._in_order(context), tuple(inputs), outputs)

    def _in_order(self, ops: set[Op]) -> tuple[Op, ...]:
        return tuple(sorted(ops, key=self._places.__getitem__))

    def _outputs(self, ops: tuple[Op, ...], own: set[Op]) -> tuple[Tensor, ...]:
        """What others read; all that it makes, where that is nothing."""
        made = [t for op in ops for t in op.outputs if not t.is_variable and t.dtype in NUMPY]
        returned = set(self._main.outputs)
        read = [t for t in made if t in returned or self._readers.get(t, set()) - own]
        return tuple(read or made)


def _lead(ops: tuple[Op, ...]) -> Op:
    """The op of most multiply-adds; of several, the last."""
    return max(reversed(ops), key=lambda op: sum(of_op(op)))
