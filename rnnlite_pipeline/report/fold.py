"""Groups of ops that are drawn as one box: chains, layers, blocks of layers, intervals.

Between two ops of a group there must be no op of another group; otherwise the groups would feed
each other in a circle. Each group comes after the groups that feed it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rnnlite_pipeline.graph.ir import Model, Op, Tensor


def recurrent(op: Op) -> bool:
    """Whether an op runs over time."""
    return op.code == "WHILE" or "_SEQUENCE_" in op.code


def label(op: Op, scopes: Mapping[str, str]) -> str:
    """The layer that an op belongs to: the recurrent one, or the first part of its tensor's name.

    Args:
        op: The op.
        scopes: The name of each recurrent layer by what the names of its tensors begin with.
    """
    name = next((t.name.split(";")[0] for t in op.outputs if t.name), op.code)
    parts = name.split("/")
    ways = ("/".join(parts[:depth]) for depth in range(len(parts), 0, -1))
    top = next(filter(None, parts), op.code)
    return next((scopes[way] for way in ways if way in scopes), top)


def chains(model: Model, ops: Sequence[Op]) -> list[list[Op]]:
    """Runs of ops of which each feeds only the next; a recurrence is a group by itself."""
    users = _users(ops)
    outputs = set(model.main.outputs)
    makers: dict[Tensor, Op] = {}
    held: dict[Op, list[Op]] = {}
    for op in ops:
        feeding = list(dict.fromkeys(makers[t] for t in op.inputs if t is not None and t in makers))
        one = feeding[0] if len(feeding) == 1 else None
        alone = one is not None and all(
            users.get(t, [op]) == [op] and t not in outputs for t in one.outputs
        )
        joins = one is not None and alone and not recurrent(op) and not recurrent(one)
        chain = held[one] if one is not None and joins else []
        chain.append(op)
        held[op] = chain
        makers.update(dict.fromkeys(op.outputs, op))
    return list({id(chain): chain for chain in held.values()}.values())


def layers(ops: Sequence[Op], scopes: Mapping[str, str]) -> list[list[Op]]:
    """The ops of one layer together, as long as no op of another layer is between them."""
    groups: list[list[Op]] = []
    above: list[set[int]] = []  # for each group, those that feed it, however far
    makers: dict[Tensor, int] = {}
    latest: dict[str, int] = {}
    for op in ops:
        feeding = {makers[t] for t in op.inputs if t is not None and t in makers}
        name = label(op, scopes)
        place = latest.get(name, -1)
        if place < 0 or any(place in above[f] for f in feeding - {place}):
            place = latest[name] = len(groups)
            groups.append([])
            above.append(set())
        groups[place].append(op)
        new = set().union(*(above[f] | {f} for f in feeding - {place})) - above[place]
        for k in (place, *(k for k in range(len(groups)) if place in above[k])):
            above[k] |= new
        makers.update(dict.fromkeys(op.outputs, place))
    order = sorted(range(len(groups)), key=lambda k: (len(above[k]), k))
    return [groups[k] for k in order]


def blocks(ops: Sequence[Op], scopes: Mapping[str, str]) -> list[list[Op]]:
    """The layers between two places at which only one tensor is live.

    A residual connection lies within such a block. A layer that is recurrent begins a block.
    """
    groups = layers(ops, scopes)
    last = {t: k for k, group in enumerate(groups) for op in group for t in op.inputs if t}
    found: list[list[Op]] = []
    live: set[Tensor] = set()
    fresh = True
    for k, group in enumerate(groups):
        if fresh or (any(map(recurrent, group)) and not any(map(recurrent, found[-1]))):
            found.append([])
        found[-1] += group
        live |= {t for op in group for t in op.outputs}
        live = {t for t in live if last.get(t, -1) > k}
        fresh = len(live) <= 1 and any(map(recurrent, found[-1]))
    return found


def intervals(groups: Sequence[Sequence[Op]], most: int) -> list[list[Op]]:
    """Neighbours in the order, so many together that no more than `most` groups are left."""
    step = -(-len(groups) // most)
    return [
        [op for group in groups[i : i + step] for op in group] for i in range(0, len(groups), step)
    ]


def _users(ops: Sequence[Op]) -> dict[Tensor, list[Op]]:
    users: dict[Tensor, list[Op]] = {}
    for op in ops:
        for tensor in dict.fromkeys(t for t in op.inputs if t is not None):
            users.setdefault(tensor, []).append(op)
    return users
