"""The stage package: the bundle, its lock, card and statements, and code that runs the model."""
