"""Coral's Edge TPU, by its published list of operations."""

from __future__ import annotations

from collections.abc import Iterator

from rnnlite_pipeline.graph.ir import Model
from rnnlite_pipeline.runtimes.demands import closed, dtypes
from rnnlite_pipeline.runtimes.rule import Demand, Refusal, Source, Table, plain_rules
from rnnlite_pipeline.runtimes.runtime import Runtime

#: Table 1 and "Model requirements". The same list: developer.axis.com, ARTPEC-7, supported ops.
SOURCE = Source("https://coral.ai/docs/edgetpu/models-intro/", "runtime 14, read 2026-11-28")

OPS = """
ADD AVERAGE_POOL_2D CONCATENATION CONV_2D DEPTHWISE_CONV_2D EXPAND_DIMS FULLY_CONNECTED
L2_NORMALIZATION LOGISTIC MAXIMUM MAX_POOL_2D MEAN MINIMUM MUL PACK PAD PRELU QUANTIZE REDUCE_MAX
REDUCE_MIN RELU RELU6 RELU_N1_TO_1 RESHAPE RESIZE_BILINEAR RESIZE_NEAREST_NEIGHBOR RSQRT SLICE
SOFTMAX SPACE_TO_DEPTH SPLIT SQUARED_DIFFERENCE SQUEEZE STRIDED_SLICE SUB SUM TANH TRANSPOSE
TRANSPOSE_CONV UNIDIRECTIONAL_SEQUENCE_LSTM
"""


def _three_axes() -> Demand:
    """Of a tensor's axes, only the innermost three may be larger than 1."""

    def refusals(model: Model) -> Iterator[Refusal]:
        for op in model.ops():
            for tensor in op.outputs:
                if any(size != 1 for size in (tensor.shape or ())[:-3]):
                    reason = f"only the last three axes may be larger than 1: {tensor.shape}"
                    yield Refusal(op.code, tensor.name, reason)

    return Demand("only the last three axes of a tensor larger than 1", SOURCE, refusals)


RUNTIME = Runtime(
    "edgetpu",
    "Coral's Edge TPU",
    "by table",
    "not run here: its compiler is closed and takes x86 Debian packages of Google's own server",
    lambda: Table(
        SOURCE,
        plain_rules(OPS, SOURCE),
        (
            closed(SOURCE),
            dtypes(("INT8", "UINT8"), SOURCE, "use scheme int8 with int8 inputs and outputs"),
            _three_axes(),
        ),
        others="it is not in the Edge TPU's list; it and all that follows it run on the CPU",
    ),
)
