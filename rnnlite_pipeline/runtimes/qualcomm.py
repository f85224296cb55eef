"""Qualcomm's NPUs, by the compiler plugin of LiteRT."""

from __future__ import annotations

from rnnlite_pipeline.runtimes.demands import closed
from rnnlite_pipeline.runtimes.litert_compiled import no_states
from rnnlite_pipeline.runtimes.rule import Table, litert_source, plain_rules
from rnnlite_pipeline.runtimes.runtime import Runtime

#: The op builders, from the array kOpBuilders.
SOURCE = litert_source("litert/vendors/qualcomm/compiler/qnn_compose_graph.cc")

OPS = """
ABS ADD ARG_MAX ARG_MIN AVERAGE_POOL_2D BATCH_MATMUL BATCH_TO_SPACE_ND BROADCAST_TO CAST CEIL
CONCATENATION CONV_2D CONV_3D COS CUMSUM DEPTHWISE_CONV_2D DEPTH_TO_SPACE DEQUANTIZE DIV
DYNAMIC_UPDATE_SLICE ELU EMBEDDING_LOOKUP EQUAL EXP FLOOR FLOOR_DIV FLOOR_MOD FULLY_CONNECTED
GATHER GATHER_ND GELU GREATER GREATER_EQUAL HARD_SWISH L2_NORMALIZATION L2_POOL_2D LEAKY_RELU LESS
LESS_EQUAL LOG LOGICAL_AND LOGICAL_NOT LOGICAL_OR LOGISTIC LOG_SOFTMAX MAXIMUM MAX_POOL_2D MEAN
MINIMUM MIRROR_PAD MUL NEG NOT_EQUAL ONE_HOT PACK PAD PADV2 POW PRELU QUANTIZE REDUCE_ALL
REDUCE_ANY REDUCE_MAX REDUCE_MIN RELU RELU6 RELU_0_TO_1 RELU_N1_TO_1 RESHAPE RESIZE_BILINEAR
RESIZE_NEAREST_NEIGHBOR REVERSE_V2 ROUND RSQRT SCATTER_ND SELECT SELECT_V2 SIGN SIN SLICE SOFTMAX
SPACE_TO_BATCH_ND SPACE_TO_DEPTH SPLIT SPLIT_V SQRT SQUARE SQUARED_DIFFERENCE STRIDED_SLICE SUB
SUM TANH TILE TOPK_V2 TRANSPOSE TRANSPOSE_CONV UNPACK
"""

RUNTIME = Runtime(
    "qualcomm",
    "Qualcomm's NPUs (QNN), through LiteRT's CompiledModel API",
    "by table",
    "not run here: it needs Qualcomm's SDK and a device",
    lambda: Table(
        SOURCE,
        plain_rules(OPS, SOURCE),
        # The same file: an open dimension is compiled as 1.
        (closed(SOURCE), no_states()),
        others="Qualcomm's compiler plugin has no builder for it; LiteRT runs it on the CPU",
    ),
)
