"""Ops that compute each step of a sequence, and a PACK of the results, become one op.

`static_bidirectional_rnn` joins the outputs of both directions step by step: once the steps are
rolled up, that is PACK of CONCATENATIONs of what UNPACK gives.

1. PACK of all that an UNPACK gives, in order, is what was unpacked; from last to first, that
   reversed. So is PACK of all or some steps of a sequence that slices take, one after the other.
2. PACK of the results of like ops is the op of the packed operands, if each row of its result
   depends on that row alone.
3. An operand that all steps share stays as it is: it is broadcast.
"""

from __future__ import annotations

from collections.abc import Sequence

from rnnlite_pipeline.graph.build import Builder, make_op
from rnnlite_pipeline.graph.edit import producers, prune, replace_uses, topological_sort
from rnnlite_pipeline.graph.ir import Model, Op, Subgraph, Tensor
from rnnlite_pipeline.graph.ops import REAL
from rnnlite_pipeline.recognise.unrolled.chains import Straight
from rnnlite_pipeline.recognise.unrolled.places import Place, consecutive, part, places


def restack(model: Model, subgraph: Subgraph) -> bool:
    """Rewrites every PACK that the rules fit, in place; returns whether there was any."""
    made, changed, known = producers(subgraph), False, places(Straight(subgraph))
    for pack in [op for op in subgraph.ops if op.code == "PACK" and op.options["axis"] in (0, 1)]:
        steps = [t for t in pack.inputs if t is not None]
        stacker = _Stacker(made, known, pack.outputs[0].name)
        stacked = stacker.stacked(steps)
        if stacked is None or (pack.options["axis"] == 1 and len(stacked.shape or ()) < 2):
            continue
        if pack.options["axis"] == 1:
            order = [1, 0, *range(2, len(stacked.shape or ()))]
            stacked = stacker.build.transpose(stacked, order)
        subgraph.ops += stacker.build.ops
        replace_uses(model, subgraph, pack.outputs[0], stacked)
        changed = True
    if changed:
        topological_sort(subgraph)
        prune(model)
    return changed


class _Stacker:
    """Stacks the steps of one PACK.

    Args:
        made: The op that makes each tensor.
        known: Which step of which sequence a tensor is, by its id.
        name: What the names of new tensors begin with.
    """

    def __init__(self, made: dict[Tensor, Op], known: dict[int, Place], name: str) -> None:
        self._made, self._places = made, known
        self.build = Builder(name)

    def stacked(self, steps: list[Tensor]) -> Tensor | None:
        """The steps as one tensor [T, ...] by the rules; None where they do not fit."""
        ops = [self._made.get(step) for step in steps]
        first = ops[0]
        if first is None:
            return None
        if first.code == "UNPACK":
            return self._packed(first, steps)
        found = consecutive([self._places.get(id(step)) for step in steps])
        if found:
            return self._sequence(found)
        like = all(
            op is not None and (op.code, op.options, len(op.inputs)) == _kind(first) for op in ops
        )
        if not like or not self._is_rowwise(first):
            return None
        columns = [list(c) for c in zip(*(op.inputs for op in ops if op is not None), strict=True)]
        rank = len(first.outputs[0].shape or ())
        operands = [self._operand(column, rank) for column in columns]
        given = [t for t in operands if t is not None]
        kept = all(t is column[0] for t, column in zip(operands, columns, strict=True))
        if kept or len(given) < len(operands):
            return None
        return self._applied(first, given, steps)

    def _packed(self, unpack: Op, steps: list[Tensor]) -> Tensor | None:
        sequence, axis = unpack.inputs[0], unpack.options["axis"]
        order = [id(t) for t in steps]
        given = [id(t) for t in unpack.outputs]
        if sequence is None or order not in (given, given[::-1]) or axis not in (0, 1):
            return None
        if axis == 1:
            axes = range(2, len(sequence.shape or ()))
            sequence = self.build.transpose(sequence, [1, 0, *axes])
        return sequence if order == given else self.build.reverse(sequence, 0)

    def _sequence(self, found: Sequence[Place]) -> Tensor:
        """Consecutive steps of one sequence, time first."""
        first = found[0]
        start = min(place.position for place in found)
        sequence = part(self.build, first, start, len(found))
        if first.axis == 1:
            sequence = self.build.transpose(sequence, [1, 0, 2])
        return sequence if first.position == start else self.build.reverse(sequence, 0)

    def _operand(self, column: list[Tensor | None], rank: int) -> Tensor | None:
        """An operand of all steps, of a result of this rank: shared, or stacked."""
        steps = [t for t in column if t is not None]
        ranks = {len(t.shape or ()) for t in steps}
        if all(t is column[0] for t in column):
            return column[0] if max(ranks, default=0) <= rank else None
        return self.stacked(steps) if len(steps) == len(column) and ranks == {rank} else None

    def _is_rowwise(self, op: Op) -> bool:
        rank = len(op.outputs[0].shape or ())
        if op.code == "CONCATENATION":
            return all(len((t.shape if t else None) or ()) == rank > 0 for t in op.inputs)
        return op.code in REAL

    def _applied(self, op: Op, operands: list[Tensor], steps: list[Tensor]) -> Tensor | None:
        old = op.outputs[0]
        if old.shape is None:
            return None
        shape, options = (len(steps), *old.shape), dict(op.options)
        if op.code == "CONCATENATION":
            if any(len(t.shape or ()) != len(shape) for t in operands):
                return None  # a shared part would have to be repeated
            options["axis"] += op.options["axis"] >= 0
        new = Tensor(old.name, old.dtype, shape)
        made = make_op(op.code, operands, [new], **options)
        made.version = op.version
        self.build.ops.append(made)
        return new


def _kind(op: Op) -> tuple[str, dict[str, object], int]:
    return op.code, op.options, len(op.inputs)
