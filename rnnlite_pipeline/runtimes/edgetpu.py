"""Coral's Edge TPU, by its published list of operations.

The list is table 1 of Coral's own page, which could not be read itself when this was written: the
names were read in a copy of the whole table, the limits in two older copies of parts of it. The
limits of the ops that Coral added last are not known: RSQRT, SQUARED_DIFFERENCE, SUM, TRANSPOSE and
TRANSPOSE_CONV.
"""

from __future__ import annotations

from collections.abc import Iterator

from rnnlite_pipeline.graph.ir import Model, Op, Tensor
from rnnlite_pipeline.runtimes.demands import closed, dtypes
from rnnlite_pipeline.runtimes.rule import (
    Condition,
    Demand,
    Refusal,
    Rule,
    Source,
    Table,
    plain_rules,
    with_rules,
)
from rnnlite_pipeline.runtimes.runtime import Runtime

#: The names of the whole table, by the author of dragynfruit/edged.
SOURCE = Source(
    "https://coral.ai/docs/edgetpu/models-intro/#supported-operations, in a copy of its names",
    "compiler 16.0, read 2024-09-04",
)

#: The same table with the limits of each op, up to ResizeBilinear.
_LIMITS = Source(
    "https://developer.axis.com/computer-vision/on-device/system-on-chip/artpec-7/supported-ops/",
    "read 2026-11-28",
)

#: The same table, and the demands on the whole model, when the runtime was younger.
_OLDER = Source(
    "dgist-datalab/Datalab_Intern Edge_TPU/convert_model_for_Edge_TPU.md", "6b78cf3fa7a8"
)

OPS = """
ADD AVERAGE_POOL_2D CONCATENATION CONV_2D DEPTHWISE_CONV_2D EXPAND_DIMS FULLY_CONNECTED
L2_NORMALIZATION LOGISTIC MAXIMUM MAX_POOL_2D MEAN MINIMUM MUL PACK PAD PRELU QUANTIZE REDUCE_MAX
REDUCE_MIN RELU RELU6 RELU_N1_TO_1 RESHAPE RESIZE_BILINEAR RESIZE_NEAREST_NEIGHBOR RSQRT SLICE
SOFTMAX SPACE_TO_DEPTH SPLIT SQUARED_DIFFERENCE SQUEEZE STRIDED_SLICE SUB SUM TANH TRANSPOSE
TRANSPOSE_CONV UNIDIRECTIONAL_SEQUENCE_LSTM
"""

#: "fully 8-bit quantized".
TYPES = ("INT8", "UINT8")

_PLAIN = Condition(
    "a fused activation is not taken",
    lambda op: op.options.get("fused_activation_function", "NONE") == "NONE",
)


def _pads_with_zeros(op: Op) -> bool:
    constants = [t.array for t in op.inputs if t is not None and t.array is not None]
    points = op.outputs[0].quantization.zero_point if op.outputs[0].quantization else ()
    zero = points[0] if points else 0
    return not constants or (len(op.inputs) == 2 and all((c == zero).all() for c in constants))


#: "this constant tensor must be all zeros (effectively, a zero-padding op)".
_PADDING = Condition(
    "a constant part is taken only as zeros beside one other part", _pads_with_zeros
)


def _reduces_no_batch(op: Op) -> bool:
    axes = op.inputs[1].array if op.inputs[1] is not None else None
    rank = len((op.inputs[0].shape if op.inputs[0] is not None else None) or ())
    return axes is not None and rank > 0 and 0 not in {int(axis) % rank for axis in axes.flat}


_BATCH_KEPT = Condition("reducing the batch is not taken", _reduces_no_batch)


def _whole_steps(op: Op) -> bool:
    strides = op.inputs[3].array if op.inputs[3] is not None else None
    masks = (op.options.get("ellipsis_mask"), op.options.get("new_axis_mask"))
    return strides is not None and bool((strides == 1).all()) and not any(masks)


def _packs_behind_the_batch(op: Op) -> bool:
    rank = len(op.outputs[0].shape or ())
    axis: int = op.options["axis"]
    return (axis + rank if axis < 0 else axis) != 0


def _rules() -> tuple[Rule, ...]:
    steps = Condition("only strides of 1, without an ellipsis or a new axis", _whole_steps)
    behind = Condition("packing along the batch is not taken", _packs_behind_the_batch)
    return with_rules(
        plain_rules(OPS, SOURCE),
        *(Rule(op, _LIMITS, conditions=(_PLAIN,)) for op in ("AVERAGE_POOL_2D", "MAX_POOL_2D")),
        Rule("CONCATENATION", _LIMITS, conditions=(_PLAIN, _PADDING)),
        *(
            Rule(op, _LIMITS, conditions=(_BATCH_KEPT,))
            for op in ("MEAN", "REDUCE_MAX", "REDUCE_MIN")
        ),
        Rule("PACK", _LIMITS, conditions=(behind,)),
        Rule("STRIDED_SLICE", _OLDER, conditions=(steps,)),
    )


def _three_axes() -> Demand:
    """Of a tensor's axes, only the innermost three may be larger than 1."""

    def refusals(model: Model) -> Iterator[Refusal]:
        for op in model.ops():
            for tensor in op.outputs:
                if any(size != 1 for size in (tensor.shape or ())[:-3]):
                    reason = f"only the last three axes may be larger than 1: {tensor.shape}"
                    yield Refusal(op.code, tensor.name, reason)

    says = "only the last three axes of a tensor larger than 1"
    return Demand(says, _OLDER, refusals, of_ops=True)


def _remedy(model: Model, tensor: Tensor) -> str:
    """What makes a tensor int8: the scheme, or in an int8 model the type of an input or output."""
    if tensor.dtype != "FLOAT32":
        return ""
    if not any(t.dtype in TYPES for op in model.ops() for t in op.outputs):
        return "use quantization.scheme int8 with input_type and output_type int8"
    ports = {"input_type": model.main.inputs, "output_type": model.main.outputs}
    asked = [key for key, tensors in ports.items() if tensor in tensors]
    return f"ask for quantization.{asked[0]} int8" if asked else ""


RUNTIME = Runtime(
    "edgetpu",
    "Coral's Edge TPU",
    "by table",
    "not run here: its compiler is closed",
    lambda: Table(
        SOURCE,
        _rules(),
        (
            closed(_OLDER),
            dtypes(TYPES, _OLDER, _remedy),
            _three_axes(),
        ),
        others="it is not in the Edge TPU's list; it and all that follows it run on the CPU",
    ),
)
