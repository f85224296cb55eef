"""Passes over the graph, one a file: each `def pass_name(model: Model) -> bool`."""
