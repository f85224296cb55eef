"""Loops in integers: which can be, and what becomes of their conditions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rnnlite_pipeline.graph.calls import called
from rnnlite_pipeline.graph.extract import with_called
from rnnlite_pipeline.graph.ir import Model, Op, Subgraph, Tensor
from rnnlite_pipeline.quantize.integer_ops import KERNELS
from rnnlite_pipeline.quantize.kernels import is_weight
from rnnlite_pipeline.quantize.scales import Scales
from rnnlite_pipeline.quantize.skip import SKIPPED, Skip


def why_not(model: Model, op: Op, scales: Scales, skip: Skip) -> str:
    """Why a WHILE stays float; empty if it does not."""
    body: Subgraph = op.options["body_subgraph"]
    inner = with_called([Subgraph("", ops=[op])])[1:]
    if any(skip.has(each) for subgraph in inner for each in subgraph.ops):
        return SKIPPED
    if not any(has_weights(each) for subgraph in inner for each in subgraph.ops):
        return "no product in the loop has constant weights"
    if any(sum(s in called(other) for other in model.ops()) > 1 for s in inner):
        return "another op runs its body as well"
    condition: Subgraph = op.options["cond_subgraph"]
    if any(t in condition.inputs and t.dtype == "FLOAT32" for t in _read(condition)):
        return "its condition reads a real number"
    carried = [t for t in body.inputs if t.dtype == "FLOAT32"]
    if not all(map(scales.knows, carried)):
        return "the calibration data never reached what it carries"
    return ""


def _read(subgraph: Subgraph) -> Iterator[Tensor]:
    for op in subgraph.ops:
        yield from (t for t in op.inputs if t is not None)


def has_weights(op: Op) -> bool:
    """Whether an op multiplies by constants that its integer kernel takes."""
    kernel = KERNELS.get(op.code)
    if kernel is None or kernel.axis is None:
        return False
    return all(t is None or is_weight(t) for t in op.inputs[1:3])


def retype(condition: Subgraph, operands: Sequence[Tensor | None]) -> None:
    """Gives the inputs of a loop's condition the dtypes and scales of the loop's operands.

    It reads none of those that change (`why_not`).
    """
    for tensor, operand in zip(condition.inputs, operands, strict=True):
        if operand is not None and tensor.dtype != operand.dtype:
            tensor.dtype, tensor.quantization = operand.dtype, operand.quantization
