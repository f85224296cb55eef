"""The one place that imports TensorFlow's modules: `toolchain`, under the name that sources use."""

from rnnlite_pipeline.toolchain import load, prepare

__all__ = ["load", "prepare"]
