"""Passes over the graph, one a file: each `def pass_name(model: Model) -> bool`.

The list of a whole conversion is `stages/conversion.py`.
"""
