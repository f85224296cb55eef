"""Variables that a model assigns where nobody can follow them: such models are refused."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from typing import Any

from rnnlite_pipeline.errors import NotConvertible


def refuse_state(definition: Any, followed: Collection[str] = ()) -> None:
    """Finds ops that write a variable, in a GraphDef and in every function that it calls.

    Args:
        definition: The GraphDef.
        followed: The names of ops that are no reason to refuse.

    Raises:
        NotConvertible: There is one.
    """
    writes = [name for name in _writes(definition) if name not in followed]
    if writes:
        raise NotConvertible(
            f'The model assigns a variable (op "{writes[0]}") in a loop or in a branch, so that '
            "its value cannot be followed from call to call.",
            "Carry the value through the loop and assign it after it, or make the state an input "
            "and an output of the model.",
        )


def is_stateful(definition: Any) -> bool:
    """Whether an op of a GraphDef, or of a function that it calls, writes a variable."""
    return bool(_writes(definition))


def _writes(definition: Any) -> list[str]:
    return sorted({node.name for node in _nodes(definition) if _is_write(node.op)})


def _nodes(definition: Any) -> Iterator[Any]:
    """Every node that can run: a library may hold functions that nothing calls."""
    bodies = {body.signature.name: body.node_def for body in definition.library.function}
    waiting, seen = [definition.node], set[str]()
    while waiting:
        for node in waiting.pop():
            yield node
            for name in {node.op, *_called(node)} & set(bodies) - seen:
                seen.add(name)
                waiting.append(bodies[name])


def _called(node: Any) -> Iterator[str]:
    for value in node.attr.values():
        yield value.func.name
        yield from (each.name for each in value.list.func)


#: Ops that write a variable, or a part of one: of a resource, or of a reference (TensorFlow 1).
_WRITES = re.compile(
    r"Assign\w*VariableOp|Assign(Add|Sub)?|Resource(Scatter|Apply|SparseApply)\w*"
    r"|(Resource)?(StridedSliceAssign|CountUpTo)|Scatter(Nd)?(Add|Sub|Mul|Div|Min|Max|Update)"
)


def _is_write(op: str) -> bool:
    return _WRITES.fullmatch(op) is not None
