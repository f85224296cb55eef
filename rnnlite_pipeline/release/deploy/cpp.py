"""C++ classes around the interpreters of LiteRT (TFLite) and of TFLite Micro."""

from __future__ import annotations

from rnnlite_pipeline.release.deploy.deployment import Deployment, Port
from rnnlite_pipeline.release.deploy.micro import method
from rnnlite_pipeline.release.deploy.text import plain, written

#: The C++ type of each of NumPy's.
TYPES = {
    "float32": "float",
    "int8": "int8_t",
    "uint8": "uint8_t",
    "int16": "int16_t",
    "int32": "int32_t",
    "int64": "int64_t",
    "bool": "bool",
}

#: What TFLite Micro's interpreter itself keeps in the arena, and each op beside its tensors;
#: generous.
_OVERHEAD = 16 * 1024
_EACH_OP = 512


def cpp_class(deployment: Deployment) -> str:
    """The text of the header for LiteRT."""
    return written("class.h", {"model": deployment}, cpp_type=cpp_type, told=_told)


def tflm_class(deployment: Deployment) -> str:
    """The text of the header for TFLite Micro: no heap, no file system."""
    arena = deployment.arena + _OVERHEAD + _EACH_OP * len(deployment.ops)
    values = {"model": deployment, "arena": arena}
    return written("tflm.h", values, cpp_type=cpp_type, told=_told, method=method)


def cpp_type(port: Port) -> str:
    """The C++ type of a port's values; bytes for what has none."""
    return TYPES.get(port.dtype, "uint8_t")


def _told(port: Port, is_output: bool) -> str:
    """What the caller does with the values."""
    said = [port.described]
    if is_output and port.labels:
        said.append(f"labels: {plain(port.labels)}, packed in the model")
    if port.mean:
        mean, std = (", ".join(map(repr, each)) for each in (port.mean, port.std))
        said.append(f"write (value - [{mean}]) / [{std}]")
    return "; ".join(said)
