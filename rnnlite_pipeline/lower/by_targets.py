"""Which forms of a layer all targets of a model support, by their tables."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from rnnlite_pipeline.errors import Key, NotConvertible
from rnnlite_pipeline.graph.ir import OPEN, Model, Op, Tensor
from rnnlite_pipeline.lower.rows import Has
from rnnlite_pipeline.runtimes import RUNTIMES

#: The ops with a recurrence in them.
FUSED = frozenset(
    f"{direction}DIRECTIONAL_SEQUENCE_{kind}"
    for direction in ("UNI", "BI")
    for kind in ("LSTM", "RNN")
)


def has_op(targets: Sequence[str]) -> Has:
    """Whether all of these targets have an op of a code, whatever its operands are."""
    tables = [RUNTIMES[name].table for name in targets]

    def has(code: str) -> bool:
        rules = [(table, table.rule(code)) for table in tables]
        return all(not (rule.refused if rule else table.others) for table, rule in rules)

    return has


def takes_rank(targets: Sequence[str], code: str, rank: int) -> bool:
    """Whether all of these targets have an op of a code on data of this rank."""
    rules = [RUNTIMES[name].table.rule(code) for name in targets]
    bounds = [rule.ranks for rule in rules if rule and rule.ranks]
    return has_op(targets)(code) and all(low <= rank <= high for low, high in bounds)


@dataclass(frozen=True)
class Why:
    """Why a target does not take a form of a layer.

    Attributes:
        target: The target's name.
        reason: In its table's words.
    """

    target: str
    reason: str

    def __str__(self) -> str:
        return f"{self.target} does not take it: {self.reason}"


def why_not_fused_there(
    op: Op, targets: Sequence[str], dtype: str, alone: Callable[[Op], Model]
) -> Iterator[Why]:
    """Why targets do not take the fused op of a recurrence.

    Args:
        op: RECURRENCE or BIDIRECTIONAL.
        targets: The targets' names.
        dtype: The type that the op will compute in, once the model is quantized.
        alone: Makes a lowered model of the op alone, with its fused op.
    """
    model: Model | None = None
    for name in targets:
        if model is None:
            model = alone(op)
            for fused in [o for o in model.ops() if o.code in FUSED]:
                for tensor in (fused.inputs[0], *fused.outputs):
                    _set(tensor, dtype)
        found = [r for r in RUNTIMES[name].judge(model).refusals if r.op in FUSED]
        yield from (Why(name, reason) for reason in dict.fromkeys(r.reason for r in found))
        turned = any(o.code == "REVERSE_V2" for o in model.ops())
        if turned and not has_op((name,))("REVERSE_V2"):
            yield Why(name, "it runs forwards only, and REVERSE_V2 is not taken")


def _set(tensor: Tensor | None, dtype: str) -> None:
    if tensor is not None:
        tensor.dtype = dtype


def why_not_loop(targets: Sequence[str]) -> Iterator[Why]:
    """Why targets do not take a loop of any kind."""
    for name in targets:
        table = RUNTIMES[name].table
        reasons = list(table.reasons(Op("WHILE", [], [])))
        yield from (Why(name, f"WHILE: {reason}") for reason in reasons[:1])


def pinned(model: Model, length: int = 100) -> str:
    """The model's inputs as `source.inputs` would pin them: the first axis alone may stay open."""
    named = model.signatures[0].inputs if model.signatures else {}
    return str(
        {
            name: [
                size if size != OPEN else "null" if k == 0 and OPEN in tensor.shape[1:] else length
                for k, size in enumerate(tensor.shape)
            ]
            for name, tensor in named.items()
            if tensor.shape is not None and OPEN in tensor.shape
        }
    ).replace("'", "")


def no_form(
    name: str, tried: Sequence[tuple[str, str]], remedy: str, keys: Sequence[Key]
) -> NotConvertible:
    """The error for a layer that has no form that all targets take.

    Args:
        name: The layer's name.
        tried: Each form with the reason against it.
        remedy: What to do.
        keys: What of the config is in the way; the error is said at the first.
    """
    lines = "".join(f"\n  {form}: {reason}" for form, reason in tried)
    said = f'"{name}" has no form that all targets take:{lines}'
    others = [(key, f'"{name}" has no form that this target takes') for key in keys[1:]]
    return NotConvertible(said, remedy, parts=[(keys[0], said), *others])
