"""Calls of annotated functions become recurrences and ops, held to what the functions compute."""

from rnnlite_pipeline.resolve.chained import chain_steps
from rnnlite_pipeline.resolve.check import distance
from rnnlite_pipeline.resolve.composites import Composite, resolve

__all__ = ["Composite", "chain_steps", "distance", "resolve"]
