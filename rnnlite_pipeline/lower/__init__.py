"""Recurrences become fused ops, or loops of builtin ops."""

from rnnlite_pipeline.lower.fused import why_not_fused
from rnnlite_pipeline.lower.lowering import lower, write_recurrences

__all__ = ["lower", "why_not_fused", "write_recurrences"]
