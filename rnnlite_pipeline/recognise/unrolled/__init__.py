"""Recurrences in straight-line code: `unroll=True`, `static_rnn`, one step of a streaming model.

A chain of products by one matrix marks the steps (chains.py); what they have in common is found
by following them backwards side by side (columns.py), read as the equations of one step
(reading.py), and written as a recurrence (rewrite.py). A single step has no chain; it is known
by its states, which are the graph's own inputs and outputs (explicit.py).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from rnnlite_pipeline.graph.edit import prune, replace_uses, topological_sort
from rnnlite_pipeline.graph.ir import Model, Op, Subgraph
from rnnlite_pipeline.recognise.loop import Unrecognised
from rnnlite_pipeline.recognise.rewriter import Replacement
from rnnlite_pipeline.recognise.unrolled.chains import Chain, Straight, chains, scope
from rnnlite_pipeline.recognise.unrolled.explicit import replace_step
from rnnlite_pipeline.recognise.unrolled.rewrite import replace_chain
from rnnlite_pipeline.recurrence import Recurrence

Objection: TypeAlias = Callable[[Replacement], str | None]

#: By layer name, what was found: a recurrence, or why the steps stay as they are.
Found: TypeAlias = dict[str, Recurrence | str]


def roll_up(model: Model, subgraph: Subgraph, objection: Objection) -> Found:
    """Replaces every chain and step that is a recurrence by a RECURRENCE op, in place.

    1. A chain is replaced whole or not at all; its first step may be folded.
    2. Chains are read in execution order, so that a layer finds the one below as a sequence.
    3. The rest of the graph may read the outputs and the final states, and nothing else.
    4. A single step is looked for where the caller passes the states: in a signature's graph.
    5. What one scope fails at is said once.
    """
    found: Found = {}
    tried: set[Op] = set()
    while chain := _next(subgraph, tried):
        tried.update(chain.products)
        name = scope(chain.products)
        result = _replacement(chain, _unused(name, found), objection)
        if isinstance(result, Replacement):
            _apply(result, model, subgraph, found)
        else:
            found.setdefault(name, result)
    if subgraph is model.main or any(s.subgraph is subgraph for s in model.signatures):
        _roll_up_steps(model, subgraph, objection, found)
    return found


def _roll_up_steps(model: Model, subgraph: Subgraph, objection: Objection, found: Found) -> None:
    while step := replace_step(Straight(subgraph)):
        reason = objection(step)
        if reason:
            found.setdefault(step.recurrences[0].name, reason)
            return
        _apply(step, model, subgraph, found)


def _next(subgraph: Subgraph, tried: set[Op]) -> Chain | None:
    return next((c for c in chains(Straight(subgraph)) if tried.isdisjoint(c.products)), None)


def _replacement(chain: Chain, name: str, objection: Objection) -> Replacement | str:
    """What takes the chain's place, or why nothing does.

    Where the first step has its product but is folded otherwise, the chain begins with the next.
    """
    try:
        replacement = replace_chain(chain, name)
    except Unrecognised as problem:
        if len(chain.products) == 2:
            return str(problem)
        try:
            replacement = replace_chain(Chain(chain.graph, chain.products[1:]), name)
        except Unrecognised:
            return str(problem)
    return objection(replacement) or replacement


def _unused(name: str, found: Found) -> str:
    """The name, numbered where another recurrence has it."""
    candidate, count = name, 0
    while isinstance(found.get(candidate), Recurrence):
        count += 1
        candidate = f"{name}/{count}"
    return candidate


def _apply(replacement: Replacement, model: Model, subgraph: Subgraph, found: Found) -> None:
    subgraph.ops += replacement.ops
    for old, new in replacement.results.values():
        replace_uses(model, subgraph, old, new)
    topological_sort(subgraph)
    prune(model)
    (recurrence,) = replacement.recurrences
    found[recurrence.name] = recurrence
