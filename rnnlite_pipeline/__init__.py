"""Recurrent TensorFlow models to LiteRT's fused ops, by reviewed YAML config."""

__version__ = "0.1.0"
