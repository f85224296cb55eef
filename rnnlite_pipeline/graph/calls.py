"""Which subgraphs run which: loops and branches."""

from __future__ import annotations

from rnnlite_pipeline.graph.flat import damaged
from rnnlite_pipeline.graph.ir import Model, Op, Subgraph

#: How deep loops and branches may be nested.
MAX_DEPTH = 100


def called(op: Op) -> list[Subgraph]:
    """The subgraphs an op runs: a loop's condition and body, the branches of an IF."""
    found: list[Subgraph] = []
    for value in op.options.values():
        values = value if isinstance(value, list) else [value]
        found += [v for v in values if isinstance(v, Subgraph)]
    return found


def check_calls(model: Model) -> None:
    """Checks that no subgraph runs itself, and that loops and branches fit their subgraphs.

    Raises:
        ModelFormatError: They do not; who walks the graph may rely on it afterwards.
    """
    for op in model.ops():
        if op.code == "WHILE" and not _is_loop(op):
            raise damaged(f"the loop {op.outputs} does not fit its condition and body")
        if op.code == "IF" and not _is_branch(op):
            raise damaged(f"the branches of {op.outputs} do not fit")
    done: set[Subgraph] = set()
    for subgraph in model.subgraphs:
        _check_acyclic(subgraph, [], done)


def _is_loop(op: Op) -> bool:
    if op.options_type != "WhileOptions":
        return False
    cond, body = op.options["cond_subgraph"], op.options["body_subgraph"]
    carried = (op.inputs, op.outputs, cond.inputs, body.inputs, body.outputs)
    return len({len(values) for values in carried}) == 1 and len(cond.outputs) == 1


def _is_branch(op: Op) -> bool:
    if op.options_type != "IfOptions":
        return False
    fits = (
        len(branch.inputs) == len(op.inputs) - 1 and len(branch.outputs) == len(op.outputs)
        for branch in called(op)
    )
    return all(fits)


def _check_acyclic(subgraph: Subgraph, above: list[Subgraph], done: set[Subgraph]) -> None:
    if subgraph in above or len(above) > MAX_DEPTH:
        raise damaged(f"subgraph {subgraph.name!r} runs itself")
    if subgraph not in done:
        for op in subgraph.ops:
            for target in called(op):
                _check_acyclic(target, [*above, subgraph], done)
        done.add(subgraph)
