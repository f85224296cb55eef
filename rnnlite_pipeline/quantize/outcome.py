"""What quantization made of each op, as plain values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from rnnlite_pipeline.graph.ir import Op, Subgraph


@dataclass(frozen=True, order=True)
class Outcome:
    """One op with weights, or one recurrence, and what it computes with now.

    Attributes:
        name: The name of its first output: the layer's scope comes first in it.
        op: The op's code.
        became: "float32", "float16 weights", "int8 weights", "int8" or "int16x8".
        reason: Why it is not what the scheme asks for, or how it is; may be empty.
        inside: The loop whose body it stands in; empty in the main graph.
    """

    name: str
    op: str
    became: str
    reason: str = ""
    inside: str = ""

    def __str__(self) -> str:
        where = f" in the loop {self.inside}" if self.inside else ""
        return f"{self.name} ({self.op}{where}): {self.became}{self.reason and f', {self.reason}'}"

    def as_json(self) -> dict[str, Any]:
        """The fields that say something."""
        return {key: value for key, value in vars(self).items() if value}


def outcome(op: Op, main: Subgraph, subgraph: Subgraph, became: str, reason: str = "") -> Outcome:
    """The outcome of an op, named after its first output."""
    inside = "" if subgraph is main else subgraph.name
    return Outcome(op.outputs[0].name, op.code, became, reason, inside)
