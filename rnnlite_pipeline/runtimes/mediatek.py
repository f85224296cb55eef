"""MediaTek's NPUs, by the compiler plugin of LiteRT."""

from __future__ import annotations

from rnnlite_pipeline.runtimes.demands import dtypes
from rnnlite_pipeline.runtimes.litert_compiled import no_states
from rnnlite_pipeline.runtimes.rule import Table, litert_source, plain_rules
from rnnlite_pipeline.runtimes.runtime import Runtime

#: The ops, from the array kSupportedOps.
SOURCE = litert_source("litert/vendors/mediatek/compiler/compiler_plugin.cc")

#: The types, from GetNeuronTensorType.
_TYPES = litert_source("litert/vendors/mediatek/compiler/legalizations/neuron_utils.cc")

OPS = """
ABS ADD AVERAGE_POOL_2D BATCH_MATMUL CAST CONCATENATION CONV_2D DEPTHWISE_CONV_2D DEQUANTIZE DIV
FULLY_CONNECTED GELU GREATER HARD_SWISH L2_NORMALIZATION LEAKY_RELU LESS LOGISTIC MAXIMUM
MAX_POOL_2D MEAN MINIMUM MUL PAD PADV2 PRELU QUANTIZE REDUCE_MAX RELU RESHAPE RESIZE_BILINEAR
RESIZE_NEAREST_NEIGHBOR RSQRT SLICE SOFTMAX SPLIT SQRT SQUARED_DIFFERENCE STRIDED_SLICE SUB SUM
TANH TRANSPOSE TRANSPOSE_CONV
"""

#: Of int64, constants only; no value that a model computes has it.
TYPES = ("FLOAT32", "FLOAT16", "INT32", "INT16", "UINT16", "INT8", "UINT8", "BOOL")

RUNTIME = Runtime(
    "mediatek",
    "MediaTek's NPUs (NeuroPilot), through LiteRT's CompiledModel API",
    "by table",
    "not run here: it needs MediaTek's SDK and a device",
    lambda: Table(
        SOURCE,
        plain_rules(OPS, SOURCE),
        (dtypes(TYPES, _TYPES), no_states()),
        others="MediaTek's compiler plugin does not list it; LiteRT runs it on the CPU",
    ),
)
