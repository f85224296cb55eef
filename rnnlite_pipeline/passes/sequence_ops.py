"""What the passes know of ops that move the steps of a sequence around."""

from __future__ import annotations

from collections.abc import Callable

from rnnlite_pipeline.cells.recurrence import BIDIRECTIONAL, RECURRENCE, Recurrence
from rnnlite_pipeline.graph.build import Builder
from rnnlite_pipeline.graph.edit import replace_uses
from rnnlite_pipeline.graph.ir import Model, Op, Subgraph, Tensor
from rnnlite_pipeline.graph.slicing import read_step

Producers = dict[Tensor, Op]

#: Swaps time and batch: [T, B, F] to [B, T, F] and back.
SWAP = (1, 0, 2)


def is_recurrent(op: Op) -> bool:
    """Whether the op is a RECURRENCE or a BIDIRECTIONAL."""
    return op.code in (RECURRENCE, BIDIRECTIONAL)


def is_time_major(op: Op) -> bool:
    """The layout of a recurrent op's x and y."""
    first: Recurrence = next(iter(op.options.values()))
    return first.time_major


def sequences_of(op: Op) -> list[Tensor]:
    """The y of each direction of a recurrent op."""
    if op.code == RECURRENCE:
        return op.outputs[:1]
    forward: Recurrence = op.options["forward"]
    return [op.outputs[0], op.outputs[1 + len(forward.cell.states)]]


def permutation(op: Op | None) -> tuple[int, ...] | None:
    """The constant permutation of a TRANSPOSE, None for any other op."""
    if op is None or op.code != "TRANSPOSE" or op.inputs[1] is None:
        return None
    array = op.inputs[1].array
    return None if array is None else tuple(int(axis) for axis in array)


def reversed_axis(op: Op | None) -> int | None:
    """The one axis a REVERSE_V2 turns round, None for any other op."""
    if op is None or op.code != "REVERSE_V2" or op.inputs[0] is None or op.inputs[1] is None:
        return None
    axes, shape = op.inputs[1].array, op.inputs[0].shape
    if axes is None or axes.size != 1 or shape is None:
        return None
    return int(axes.flat[0]) % len(shape)


#: Ops whose result has the steps in the order of their operand's.
_KEEPS_ORDER = ("CAST", "CONCATENATION", "DEQUANTIZE", "EXPAND_DIMS", "RESHAPE", "TRANSPOSE")


def reads_reversed(sequence: Tensor | None, made: Producers) -> bool:
    """Whether a sequence runs from the last step of the model's input to the first.

    1. A REVERSE_V2 over one of the first two axes, those of time and batch, turns the order round.
    2. Ops that keep the order of steps are looked through. Of a CONCATENATION all parts must run
       backward: a masked layer reads its input and its mask joined, each turned round.

    Args:
        sequence: What a recurrence reads, [B, T, F] or [T, B, F].
        made: The producer of each tensor.
    """
    op = made.get(sequence) if sequence is not None else None
    if op is None:
        return False
    axis = reversed_axis(op)
    if axis is not None:
        return not reads_reversed(op.inputs[0], made) if axis < 2 else False
    if op.code not in _KEEPS_ORDER:
        return False
    parts = op.inputs if op.code == "CONCATENATION" else op.inputs[:1]
    return all(reads_reversed(part, made) for part in parts)


def step_of(op: Op) -> tuple[int, int] | None:
    """(axis, index) of an op that takes one whole step of its input, else None.

    The op is a STRIDED_SLICE that drops `axis`, or a GATHER of one index.
    """
    source = op.inputs[0] if op.inputs else None
    if source is None or source.shape is None:
        return None
    if op.code == "GATHER":
        return _gathered(op, len(source.shape))
    return read_step(op)


def _gathered(op: Op, rank: int) -> tuple[int, int] | None:
    index = op.inputs[1].array if op.inputs[1] is not None else None
    if index is None or index.shape != () or op.options.get("batch_dims"):
        return None
    return int(op.options["axis"]) % rank, int(index)


def bypass(model: Model, subgraph: Subgraph, old: Tensor, new: Tensor) -> bool:
    """Lets `new` stand for `old`, if every output of the model stays a value of its own."""
    taken = new in (*subgraph.inputs, *subgraph.outputs) or new.data is not None
    if old is new or (old in subgraph.outputs and taken):
        return False
    replace_uses(model, subgraph, old, new)
    return True


def insert_before(subgraph: Subgraph, op: Op, build: Builder) -> None:
    """Puts the ops of `build` in front of `op`."""
    place = subgraph.ops.index(op)
    subgraph.ops[place:place] = build.ops


def each_until_settled(model: Model, rewrite: Callable[[Model, Subgraph], bool]) -> bool:
    """Applies `rewrite` to each subgraph until it finds nothing; whether it found anything."""
    changed = False
    for subgraph in model.subgraphs:
        while rewrite(model, subgraph):
            changed = True
    return changed


class Snapshot:
    """A subgraph as it is now, to go back to when a trial does not pay."""

    def __init__(self, model: Model, subgraph: Subgraph) -> None:
        self._subgraph = subgraph
        self._ops = [
            (op, list(op.inputs), list(op.outputs), dict(op.options)) for op in subgraph.ops
        ]
        self._outputs = list(subgraph.outputs)
        self._signatures = [(s, dict(s.outputs)) for s in model.signatures]
        self._names = {t: t.name for op in subgraph.ops for t in op.outputs}

    def restore(self) -> None:
        """Puts ops, their operands and options, outputs and names back."""
        self._subgraph.ops = [op for op, *_ in self._ops]
        for op, inputs, outputs, options in self._ops:
            op.inputs, op.outputs, op.options = inputs, outputs, options
        self._subgraph.outputs = self._outputs
        for signature, outputs_by_name in self._signatures:
            signature.outputs = outputs_by_name
        for tensor, name in self._names.items():
            tensor.name = name
