"""What a runtime's table consists of: sources, rules for single ops, demands on a whole model."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from rnnlite_pipeline.graph.ir import Model, Op, Tensor


@dataclass(frozen=True)
class Source:
    """Where a fact was read.

    Attributes:
        at: A file of a repository, or an address.
        version: The commit, release or date of what was read.
    """

    at: str
    version: str

    def __str__(self) -> str:
        return f"{self.at} @ {self.version}"


def litert_source(path: str) -> Source:
    """A file of google-ai-edge/LiteRT, in the version that all tables were read from."""
    return Source(f"google-ai-edge/LiteRT {path}", "f67457790c9c, 2026-08-21")


def tflm_source(path: str) -> Source:
    """A file of tensorflow/tflite-micro, in the version that all tables were read from."""
    return Source(f"tensorflow/tflite-micro {path}", "90b983c2b3f1, 2026-08-20")


@dataclass(frozen=True)
class Refusal:
    """One op or input of a model that a runtime does not take.

    Attributes:
        op: The op's code; "INPUT" for an input of the model.
        name: The tensor that the op computes, or the input: it begins with the layer's name.
        reason: Why, in words for the user of the model.
    """

    op: str
    name: str
    reason: str

    def __str__(self) -> str:
        return f"{self.name}: {self.op}: {self.reason}"


@dataclass(frozen=True)
class Condition:
    """What must hold for an op beyond types and sizes.

    Attributes:
        reason: The message where it does not hold.
        holds: Whether an op meets it.
    """

    reason: str
    holds: Callable[[Op], bool]


@dataclass(frozen=True)
class Rule:
    """What a runtime takes of one op. What is not set is not limited.

    Attributes:
        op: The builtin op's name in the TFLite schema.
        source: Where this was read.
        refused: Why the op is never taken; empty where it is.
        version: The highest op version.
        dtypes: The types of the operand `data`.
        ranks: The lowest and the highest rank of the operand `data`.
        data: Which operand carries the values: 1 for SPLIT and FILL, 0 for most.
        constant: Operands that must be constants of the file.
        absent: Operands that must be left out, each with what it is for.
        conditions: What else must hold.
    """

    op: str
    source: Source
    refused: str = ""
    version: int | None = None
    dtypes: tuple[str, ...] = ()
    ranks: tuple[int, int] | None = None
    data: int = 0
    constant: tuple[int, ...] = ()
    absent: tuple[tuple[int, str], ...] = ()
    conditions: tuple[Condition, ...] = ()

    def reasons(self, op: Op) -> Iterator[str]:
        """Why `op`, which has this rule's code, is not taken; nothing where it is."""
        if self.refused:
            yield self.refused
            return
        if self.version is not None and op.version > self.version:
            yield f"it has version {op.version}; up to version {self.version} is taken"
        data = _operand(op, self.data)
        if data is not None:
            yield from self._of_data(data)
        for place in self.constant:
            tensor = _operand(op, place)
            if tensor is not None and tensor.data is None:
                yield f"its operand {place} ({tensor.name}) must be a constant"
        seen: set[str] = set()
        for place, what in self.absent:
            if _operand(op, place) is not None and what not in seen:
                seen.add(what)
                yield f"{what} is not taken"
        yield from (each.reason for each in self.conditions if not each.holds(op))

    def _of_data(self, data: Tensor) -> Iterator[str]:
        if self.dtypes and data.dtype not in self.dtypes:
            yield f"{data.dtype.lower()} is not taken, only {', '.join(self.dtypes).lower()}"
        if self.ranks is not None and data.shape is not None:
            low, high = self.ranks
            if not low <= len(data.shape) <= high:
                taken = f"rank {low}" if low == high else f"ranks {low} to {high}"
                yield f"a tensor of rank {len(data.shape)} is not taken, only {taken}"

    def limits(self) -> str:
        """The rule's limits in one line, for a table; empty where there are none."""
        parts = [self.refused] if self.refused else []
        if self.version is not None:
            parts.append(f"version up to {self.version}")
        if self.dtypes:
            parts.append(", ".join(self.dtypes).lower())
        if self.ranks is not None:
            parts.append(f"rank {self.ranks[0]} to {self.ranks[1]}")
        parts += [f"operand {place} constant" for place in self.constant]
        parts += [f"no {what}" for what in dict.fromkeys(what for _, what in self.absent)]
        parts += [f"refused: {each.reason}" for each in self.conditions]
        return "; ".join(parts)


@dataclass(frozen=True)
class Demand:
    """What must hold for the whole model.

    Attributes:
        says: The demand in one line, for a table.
        source: Where this was read.
        refusals: What of a model does not meet it.
        of_ops: Whether it asks something of each op: one that does not meet it can be left to a
            CPU. No CPU helps where another demand is not met.
    """

    says: str
    source: Source
    refusals: Callable[[Model], Iterator[Refusal]]
    of_ops: bool = False


@dataclass(frozen=True)
class Table:
    """All that is known of what a runtime takes.

    Attributes:
        source: Where the list of ops was read.
        rules: One rule for each op that is listed.
        demands: What must hold for the whole model.
        others: Why an op that is not listed is not taken; empty where such ops are taken.
        customs: The names of the custom ops that are taken.
    """

    source: Source
    rules: tuple[Rule, ...]
    demands: tuple[Demand, ...] = ()
    others: str = ""
    customs: frozenset[str] = frozenset()
    _by_op: dict[str, Rule] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_by_op", {rule.op: rule for rule in self.rules})

    def rule(self, code: str) -> Rule | None:
        """The rule of an op; None where the op is not listed."""
        return self._by_op.get(code)

    def reasons(self, op: Op) -> Iterator[str]:
        """Why `op` is not taken; nothing where it is."""
        if op.custom:
            if op.code not in self.customs:
                yield "it is a custom op, and this runtime brings no kernel for it"
            return
        rule = self.rule(op.code)
        if rule is not None:
            yield from rule.reasons(op)
        elif self.others:
            yield self.others


def plain_rules(ops: str, source: Source) -> tuple[Rule, ...]:
    """A rule without limits for each op of a list of names divided by blanks."""
    return tuple(Rule(op, source) for op in ops.split())


def with_rules(rules: tuple[Rule, ...], *special: Rule) -> tuple[Rule, ...]:
    """`rules`, where a special rule takes the place of the one for the same op."""
    changed = {rule.op: rule for rule in (*rules, *special)}
    return tuple(changed[op] for op in sorted(changed))


def _operand(op: Op, place: int) -> Tensor | None:
    return op.inputs[place] if place < len(op.inputs) else None
