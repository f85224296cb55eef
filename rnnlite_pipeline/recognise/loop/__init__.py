"""Loops read as equations."""
