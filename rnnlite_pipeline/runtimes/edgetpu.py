"""Coral's Edge TPU, by its published list of operations.

The list is Coral's, as makers of devices repeat it: https://coral.ai itself could not be read when
this was written. Ops that Coral added after ReduceMin stand here only if an older copy has them
too, so the list may lack some (TRANSPOSE, SUM, RSQRT); it names none that is not taken.
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


def _whole_steps(op: Op) -> bool:
    strides = op.inputs[3].array if op.inputs[3] is not None else None
    masks = (op.options.get("ellipsis_mask"), op.options.get("new_axis_mask"))
    return strides is not None and bool((strides == 1).all()) and not any(masks)


def _rules() -> tuple[Rule, ...]:
    steps = Condition("only strides of 1, without an ellipsis or a new axis", _whole_steps)
    behind = Condition("packing along the batch is not taken", lambda op: op.options["axis"] != 0)
    return with_rules(
        (*plain_rules(OPS, SOURCE), *plain_rules(_LATER_ROWS, _OLDER)),
        *(
            Rule(op, SOURCE, conditions=(_PLAIN,))
            for op in ("AVERAGE_POOL_2D", "CONCATENATION", "MAX_POOL_2D")
        ),
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
