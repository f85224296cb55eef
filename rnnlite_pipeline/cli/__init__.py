"""The command line; no other room imports it."""

from rnnlite_pipeline.cli.commands import COMMANDS
from rnnlite_pipeline.cli.main import main

__all__ = ["COMMANDS", "main"]
