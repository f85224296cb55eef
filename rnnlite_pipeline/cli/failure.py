"""What is said where a command fails."""

from __future__ import annotations

import sys


def failed(message: str, status: int) -> int:
    """Tells people what went wrong, after all that was printed before; returns the status."""
    sys.stdout.flush()
    sys.stderr.write(f"error: {message}\n")
    return status
