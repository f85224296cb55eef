"""A recurrent layer and what it became, as convert, inspect and the report show it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from rnnlite_pipeline.cells.recurrence import Recurrence


@dataclass(frozen=True, eq=False)
class Layer:
    """One recurrent layer and what it becomes.

    Attributes:
        name: The layer's name, as its author knows it.
        recurrence: What it computes; None where its loop was not read.
        op: The op it becomes: a fused op, or WHILE; UNROLLED where it stays a step after a step.
        reason: Why it is a loop; empty where it is fused.
        scope: What the names of its op's tensors begin with; its partner's where it was grouped.
        milliseconds: What each form took, where `lowering: fastest` measured them.
        gain: What would make it faster on a CPU, in words (times.py); empty where nothing would.
        zeros: How many of its weights are zeros in blocks, and how these are stored, in words;
            empty where they are few.
        reads_reversed: Whether a reversal of the steps stands before it in the graph.
    """

    name: str
    recurrence: Recurrence | None
    op: str
    reason: str = ""
    scope: str = ""
    milliseconds: Mapping[str, float] = field(default_factory=dict)
    gain: str = ""
    zeros: str = ""
    reads_reversed: bool = False

    @property
    def direction(self) -> str:
        """How it goes over the model's own sequence: "forward" or "backward"."""
        assert self.recurrence is not None
        return "backward" if self.recurrence.reverse != self.reads_reversed else "forward"
