"""Recurrences in straight-line code: `unroll=True`, `static_rnn`, one step of a streaming model.

A chain of products by one matrix marks the steps (chains.py); what they have in common is found
by following them backwards side by side (columns.py), read as the equations of one step
(reading.py), and written as a recurrence (rewrite.py); what was computed of its outputs step by
step is computed for all at once (restack.py). A single step has no chain; it is known by its
states, which are the graph's own inputs and outputs (explicit.py).
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from typing import TypeAlias

from rnnlite_pipeline.cells.recurrence import Recurrence
from rnnlite_pipeline.graph.edit import prune, replace_uses, topological_sort
from rnnlite_pipeline.graph.ir import Model, Op, Subgraph
from rnnlite_pipeline.recognise.loop.loop import Unrecognised
from rnnlite_pipeline.recognise.loop.rewriter import Replacement
from rnnlite_pipeline.recognise.unrolled.chains import Chain, Straight, chains, scope
from rnnlite_pipeline.recognise.unrolled.explicit import replace_step
from rnnlite_pipeline.recognise.unrolled.reading import NoRecurrence
from rnnlite_pipeline.recognise.unrolled.rejoined import cut_joins
from rnnlite_pipeline.recognise.unrolled.restack import restack
from rnnlite_pipeline.recognise.unrolled.rewrite import replace_chain

Objection: TypeAlias = Callable[[Replacement], str | None]

#: By layer name, what was found: a recurrence, or why the steps stay as they are.
Found: TypeAlias = dict[str, Recurrence | str]


def roll_up(
    model: Model, subgraph: Subgraph, objection: Objection, taken: set[str] | None = None
) -> Found:
    """Replaces every chain and step that is a recurrence by a RECURRENCE op, in place.

    1. A chain is replaced whole or not at all; its first step may be folded.
    2. The longest chains are read first, and of these the layer below first, so that the one above
       finds its outputs as a sequence.
    3. The rest of the graph may read the outputs and the final states, and nothing else.
    4. A single step is looked for where the caller passes the states: in a signature's graph.
    5. What joins the outputs step by step and stacks them is one op over all steps.
    6. What one scope fails at is said once. Two products alone say nothing: a layer called
       twice, or a constant that two layers share, looks the same.

    Args:
        model: Changed in place.
        subgraph: One of its graphs.
        objection: Asked before each replacement.
        taken: The names of layers that are not to be used again; grows.
    """
    names = set() if taken is None else taken
    found: Found = {}
    tried: set[Op] = set()
    cut_joins(subgraph)
    while chain := _next(subgraph, tried):
        tried.update(chain.products)
        name = scope(chain.products)
        result = _replacement(chain, _unused(name, names), objection)
        if isinstance(result, Replacement):
            found[_apply(result, model, subgraph, names)] = result.recurrences[0]
        elif result and len(chain.products) > 2:
            found.setdefault(name, result)
    if any(isinstance(each, Recurrence) for each in found.values()):
        restack(model, subgraph)
    if subgraph is model.main or any(s.subgraph is subgraph for s in model.signatures):
        found |= _roll_up_steps(model, subgraph, objection, names)
    return found


def _roll_up_steps(
    model: Model, subgraph: Subgraph, objection: Objection, names: set[str]
) -> Found:
    found: Found = {}
    while step := replace_step(Straight(subgraph), lambda name: _unused(name, names)):
        reason = objection(step)
        if reason:
            return found | {step.recurrences[0].name: reason}
        found[_apply(step, model, subgraph, names)] = step.recurrences[0]
    return found


def _next(subgraph: Subgraph, tried: set[Op]) -> Chain | None:
    return next((c for c in chains(Straight(subgraph)) if tried.isdisjoint(c.products)), None)


def _replacement(chain: Chain, name: str, objection: Objection) -> Replacement | str:
    """What takes the chain's place, or why nothing does; "" where it is no recurrence at all.

    Where the first step has its product but is folded otherwise, the chain begins with the next.
    """
    try:
        replacement = replace_chain(chain, name)
    except NoRecurrence:
        return ""
    except Unrecognised as problem:
        if len(chain.products) == 2:
            return str(problem)
        try:
            rest = Chain(chain.graph, chain.products[1:])
            replacement = replace_chain(rest, name, folded=True)
        except Unrecognised:
            return str(problem)
    return objection(replacement) or replacement


def _unused(name: str, names: set[str]) -> str:
    """The name, numbered where another layer has it."""
    numbered = (f"{name}/{k}" if k else name for k in count())
    return next(n for n in numbered if n not in names)


def _apply(replacement: Replacement, model: Model, subgraph: Subgraph, names: set[str]) -> str:
    """Puts the new ops into the graph and removes what they stand for; gives the layer's name."""
    subgraph.ops += replacement.ops
    for old, new in replacement.results.values():
        replace_uses(model, subgraph, old, new)
    topological_sort(subgraph)
    prune(model)
    name = replacement.recurrences[0].name
    names.add(name)
    return name
