"""TFLite metadata: what a model says of itself, to people and to the tools that run it."""

from rnnlite_pipeline.metadata.attach import described_model, differences
from rnnlite_pipeline.metadata.read import Description, read_description

__all__ = ["Description", "described_model", "differences", "read_description"]
