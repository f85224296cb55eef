"""Error messages on standard error, and JSON on standard output."""

from __future__ import annotations

import json
import sys


def failed(message: str, status: int) -> int:
    """Prints an error message after everything that was printed before; returns the status."""
    sys.stdout.flush()
    sys.stderr.write(f"error: {message}\n")
    return status


def print_json(value: object) -> None:
    """Prints the result of a command as JSON."""
    sys.stdout.write(json.dumps(value, indent=2, ensure_ascii=False) + "\n")
