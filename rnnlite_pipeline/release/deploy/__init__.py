"""Code that deploys one model: generated for its names, shapes, quantization and state policy."""

from __future__ import annotations

from collections.abc import Mapping

from rnnlite_pipeline.release.deploy.c_array import c_header, packed_c_source
from rnnlite_pipeline.release.deploy.cpp import cpp_class, tflm_class
from rnnlite_pipeline.release.deploy.deployment import Deployment
from rnnlite_pipeline.release.deploy.kotlin import kotlin_class
from rnnlite_pipeline.release.deploy.python import python_module
from rnnlite_pipeline.release.deploy.readme import readme

__all__ = ["Deployment", "deployment_files"]


def deployment_files(deployment: Deployment, content: bytes) -> Mapping[str, bytes]:
    """The files by name.

    Args:
        deployment: What the code must know of the model.
        content: The model, for the C array.
    """
    name = deployment.snake
    files = {
        "README.md": readme(deployment),
        f"python/{name}.py": python_module(deployment),
        f"android/{deployment.camel}.kt": kotlin_class(deployment),
        f"cpp/{name}.h": cpp_class(deployment),
        f"c/{name}_model.h": c_header(deployment, content),
    }
    if not deployment.not_on_tflm:
        files[f"tflm/{name}.h"] = tflm_class(deployment)
    encoded = {path: text.encode() for path, text in files.items()}
    return encoded | {f"c/{name}_model.c.bz2": packed_c_source(deployment, content)}
