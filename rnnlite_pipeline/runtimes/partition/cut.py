"""Cuts a model where ops stand that LiteRT has no kernel for.

Rules:
    1. An op that LiteRT lacks is foreign. The ops before all foreign ops are one part, those that
       need the foreign ops' results the next, and so on: parts and foreign ops take turns.
    2. What touches one variable (a fused op's state, a resource) stands in one part, as late as
       the last of it, so that the part's interpreter keeps it from call to call.
    3. What a part measures, such as the batch that its states are written for, it measures itself:
       SHAPE and what is computed of it early is copied into each part that reads it. A size that
       came in as a value would be known at run time only (shapes/late.py).
    4. What gives variables their first values runs in every part that has variables.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from rnnlite_pipeline.errors import StageError
from rnnlite_pipeline.graph.edit import producers, reachable
from rnnlite_pipeline.graph.extract import extract
from rnnlite_pipeline.graph.ir import Model, Op, Tensor
from rnnlite_pipeline.graph.variables import RESET
from rnnlite_pipeline.runtimes.interpreter import CUSTOM_KERNELS
from rnnlite_pipeline.shapes.late import EVALUATED


@dataclass(frozen=True, eq=False)
class Part:
    """Ops that run together.

    Attributes:
        ops: In execution order.
        inputs: What they read that others make.
        outputs: What they make that others read, or the model returns.
        foreign: Whether LiteRT lacks them.
    """

    ops: tuple[Op, ...]
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    foreign: bool


def is_foreign(op: Op) -> bool:
    """Whether LiteRT has no kernel for an op."""
    return op.custom and op.code not in CUSTOM_KERNELS


def has_foreign_ops(model: Model) -> bool:
    """Whether LiteRT alone cannot run a model."""
    return any(is_foreign(op) for op in model.ops())


def cut(model: Model) -> list[Part]:
    """The parts of a model's main graph, in execution order.

    Raises:
        StageError: A foreign op stands in a loop or a branch, or a variable's next value is
            computed by one from the value before.
    """
    _check_inside(model)
    main = model.main
    ops = [op for op in main.ops if op.code != "CALL_ONCE"]
    levels = _levels(ops)
    by_level: dict[int, list[Op]] = defaultdict(list)
    for op in ops:
        by_level[levels[op]].append(op)
    made = producers(main)
    groups = [
        (level % 2 == 1, _with_sizes(by_level[level], made, foreign=level % 2 == 1))
        for level in sorted(by_level)
    ]
    reads = [_read(group) for _, group in groups]
    parts = []
    for k, (foreign, group) in enumerate(groups):
        wanted = {*main.outputs, *(t for later in reads[k + 1 :] for t in later)}
        own = [t for op in group for t in op.outputs]
        outputs = tuple(t for t in own if t in wanted and not _is_kept(t))
        parts.append(Part(tuple(group), tuple(reads[k]), outputs, foreign))
    return [part for part in parts if part.outputs or _variables(part.ops)]


def as_model(model: Model, part: Part, names: Mapping[Tensor, str]) -> Model:
    """A part that LiteRT runs as a model of its own; its objects are the whole model's.

    Args:
        model: The whole.
        part: One of its parts.
        names: The name of each value that goes in or out.
    """
    variables = any(_is_resource(t) for op in part.ops for t in (*op.inputs, *op.outputs))
    once = [op for op in model.main.ops if op.code == "CALL_ONCE"] if variables else []
    resets = [s for s in model.signatures if s.key == RESET] if variables else []
    inputs, outputs = ({names[t]: t for t in side} for side in (part.inputs, part.outputs))
    return extract(inputs, outputs, [*once, *part.ops], resets)


def _check_inside(model: Model) -> None:
    for subgraph in reachable(model):
        for op in subgraph.ops if subgraph is not model.main else ():
            if is_foreign(op):
                raise StageError(
                    f"{op.code} stands in a loop or a branch ({subgraph.name}); an op that LiteRT"
                    " lacks can be run, and so verified, in the main graph only.",
                    "Compute it before or after the loop, or with ops that LiteRT has.",
                )


def _levels(ops: Sequence[Op]) -> dict[Op, int]:
    """Rules 1 and 2: even for parts, odd for foreign ops."""
    least: dict[Op, int] = defaultdict(int)
    together = list(_together(ops))
    while True:
        levels = _earliest(ops, least)
        raised = False
        for group in together:
            last = max(levels[op] for op in group)
            raised |= any(levels[op] < last for op in group)
            least |= dict.fromkeys(group, last)
        if not raised:
            return levels
        if max(levels.values()) > 2 * len(ops):
            variable = next(iter(together))[0].outputs
            raise StageError(
                f"A state ({variable[0].name if variable else 'a variable'}) passes through an op"
                " that LiteRT lacks on its way from one call to the next, and cannot be run here.",
                "Set recurrent.state to explicit, or to reset.",
                ("recurrent", "state"),
            )


def _earliest(ops: Sequence[Op], least: Mapping[Op, int]) -> dict[Op, int]:
    levels: dict[Op, int] = {}
    made: dict[Tensor | None, int] = {}
    for op in ops:
        level = max([least.get(op, 0), *(made.get(t, 0) for t in op.inputs)])
        level += is_foreign(op) != bool(level % 2)
        levels[op] = level
        made |= dict.fromkeys(op.outputs, level)
    return levels


def _together(ops: Sequence[Op]) -> Iterator[list[Op]]:
    """The ops that touch each variable, where there are several."""
    found: dict[Hashable, list[Op]] = defaultdict(list)
    names: dict[Tensor, Hashable] = {}
    for op in ops:
        for tensor in op.outputs:
            if _is_resource(tensor):
                names[tensor] = (
                    op.options.get("shared_name") or op.options.get("table_id") or tensor
                )
        for key in _variables([op]):
            group = found[names.get(key, key)]
            if op not in group:
                group.append(op)
    yield from (group for group in found.values() if len(group) > 1)


def _variables(ops: Sequence[Op]) -> list[Tensor]:
    tensors = (t for op in ops for t in (*op.inputs, *op.outputs) if t is not None)
    return [t for t in tensors if _is_kept(t)]


def _is_kept(tensor: Tensor | None) -> bool:
    return tensor is not None and (tensor.is_variable or _is_resource(tensor))


def _is_resource(tensor: Tensor | None) -> bool:
    return tensor is not None and tensor.dtype == "RESOURCE"


def _read(ops: Sequence[Op]) -> list[Tensor]:
    """What ops need that none of them makes, once each."""
    own = {t for op in ops for t in op.outputs}
    tensors = dict.fromkeys(t for op in ops for t in op.inputs if t is not None)
    return [t for t in tensors if t not in own and t.data is None and not _is_kept(t)]


def _with_sizes(ops: list[Op], made: Mapping[Tensor, Op], *, foreign: bool) -> list[Op]:
    """Rule 3."""
    if foreign:
        return ops
    sizes: dict[Op, None] = {}
    for tensor in _read(ops):
        chain = _measuring(tensor, made)
        sizes |= dict.fromkeys(chain or ())
    return [*(op for op in sizes if op not in ops), *ops]


def _measuring(tensor: Tensor, made: Mapping[Tensor, Op]) -> list[Op] | None:
    """The ops that compute a tensor from sizes alone, in order; None where it is no such value."""
    if tensor.data is not None:
        return []
    op = made.get(tensor)
    if op is None or op.code not in EVALUATED or op.custom:
        return None
    if op.code == "SHAPE":
        return [op]
    chains = [_measuring(t, made) for t in op.inputs if t is not None]
    return None if None in chains else [*(o for c in chains for o in c or ()), op]
