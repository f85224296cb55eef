"""`dynamic_range`: int8 weights, float activations.

1. Fused recurrent ops: symmetric, one scale a tensor, however small they are; all weights of an
   op or none. Biases and layer norms stay float, as the kernels want them.
2. FULLY_CONNECTED, CONV_2D, DEPTHWISE_CONV_2D: one scale an output channel, but for
   convolutions of an open batch (kernels.py); BATCH_MATMUL with a constant right side: one
   scale. In loop bodies as well.
3. GATHER from a constant table: the table in int8, a DEQUANTIZE behind the GATHER.
4. TRANSPOSE_CONV, CONV_3D, and an op of 1 or 2 whose int8 kernel is wrong or missing for its
   shapes (kernels.py, `hybrid`): the weights in int8, made float before the op (stored.py).
5. Every other op with float weights is listed with the reason.

The kernels quantize their inputs while they run: asymmetrically where they have the choice, which
was the more exact on every layer measured (benchmarks/quantize.py).
"""

from __future__ import annotations

from dataclasses import dataclass

from rnnlite_pipeline.graph.build import make_op
from rnnlite_pipeline.graph.edit import prune
from rnnlite_pipeline.graph.ir import Model, Op, Tensor
from rnnlite_pipeline.graph.ops import RECURRENT
from rnnlite_pipeline.quantize.kernels import (
    HYBRID,
    LOOKUPS,
    STORED,
    hybrid,
    is_weight,
    weights,
)
from rnnlite_pipeline.quantize.outcome import Outcome, outcome
from rnnlite_pipeline.quantize.skip import SKIPPED, Skip
from rnnlite_pipeline.quantize.stored import decode, moves
from rnnlite_pipeline.quantize.weights import to_int8

#: Weights with fewer elements stay float, but in recurrent layers: their scales and the
#: rounding of their inputs would cost more than the bytes they save.
FEWEST = 64


@dataclass(frozen=True)
class Change:
    """What became of an op, and the ops to put around it."""

    became: str
    reason: str = ""
    before: tuple[Op, ...] = ()
    after: tuple[Op, ...] = ()


def dynamic_range(model: Model, skip: Skip, asymmetric: bool = True) -> list[Outcome]:
    """Writes int8 weights into every op that takes them, in place.

    Args:
        model: The lowered graph, float, or quantized in parts.
        skip: The layers to leave.
        asymmetric: How the kernels that have the choice quantize their inputs.

    Returns:
        One outcome for each op with float weights.
    """
    writer, found = _Writer(asymmetric), []
    for subgraph in model.subgraphs:
        ops: list[Op] = []
        writer.moving = moves(subgraph)
        for op in subgraph.ops:
            change = _skipped(op, skip) if weights(op) else None
            if weights(op):
                change = change or writer.change(op)
                found.append(outcome(op, model.main, subgraph, change.became, change.reason))
            ops += [*change.before, op, *change.after] if change else [op]
        subgraph.ops = ops
    prune(model)
    return found


def _skipped(op: Op, skip: Skip) -> Change | None:
    return Change("float32", SKIPPED) if skip.has(op) else None


class _Writer:
    """Makes each weight once, however many ops read it."""

    moving = False

    def __init__(self, asymmetric: bool) -> None:
        self._asymmetric = asymmetric
        self._made: dict[tuple[Tensor, int | None], Tensor] = {}

    def change(self, op: Op) -> Change:
        """Changes one op with float weights."""
        if op.code in HYBRID:
            return self._hybrid(op)
        if op.code in LOOKUPS:
            return self._lookup(op)
        if op.code in STORED:
            return self._stored(op)
        return Change("float32", "its kernel takes float operands only")

    def _hybrid(self, op: Op) -> Change:
        present = {s: op.inputs[s] for s in HYBRID[op.code].slots if s < len(op.inputs)}
        found = {s: t for s, t in present.items() if t is not None}
        if not all(map(is_weight, found.values())):
            return Change("float32", "its weights are computed, or a single number")
        if op.inputs[0] is None or op.inputs[0].dtype != "FLOAT32":
            return Change("float32", f"its input is {op.inputs[0] and op.inputs[0].dtype}")
        if op.code not in RECURRENT and (few := _too_few(*found.values())):
            return few
        kernel = hybrid(op)
        if kernel is None:
            return self._decoded(op, found, HYBRID[op.code].axis)
        for slot, tensor in found.items():
            op.inputs[slot] = self._int8(tensor, kernel.axis)
        if "asymmetric_quantize_inputs" in op.options:
            op.options["asymmetric_quantize_inputs"] = self._asymmetric
        op.version = kernel.versions[self._asymmetric and len(kernel.versions) > 1]
        return Change("int8 weights")

    def _lookup(self, op: Op) -> Change:
        slot = LOOKUPS[op.code]
        table = op.inputs[slot]
        if table is None or not is_weight(table):
            return Change("float32", "its kernel takes float operands only")
        if few := _too_few(table):
            return few
        stored, out = self._int8(table, None), op.outputs[0]
        rows = Tensor(f"{out.name}/int8", "INT8", out.shape, quantization=stored.quantization)
        op.inputs[slot], op.outputs, op.version = stored, [rows], max(op.version, 2)
        dequantize = make_op("DEQUANTIZE", [rows], [out])
        dequantize.version = 2
        return Change("int8 weights", "the rows looked up are made float", after=(dequantize,))

    def _stored(self, op: Op) -> Change:
        slot, axis = STORED[op.code]
        weight = op.inputs[slot]
        if weight is None or not is_weight(weight):
            return Change("float32", "its weights are computed")
        if few := _too_few(weight):
            return few
        return self._decoded(op, {slot: weight}, axis)

    def _decoded(self, op: Op, found: dict[int, Tensor], axis: int | None) -> Change:
        """Stores weights in int8 and lets the float kernel read what is made of them."""
        before: list[Op] = []
        for slot, tensor in found.items():
            ops, op.inputs[slot] = decode(self._int8(tensor, axis), self.moving)
            before += ops
        return Change("int8 weights", "made float before its kernel runs", before=tuple(before))

    def _int8(self, tensor: Tensor, axis: int | None) -> Tensor:
        key = (tensor, axis)
        if key not in self._made:
            self._made[key] = to_int8(tensor, axis)
        return self._made[key]


def _too_few(*tensors: Tensor) -> Change | None:
    count = sum(len(t.data or b"") // 4 for t in tensors)
    said = f"{count} weights; under {FEWEST} the scales cost what the bytes save"
    return Change("float32", said) if count < FEWEST else None
