"""Models with ops that LiteRT lacks: what it has runs on LiteRT, each other op on TensorFlow."""

from rnnlite_pipeline.runtimes.partition.cut import cut, has_foreign_ops, is_foreign
from rnnlite_pipeline.runtimes.partition.runner import PartitionedRunner, open_runner

__all__ = ["PartitionedRunner", "cut", "has_foreign_ops", "is_foreign", "open_runner"]
