"""Translation validation: each rewritten loop is run, the old graph against the new.

Both are cut out of the model with what they read as inputs, and run on the same numbers: random
and extreme ones, states away from zero, long and short, one batch entry and several, twice. A
rewrite that differs is not made, and neither is one that no numbers tell anything of. The method
is that of Pnueli, Siegel and Singerman (1998); what it proves is in docs/traps.md.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Any

from numpy.typing import NDArray

from rnnlite_pipeline.compare import draws
from rnnlite_pipeline.compare.batch_axis import Axes, axes_of_model
from rnnlite_pipeline.compare.distance import Arrays
from rnnlite_pipeline.compare.evidence import Evidence, Pair, both_have
from rnnlite_pipeline.compare.excerpts import Excerpt, excerpt
from rnnlite_pipeline.compare.stopped import Stopped, stopped
from rnnlite_pipeline.compare.tamed import tamed
from rnnlite_pipeline.errors import StageError
from rnnlite_pipeline.graph.ir import OPEN, Model, Tensor
from rnnlite_pipeline.lower import lower
from rnnlite_pipeline.lower.fused import why_not_fused
from rnnlite_pipeline.passes.tensor_lists import tensor_lists_to_tensors
from rnnlite_pipeline.recognise import Replacement

#: After how many steps a loop of closed length is stopped. After one, nothing of a state away from
#: zero is forgotten.
TURNS = (3, 1)

#: How much smaller every matrix is made in a model that is chaotic with its own.
TAMER = (1 / 8, 1 / 64)

#: LiteRT hands out memory in as many bytes, and a state of too little memory may have them.
MEMORY = 64

#: The entries of a batch that shows such a state, of one number of 4 bytes for each entry.
LARGE_BATCH = 65

#: Where a run is not cheap: as many entries more than fit in that memory.
MANY = 3

#: Why a rewrite without evidence is not made.
NO_EVIDENCE = (
    "the rewrite could not be proven: on all numbers tried, the results overflow or are changed"
    " by more than 1 % by roundings alone, as those of a chaotic recurrence are"
)


def objection(replacement: Replacement) -> str | None:
    """Why a loop, or steps written out, must stay: the two graphs differ. None: replace it.

    Steps written out are replaced by fused ops alone: as a loop they would be slower.
    """
    if replacement.replaced:
        unfused = next(filter(None, map(why_not_fused, replacement.recurrences)), None)
        if unfused:
            return unfused
    reasons: list[str] = []
    few, whole = (_lists_as_tensors(excerpt(replacement, w), reasons) for w in (True, False))
    if reasons:
        return f"the rewrite could not be checked against the loop: {reasons[0]}"
    try:
        evidence = _of_excerpts(replacement, few, whole)
    except StageError as problem:
        return f"the rewrite could not be checked against the loop: {problem.message}"
    if evidence.difference:
        return (
            f"the rewrite differs from the loop by {evidence.difference:.1e} of its scale when run"
        )
    return NO_EVIDENCE if evidence.missing else None


def _lists_as_tensors(both: Excerpt, reasons: list[str]) -> Excerpt:
    tensor_lists_to_tensors(both.old, reasons)
    return both


def _of_excerpts(replacement: Replacement, few: Excerpt, whole: Excerpt) -> Evidence:
    """Runs the excerpts: for a few steps from states away from zero, then as they are."""
    evidence = both_have(whole.old)
    cuts = [c for turns in TURNS if (c := stopped(replacement, few, turns)) is not None]
    pairs = [
        *((c, few.inputs, draws.FEW) for c in cuts or [Stopped(few.old, few.new, frozenset())]),
        (Stopped(whole.old, whole.new, frozenset()), whole.inputs, draws.EXCERPT),
    ]
    for cut, inputs, kinds in pairs:
        lower(cut.old)
        lower(cut.new)
        pair = Pair(cut.old, cut.new, evidence, cut.unsure)
        costly = kinds is draws.EXCERPT and not pair.is_cheap
        tried = draws.COSTLY_EXCERPT if costly else kinds
        drawn = list(draws.of_replacement(replacement, inputs, tried))
        pair.weigh_draws(tried, drawn.__getitem__)
        pair.conclude()
    return evidence


def check_whole(
    old: Model,
    new: Model,
    limits: Mapping[str, range] | None = None,
    first: Mapping[str, NDArray[Any]] | None = None,
) -> None:
    """Runs the converted model against the source's graph: what the passes did around the loops.

    1. Numbers of several kinds and sizes are drawn until every output has evidence, and the budget
       is spent.
    2. Where an output has none, sequences of open length are made short.
    3. Where it still has none, every matrix of both models is made smaller: that the two agree
       then shows that they are built alike.
    4. Where it still has none, weights that are whole numbers are not rounded: a step that is
       counted, and taken modulo a period, jumps with the last bit of a period.
    5. A large batch is run.

    Args:
        old: The source's graph with its loops, on plain tensors; its ops are all builtin.
        new: The converted model.
        limits: For an input of whole numbers, those it takes, where they are known.
        first: For an input that takes a state, the value that `old` starts from.

    Raises:
        StageError: They differ, or nothing tells whether they do.
    """
    limits, first = limits or {}, first or {}
    evidence = both_have(old)
    pair = Pair(old, new, evidence)
    axes = axes_of_model(old, partial(_once, pair), limits) if pair.is_cheap else Axes()
    interface = draws.Interface(new.signatures[0].inputs, axes.inputs, limits, first)

    def weigh(pair: Pair, kinds: Sequence[draws.Draw]) -> None:
        pair.weigh_draws(kinds, lambda k: draws.of_model(kinds[k], k, interface))

    weigh(pair, draws.WHOLE if pair.is_cheap or _slides(old) else draws.COSTLY)
    _repeat(pair, interface)
    if evidence.missing:
        weigh(pair, draws.SHORT)
    for factor in TAMER:
        if evidence.missing and not evidence.difference:
            unsure = Pair(tamed(old, factor), tamed(new, factor), evidence, evidence.outputs)
            weigh(unsure, draws.WHOLE)
            unsure.conclude()
    if evidence.missing and not evidence.difference:
        weigh(Pair(old, new, evidence, exact=True), draws.WHOLE)
    if evidence.difference:
        raise StageError(
            f"The converted model differs from its source's graph by {evidence.difference:.1e} of"
            " its scale when both are run.",
            "This is a fault of rnnlite: report it with the model; `bidirectional: split` and"
            " `time_major: keep` may avoid it.",
        )
    if evidence.missing:
        raise StageError(
            "Nothing shows that the converted model computes what its source's graph does: on all"
            f" numbers tried, {', '.join(evidence.missing)} overflowed, or was changed by more than"
            " 1 % by roundings alone.",
            "A model whose results roundings change gives other numbers on every device. Check its"
            " weights, or convert it without what makes it so (docs/traps.md, Validation).",
        )


def _once(pair: Pair, arrays: Mapping[str, NDArray[Any]]) -> Arrays:
    """The results of the old model for some inputs."""
    return pair.opened.old([dict(arrays)])[0]


def _slides(model: Model) -> bool:
    """Whether windows slide over its inputs, which must not be shorter than these."""
    return any("CONV" in op.code or "POOL" in op.code for op in model.ops())


def _repeat(pair: Pair, model: draws.Interface) -> None:
    """Rule 5, where the batch is open."""
    axes = {name: model.axes.get(name, 0) for name in model.inputs}
    batches = {
        name: axes[name]
        for name, tensor in model.inputs.items()
        if tensor.shape and tensor.shape[axes[name]] == OPEN
    }
    pair.repeat(LARGE_BATCH if pair.is_cheap else _large_enough(pair.new), batches)


def _large_enough(model: Model) -> int:
    """How many entries show that a state has too little memory for its batch."""
    rows = [math.prod((t.shape or ())[1:]) for t in _variables(model)]
    return MANY + max((MEMORY // (4 * row) for row in rows if row > 0), default=0)


def _variables(model: Model) -> set[Tensor]:
    return {t for op in model.ops() for t in op.inputs if t is not None and t.is_variable}


def largest_difference(old: Model, new: Model, inputs: Iterable[Arrays]) -> float:
    """How far two models of one interface are apart on some numbers, beyond roundings.

    Returns:
        A part of the old one's scale; 0 within roundings, infinite where shapes differ, one is
        finite and the other is not, or nothing is told by these numbers, or by smaller ones.
    """
    evidence = both_have(old)
    pair = Pair(old, new, evidence)
    for arrays in inputs:
        pair.weigh([(arrays, True)])
    return evidence.difference or (float("inf") if evidence.missing else 0.0)
