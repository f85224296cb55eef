"""Which ops write variables, and which of them can run."""

from __future__ import annotations

from typing import Any

import pytest

from rnnlite_pipeline.errors import NotConvertible
from rnnlite_pipeline.sources.state import is_stateful, refuse_state
from rnnlite_pipeline.toolchain import load


def graph(*ops: str) -> Any:
    """A GraphDef with one node of each of these ops."""
    definition = load("tensorflow").compat.v1.GraphDef()
    for op in ops:
        definition.node.add(name=f"the_{op}", op=op)
    return definition


@pytest.mark.parametrize(
    "op",
    [
        "Assign",
        "AssignSub",
        "AssignVariableOp",
        "AssignAddVariableOp",
        "ResourceScatterUpdate",
        "ResourceScatterNdUpdate",
        "ResourceApplyAdam",
        "ResourceSparseApplyAdagrad",
        "ResourceStridedSliceAssign",
        "StridedSliceAssign",
        "ScatterUpdate",
        "ScatterNdAdd",
        "ResourceCountUpTo",
    ],
)
def test_every_write_is_seen(op: str) -> None:
    """Whole variables and parts of them, of resources and of references, are named."""
    assert is_stateful(graph("Const", op))
    with pytest.raises(NotConvertible, match=f"the_{op}"):
        refuse_state(graph(op))


@pytest.mark.parametrize(
    "op",
    ["ReadVariableOp", "ScatterNd", "ScatterNdNonAliasingAdd", "Assert", "TensorScatterUpdate"],
)
def test_what_only_reads_is_no_write(op: str) -> None:
    """Reading a variable, and scattering into a new tensor, keep nothing."""
    assert not is_stateful(graph(op))


def test_a_write_that_is_followed_is_no_reason() -> None:
    """Only the ops that nobody follows are refused."""
    definition = graph("AssignVariableOp", "AssignAddVariableOp")
    with pytest.raises(NotConvertible, match="the_AssignAddVariableOp"):
        refuse_state(definition, ["the_AssignVariableOp"])
    refuse_state(definition, ["the_AssignVariableOp", "the_AssignAddVariableOp"])


def test_only_functions_that_are_called_count() -> None:
    """A write in a function is one where a node, or a function it calls, names that function."""
    definition = graph("While")
    for name in ("outer", "inner"):
        definition.library.function.add().signature.name = name
    outer, inner = definition.library.function
    inner.node_def.add(name="w", op="AssignVariableOp")
    outer.node_def.add(name="c", op="Case").attr["branches"].list.func.add(name="inner")
    assert not is_stateful(definition)
    definition.node[0].attr["body"].func.name = "outer"
    assert is_stateful(definition)
