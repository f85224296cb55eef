"""What the YAML says, as frozen values; no TensorFlow, no NumPy."""

from rnnlite_pipeline.config.associated import associated_files
from rnnlite_pipeline.config.conversion import Quantization, RandomData, Recurrent, Scheme
from rnnlite_pipeline.config.files import check_files, check_releases
from rnnlite_pipeline.config.load import load_config, load_releases
from rnnlite_pipeline.config.model import Config
from rnnlite_pipeline.config.pipeline import (
    STAGES,
    Gates,
    Pipeline,
    Stage,
    known_pipelines,
    load_pipeline,
    pipeline_of,
)
from rnnlite_pipeline.config.placed import placed
from rnnlite_pipeline.config.schema import pipeline_schema_text, schema, schema_text
from rnnlite_pipeline.config.source import Format, Source
from rnnlite_pipeline.config.variants import split_reference

__all__ = [
    "STAGES",
    "Config",
    "Format",
    "Gates",
    "Pipeline",
    "Quantization",
    "RandomData",
    "Recurrent",
    "Scheme",
    "Source",
    "Stage",
    "associated_files",
    "check_files",
    "check_releases",
    "known_pipelines",
    "load_config",
    "load_pipeline",
    "load_releases",
    "pipeline_of",
    "pipeline_schema_text",
    "placed",
    "schema",
    "schema_text",
    "split_reference",
]
