"""What the YAML says, as frozen values; no TensorFlow, no NumPy."""

from rnnlite_pipeline.config.conversion import RandomData, Scheme
from rnnlite_pipeline.config.load import load_config
from rnnlite_pipeline.config.model import Config
from rnnlite_pipeline.config.source import Format, Source

__all__ = ["Config", "Format", "RandomData", "Scheme", "Source", "load_config"]
