"""TFLite metadata: the description of a model in its file, for people and for tools."""

from rnnlite_pipeline.metadata.attach import described_model, differences
from rnnlite_pipeline.metadata.read import Description, read_description

__all__ = ["Description", "described_model", "differences", "read_description"]
