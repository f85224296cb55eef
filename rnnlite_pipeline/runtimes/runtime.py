"""A runtime as a value: its name, its table, and its verdict on a model."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from rnnlite_pipeline.graph.ir import Model, Subgraph
from rnnlite_pipeline.runtimes.rule import Refusal, Table

#: How a model is held to a runtime: run on it here, compiled for it here, or by its table only.
Held = Literal["run", "compiled", "by table"]


@dataclass(frozen=True)
class Verdict:
    """What a runtime's table says of a model.

    Attributes:
        target: The runtime's name.
        held: How a model is held to it; a verdict by table is no proof that the model runs.
        refusals: What is not taken, in the order of the model; empty where all is taken.
    """

    target: str
    held: Held
    refusals: tuple[Refusal, ...]

    @property
    def takes(self) -> bool:
        """Whether the runtime takes the model by its table."""
        return not self.refusals

    def __str__(self) -> str:
        if self.takes:
            return f"{self.target}: takes the model by its table"
        lines = "".join(f"\n  {line}" for line in self.lines())
        return f"{self.target}: does not take the model{lines}"

    def lines(self, most: int = 3) -> list[str]:
        """The refusals, those of one op code for one reason in one line.

        Args:
            most: How many tensors a line names; the others are counted.
        """
        grouped: dict[tuple[str, str], list[str]] = {}
        for refusal in self.refusals:
            grouped.setdefault((refusal.op, refusal.reason), []).append(refusal.name)
        return [
            f"{op} ({_named(names, most)}): {reason}" for (op, reason), names in grouped.items()
        ]


def _named(names: list[str], most: int) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


@dataclass(frozen=True)
class Runtime:
    """One runtime.

    Attributes:
        name: As `targets` in a config names it.
        what: What it is, in one line.
        held: How a model is held to it.
        how: How that is done here, and what has to be installed.
        read: Gives its table; called once, when the table is first asked for.
    """

    name: str
    what: str
    held: Held
    how: str
    read: Callable[[], Table]

    @cached_property
    def table(self) -> Table:
        """What it takes, with sources."""
        return self.read()

    def judge(self, model: Model) -> Verdict:
        """What of a model the table does not take.

        Graphs that run only inside an op that is refused itself are not looked at: of a loop on
        a runtime without WHILE, the loop is named, and not each op of its body.
        """
        found = [each for demand in self.table.demands for each in demand.refusals(model)]
        found += self._of_ops(model)
        return Verdict(self.name, self.held, tuple(dict.fromkeys(found)))

    def _of_ops(self, model: Model) -> Iterator[Refusal]:
        waiting = [model.main, *(s.subgraph for s in model.signatures)]
        seen: set[int] = set()
        while waiting:
            graph = waiting.pop(0)
            if id(graph) in seen:
                continue
            seen.add(id(graph))
            for op in graph.ops:
                reasons = list(self.table.reasons(op))
                name = op.outputs[0].name if op.outputs else graph.name
                yield from (Refusal(op.code, name, reason) for reason in reasons)
                if not reasons:
                    waiting += [v for v in op.options.values() if isinstance(v, Subgraph)]
