"""LiteRT's GPU delegate, by its parsers and its check of compatibility."""

from __future__ import annotations

from rnnlite_pipeline.graph.ir import Op
from rnnlite_pipeline.runtimes.demands import closed
from rnnlite_pipeline.runtimes.rule import (
    Condition,
    Rule,
    Table,
    litert_source,
    plain_rules,
    with_rules,
)
from rnnlite_pipeline.runtimes.runtime import Runtime

#: The ops that have a parser: NewOperationParser. The types: GetOpsToReplace.
SOURCE = litert_source("tflite/delegates/gpu/common/model_builder.cc")

#: What an op's operands must be: CheckGpuDelegateCompatibility.
_CHECK = litert_source("tflite/tools/versioning/gpu_compatibility.cc")

OPS = """
ABS ADD ADD_N AVERAGE_POOL_2D BATCH_MATMUL CAST CONCATENATION CONV_2D COS CUMSUM DENSIFY
DEPTHWISE_CONV_2D DEPTH_TO_SPACE DEQUANTIZE DIV ELU EQUAL EXP FLOOR FLOOR_DIV FLOOR_MOD
FULLY_CONNECTED GATHER GELU GREATER GREATER_EQUAL HARD_SWISH LEAKY_RELU LESS LESS_EQUAL LOG
LOGICAL_AND LOGISTIC LSTM MAXIMUM MAX_POOL_2D MEAN MINIMUM MIRROR_PAD MUL NEG NOT_EQUAL ONE_HOT
PACK PAD PADV2 POW PRELU QUANTIZE REDUCE_MAX REDUCE_MIN REDUCE_PROD RELU RELU6 RELU_0_TO_1
RELU_N1_TO_1 RESHAPE RESIZE_BILINEAR RESIZE_NEAREST_NEIGHBOR RSQRT SELECT SELECT_V2 SIGN SIN SLICE
SOFTMAX SPACE_TO_DEPTH SPLIT SPLIT_V SQRT SQUARE SQUARED_DIFFERENCE STRIDED_SLICE SUB SUM TANH
TILE TRANSPOSE TRANSPOSE_CONV UNPACK
"""

#: With quantized models allowed, which is the delegate's default.
_VALUES = ("FLOAT32", "FLOAT16", "INT8", "UINT8")

#: Ops that take other types as well: what they compare or choose by, or convert.
_WIDER = {
    "CAST": (*_VALUES, "BOOL", "INT32"),
    "GATHER": (*_VALUES, "INT32"),
    "LOGICAL_AND": (*_VALUES, "BOOL"),
    "ONE_HOT": (*_VALUES, "INT32"),
    "SELECT": (*_VALUES, "BOOL"),
    "SELECT_V2": (*_VALUES, "BOOL"),
}

#: SPLIT's first operand is its axis.
_DATA = {"SPLIT": 1}


def _no_mask(option: str) -> Condition:
    return Condition(f"its {option} must be 0", lambda op: not op.options.get(option))


def _one_product(op: Op) -> bool:
    return sum(t is not None and t.data is None for t in op.inputs) <= 2


def _rules() -> tuple[Rule, ...]:
    common = tuple(
        Rule(
            rule.op,
            SOURCE,
            dtypes=_WIDER.get(rule.op, _VALUES),
            ranks=(0, 4),
            data=_DATA.get(rule.op, 0),
        )
        for rule in plain_rules(OPS, SOURCE)
    )
    masks = tuple(_no_mask(f"{kind}_mask") for kind in ("ellipsis", "new_axis", "shrink_axis"))
    return with_rules(
        common,
        Rule("SLICE", _CHECK, dtypes=_VALUES, ranks=(3, 4)),
        Rule("STRIDED_SLICE", _CHECK, dtypes=_VALUES, ranks=(3, 4), conditions=masks),
        Rule("SUM", _CHECK, dtypes=_VALUES, ranks=(0, 4), constant=(1,)),
        Rule("MEAN", _CHECK, dtypes=_VALUES, ranks=(0, 4), constant=(1,)),
        Rule("REDUCE_MAX", _CHECK, dtypes=_VALUES, ranks=(0, 4), constant=(1,)),
        Rule("REDUCE_MIN", _CHECK, dtypes=_VALUES, ranks=(0, 4), constant=(1,)),
        Rule(
            "FULLY_CONNECTED",
            _CHECK,
            dtypes=_VALUES,
            ranks=(0, 4),
            conditions=(
                Condition("it has more than two operands that are no constants", _one_product),
                Condition(
                    "its input must not be a constant",
                    lambda op: op.inputs[0] is None or op.inputs[0].data is None,
                ),
            ),
        ),
    )


RUNTIME = Runtime(
    "litert-gpu",
    "LiteRT's GPU delegate (OpenCL, OpenGL, Metal)",
    "by table",
    "not run here: it needs a GPU; what it does not take runs on the CPU, with copies between them",
    lambda: Table(
        SOURCE, _rules(), (closed(SOURCE),), others="the GPU delegate has no parser for it"
    ),
)
