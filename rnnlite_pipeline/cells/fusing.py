"""What is asked of any cell before a fused op takes it."""

from __future__ import annotations

from collections.abc import Collection

#: Activations by the name a user knows them by.
KNOWN_AS = {"NONE": "linear"}


def why_not_fused(kind: str, activation: str, computed: Collection[str]) -> str:
    """Why a fused op does not compute a cell's activation; empty if it does."""
    if activation in computed:
        return ""
    known = KNOWN_AS.get(activation, activation.lower())
    return f"its activation is {known}, which the fused {kind} op does not compute"
