"""Recurrences as loops of builtin ops."""
