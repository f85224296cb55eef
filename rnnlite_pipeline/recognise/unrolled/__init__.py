"""Recurrences written out step by step, in straight-line code: `unroll=True`, `static_rnn`.

A chain of products by one matrix marks the steps (chains.py); what they have in common is found
by following them backwards side by side (columns.py), read as the equations of one step
(reading.py), and written as a recurrence (rewrite.py).
"""

from __future__ import annotations

from collections.abc import Callable
from os.path import commonprefix

from rnnlite_pipeline.graph.edit import prune, replace_uses, topological_sort
from rnnlite_pipeline.graph.ir import Model, Op, Subgraph
from rnnlite_pipeline.recognise.loop import Unrecognised
from rnnlite_pipeline.recognise.rewriter import Replacement
from rnnlite_pipeline.recognise.unrolled.chains import Chain, Straight, chains
from rnnlite_pipeline.recognise.unrolled.rewrite import replace_chain
from rnnlite_pipeline.recurrence import Recurrence


def roll_up(
    model: Model, subgraph: Subgraph, objection: Callable[[Replacement], str | None]
) -> dict[str, Recurrence | str]:
    """Replaces every chain that is a recurrence by a RECURRENCE op, in place.

    1. A chain is replaced whole or not at all; its first step may be folded.
    2. Chains are read in execution order, so that a layer finds the one below as a sequence.
    3. What the rest of the graph reads are the outputs, the final states, or nothing of it.

    Returns:
        By layer name, the recurrence, or why the steps stay as they are.
    """
    found: dict[str, Recurrence | str] = {}
    tried: set[Op] = set()
    while chain := _next(subgraph, tried):
        tried.update(chain.products)
        name = _unused(_scope(chain), found)
        result = _replacement(chain, name, objection)
        if isinstance(result, Replacement):
            _apply(result, model, subgraph)
            found[name] = result.recurrences[0]
        else:
            found[name] = result
    return found


def _next(subgraph: Subgraph, tried: set[Op]) -> Chain | None:
    return next((c for c in chains(Straight(subgraph)) if tried.isdisjoint(c.products)), None)


def _replacement(
    chain: Chain, name: str, objection: Callable[[Replacement], str | None]
) -> Replacement | str:
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


def _scope(chain: Chain) -> str:
    """The scope that the products have in common: the layer that its author wrote."""
    names = [op.outputs[0].name.split(";")[0].split("/")[:-1] for op in chain.products]
    return "/".join(commonprefix(names)) or chain.products[0].outputs[0].name


def _unused(name: str, found: dict[str, Recurrence | str]) -> str:
    candidate, count = name, 0
    while candidate in found:
        count += 1
        candidate = f"{name}/{count}"
    return candidate


def _apply(replacement: Replacement, model: Model, subgraph: Subgraph) -> None:
    subgraph.ops += replacement.ops
    for old, new in replacement.results.values():
        replace_uses(model, subgraph, old, new)
    topological_sort(subgraph)
    prune(model)
