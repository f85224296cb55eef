"""The versions of the sources that the tables were read from."""

from __future__ import annotations

from rnnlite_pipeline.runtimes.rule import Source

_LITERT = "f67457790c9c, 2026-08-21"
_TFLM = "90b983c2b3f1, 2026-08-20"


def litert(path: str) -> Source:
    """A file of google-ai-edge/LiteRT."""
    return Source(f"google-ai-edge/LiteRT {path}", _LITERT)


def tflm(path: str) -> Source:
    """A file of tensorflow/tflite-micro."""
    return Source(f"tensorflow/tflite-micro {path}", _TFLM)
