"""Sequences that are unpacked as integers, where every row of them is made one."""

from __future__ import annotations

from rnnlite_pipeline.graph.build import make_op
from rnnlite_pipeline.graph.edit import consumers, producers, prune, replace_uses
from rnnlite_pipeline.graph.ir import Model, Op, Subgraph, Tensor


def integer_rows(model: Model) -> bool:
    """Quantizes a sequence once, where its steps do it row by row; in place.

    1. UNPACK of real values, each of whose rows is read by one QUANTIZE alone, all to one type,
       scale and zero point, becomes QUANTIZE and UNPACK of integers.
    2. QUANTIZE of what a DEQUANTIZE of the same type, scale and zero point gave is not made.

    QUANTIZE looks at each value by itself, so the numbers stay as they are. In int16 a loop reads
    its row by a GATHER of real values (TensorFlow Lite Micro has none of int16). Steps written out
    need not do so, and an NPU computes no real values.

    Returns:
        Whether there was such an UNPACK.
    """
    changed = False
    for subgraph in model.subgraphs:
        for op in [op for op in subgraph.ops if op.code == "UNPACK"]:
            changed |= _rewritten(model, subgraph, op)
    if changed:
        prune(model)
    return changed


def _rewritten(model: Model, subgraph: Subgraph, unpack: Op) -> bool:
    uses, (x,) = consumers(subgraph), unpack.inputs
    readers = [uses.get(row, []) for row in unpack.outputs]
    used = [ops[0] for ops in readers if len(ops) == 1 and ops[0].code == "QUANTIZE"]
    named = {*unpack.outputs, *(op.outputs[0] for op in used)} & {*subgraph.outputs}
    if x is None or named or not used or len(used) != sum(map(bool, readers)):
        return False
    (first, *others) = [op.outputs[0] for op in used]
    if x.dtype != "FLOAT32" or not all(_alike(first, each) for each in others):
        return False
    whole, place = _quantized(subgraph, x, first), subgraph.ops.index(unpack)
    if whole is None:
        whole = _like(f"{unpack.outputs[0].name}/sequence", x, first)
        subgraph.ops.insert(place, make_op("QUANTIZE", [x], [whole]))
    rows = [_like(f"{row.name}/integers", row, first) for row in unpack.outputs]
    subgraph.ops[subgraph.ops.index(unpack)] = make_op("UNPACK", [whole], rows, **unpack.options)
    for row, reader in zip(rows, readers, strict=True):
        if reader:
            subgraph.ops.remove(reader[0])
            replace_uses(model, subgraph, reader[0].outputs[0], row)
    return True


def _quantized(subgraph: Subgraph, x: Tensor, like: Tensor) -> Tensor | None:
    """The integers that `x` was made real from, if they are such as `like`."""
    made = producers(subgraph).get(x)
    if made is None or made.code != "DEQUANTIZE" or made.inputs[0] is None:
        return None
    return made.inputs[0] if _alike(made.inputs[0], like) else None


def _alike(a: Tensor, b: Tensor) -> bool:
    """Whether two tensors store real values in the same way."""
    p, q = a.quantization, b.quantization
    if p is None or q is None or a.dtype != b.dtype:
        return False
    return (p.scale, p.zero_point, p.axis) == (q.scale, q.zero_point, q.axis)


def _like(name: str, shape: Tensor, stored: Tensor) -> Tensor:
    return Tensor(name, stored.dtype, shape.shape, quantization=stored.quantization)
