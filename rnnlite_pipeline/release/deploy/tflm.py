"""C++ for TensorFlow Lite Micro: the class, an example program, and how CMake builds them."""

from __future__ import annotations

from collections.abc import Mapping

from rnnlite_pipeline.release.deploy.cpp import FILTERS
from rnnlite_pipeline.release.deploy.deployment import Deployment
from rnnlite_pipeline.release.deploy.text import written

#: What TFLM's interpreter itself keeps in the arena, and each op beside its tensors; generous.
_OVERHEAD = 16 * 1024
_EACH_OP = 512

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


def tflm_files(deployment: Deployment) -> Mapping[str, str]:
    """The files below `tflm/`, by name."""
    name = deployment.snake
    arena = deployment.arena + _OVERHEAD + _EACH_OP * len(deployment.ops)
    values = {"model": deployment, "arena": arena, "variables": deployment.variables}
    filters = {**FILTERS, "method": method}
    return {
        f"tflm/{name}.h": written("tflm.h", values, **filters),
        "tflm/example.cc": written("example.cc", values, **filters),
        "tflm/CMakeLists.txt": written("CMakeLists.txt", values),
    }
