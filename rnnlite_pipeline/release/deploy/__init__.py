"""Code that deploys one model: for its names, shapes, quantization, states and targets."""

from __future__ import annotations

from collections.abc import Mapping

from rnnlite_pipeline.release.deploy.c_array import c_header, packed_c_source
from rnnlite_pipeline.release.deploy.cpp import compiled_class, cpp_class
from rnnlite_pipeline.release.deploy.deployment import Deployment
from rnnlite_pipeline.release.deploy.javascript import javascript_module
from rnnlite_pipeline.release.deploy.kinds import kinds
from rnnlite_pipeline.release.deploy.kotlin import (
    kotlin_class,
    kotlin_compiled_class,
    why_not_compiled,
)
from rnnlite_pipeline.release.deploy.python import python_module
from rnnlite_pipeline.release.deploy.readme import readme
from rnnlite_pipeline.release.deploy.tflm import tflm_files

__all__ = ["Deployment", "deployment_files"]


def deployment_files(deployment: Deployment, content: bytes) -> Mapping[str, bytes]:
    """The files by name; which there are follows from the targets (kinds.py).

    Args:
        deployment: What the code must know about the model.
        content: The model, for the C array.
    """
    name, camel = deployment.snake, deployment.camel
    wanted = kinds(deployment.targets)
    files: dict[str, str] = {}
    if wanted & {"interpreter", "compiled"}:
        files[f"python/{name}.py"] = python_module(deployment)
    if "interpreter" in wanted:
        files[f"android/{camel}.kt"] = kotlin_class(deployment)
        files[f"cpp/{name}.h"] = cpp_class(deployment)
    if "compiled" in wanted:
        files[f"cpp/{name}_compiled.h"] = compiled_class(deployment)
        if not why_not_compiled(deployment):
            files[f"android/{camel}Compiled.kt"] = kotlin_compiled_class(deployment)
    if "web" in wanted:
        files[f"web/{name}.mjs"] = javascript_module(deployment)
    if "micro" in wanted:
        files |= tflm_files(deployment)
    encoded = {path: text.encode() for path, text in files.items()}
    if wanted != {"web"}:
        encoded[f"c/{name}_model.h"] = c_header(deployment, content).encode()
        encoded[f"c/{name}_model.c.bz2"] = packed_c_source(deployment, content)
    return {"README.md": readme(deployment, encoded).encode()} | encoded
