"""What the symbols of a step are called in the equations of a cell."""

from __future__ import annotations

#: The symbol for a step's input; `before(k)` and `after(k)` are those of state k.
INPUT = "x"


def before(k: int) -> str:
    """The symbol's name for state k before the step."""
    return f"s{k}"


def after(k: int) -> str:
    """The symbol's name for state k after the step."""
    return f"n{k}"
