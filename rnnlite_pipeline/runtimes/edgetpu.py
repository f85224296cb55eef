"""Coral's Edge TPU, by its published list of operations.

The list is Coral's, as makers of devices repeat it: https://coral.ai itself could not be read when
this was written. Ops that Coral added after ReduceMin stand here only if an older copy has them
too, or the compiler's own words. So the list may lack some (RSQRT, SQUARED_DIFFERENCE); it names
none that is not taken.
"""

from __future__ import annotations

from collections.abc import Iterator

from rnnlite_pipeline.graph.ir import Model, Op
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

#: Table 1 of https://coral.ai/docs/edgetpu/models-intro/, up to ResizeBilinear.
SOURCE = Source(
    "https://developer.axis.com/computer-vision/on-device/system-on-chip/artpec-7/supported-ops/",
    "read 2026-11-28",
)

#: The same table, and the demands on the whole model, when the runtime was younger.
_OLDER = Source(
    "dgist-datalab/Datalab_Intern Edge_TPU/convert_model_for_Edge_TPU.md", "6b78cf3fa7a8"
)

#: Ops that were added after these copies were made: the official table has TRANSPOSE_CONV since
#: runtime 13.0 (issues 64 and 684 of the tracker), and release 16.0 of the compiler says of
#: TRANSPOSE that it is "otherwise supported" (issue 433). It maps TRANSPOSE and SUM in a log.
_TRACKER = Source("google-coral/edgetpu issues 64, 433, 684", "compiler 16.0, read 2026-11-29")
_LOG = Source("a log of edgetpu_compiler: TRANSPOSE and SUM mapped", "16.0.384591198, 2026-06-11")

#: Read in the older copy only.
_LATER_ROWS = """
RESIZE_NEAREST_NEIGHBOR SLICE SOFTMAX SPACE_TO_DEPTH SPLIT SQUEEZE STRIDED_SLICE SUB TANH
"""

OPS = """
ADD AVERAGE_POOL_2D CONCATENATION CONV_2D DEPTHWISE_CONV_2D EXPAND_DIMS FULLY_CONNECTED
L2_NORMALIZATION LOGISTIC MAXIMUM MAX_POOL_2D MEAN MINIMUM MUL PACK PAD PRELU QUANTIZE REDUCE_MAX
REDUCE_MIN RELU RELU6 RELU_N1_TO_1 RESHAPE RESIZE_BILINEAR UNIDIRECTIONAL_SEQUENCE_LSTM
"""

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


def _rules() -> tuple[Rule, ...]:
    steps = Condition("only strides of 1, without an ellipsis or a new axis", _whole_steps)
    behind = Condition("packing along the batch is not taken", lambda op: op.options["axis"] != 0)
    return with_rules(
        (*plain_rules(OPS, SOURCE), *plain_rules(_LATER_ROWS, _OLDER)),
        *(Rule(op, SOURCE, conditions=(_PLAIN,)) for op in ("AVERAGE_POOL_2D", "MAX_POOL_2D")),
        Rule("CONCATENATION", SOURCE, conditions=(_PLAIN, _PADDING)),
        *(
            Rule(op, SOURCE, conditions=(_BATCH_KEPT,))
            for op in ("MEAN", "REDUCE_MAX", "REDUCE_MIN")
        ),
        Rule("SUM", _LOG, conditions=(_BATCH_KEPT,)),
        Rule("TRANSPOSE", _LOG),
        Rule("TRANSPOSE_CONV", _TRACKER),
        Rule("PACK", SOURCE, conditions=(behind,)),
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

    return Demand("only the last three axes of a tensor larger than 1", _OLDER, refusals)


RUNTIME = Runtime(
    "edgetpu",
    "Coral's Edge TPU",
    "by table",
    "not run here: its compiler is closed, and its list may lack ops that were added late",
    lambda: Table(
        SOURCE,
        _rules(),
        (
            closed(_OLDER),
            dtypes(("INT8", "UINT8"), _OLDER, "use scheme int8 with int8 inputs and outputs"),
            _three_axes(),
        ),
        others="it is not in the Edge TPU's list; it and all that follows it run on the CPU",
    ),
)
