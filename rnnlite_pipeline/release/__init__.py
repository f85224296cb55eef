"""The stage package: one zip that holds the model, its evidence, and the digest of every file."""

from rnnlite_pipeline.release.bundle import package

__all__ = ["package"]
