"""What TFLite Micro runs, and the names by which its resolver knows the ops."""

from __future__ import annotations

from rnnlite_pipeline.graph.ir import Model
from rnnlite_pipeline.runtimes import tflm
from rnnlite_pipeline.runtimes.micro import why_wrong

#: The builtin ops that TFLM has.
OPS = frozenset(tflm.OPS.split())

#: The ops whose method is not their code in camel case: Add + this.
METHODS = {
    "AVERAGE_POOL_2D": "AveragePool2D",
    "BATCH_MATMUL": "BatchMatMul",
    "CONV_2D": "Conv2D",
    "CUMSUM": "CumSum",
    "DEPTHWISE_CONV_2D": "DepthwiseConv2D",
    "L2_POOL_2D": "L2Pool2D",
    "MAX_POOL_2D": "MaxPool2D",
    "PADV2": "PadV2",
    "UNIDIRECTIONAL_SEQUENCE_LSTM": "UnidirectionalSequenceLSTM",
}


def method(code: str) -> str:
    """The resolver's method that adds an op."""
    return "Add" + METHODS.get(code, "".join(word.capitalize() for word in code.split("_")))


def why_not_tflm(model: Model) -> list[str]:
    """Why a model does not run on TFLite Micro, as far as the graph tells; nothing if it may."""
    missing = sorted({op.code for op in model.ops()} - OPS)
    lacking = [f"TFLM has no {', '.join(missing)}"] if missing else []
    return lacking + why_wrong(model)
