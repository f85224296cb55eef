"""What changes of a GraphDef have in common."""

from __future__ import annotations

from typing import Any

import numpy as np

from rnnlite_pipeline.sources.graphdef.graph_edit import (
    forget_functions,
    function_of,
    nodes_of,
    rename_functions,
)
from rnnlite_pipeline.toolchain import load


def branched() -> Any:
    """A concrete function of x [None, 2] with a branch, whose functions call another one."""
    tf = load("tensorflow")

    doubled = tf.function(lambda y: 2.0 * y)
    spec = tf.TensorSpec([None, 2], tf.float32, name="x")

    def call(x: Any) -> Any:
        large = tf.reduce_sum(x) > 0
        return tf.cond(large, lambda: doubled(x), lambda: -doubled(x)), x

    return tf.function(call, input_signature=[spec]).get_concrete_function()


def names(definition: Any) -> set[str]:
    """The functions of a GraphDef."""
    return {function.signature.name for function in definition.library.function}


def called(definition: Any) -> set[str]:
    """What the nodes call."""
    return {
        value.func.name
        for node in nodes_of(definition)
        for value in node.attr.values()
        if value.WhichOneof("value") == "func"
    }


def test_nodes_of_functions_are_nodes() -> None:
    """The nodes of the main graph and of every function."""
    kinds = {node.op for node in nodes_of(branched().graph.as_graph_def())}
    assert {"Placeholder", "Neg", "Mul"} <= kinds


def test_functions_are_renamed_where_they_are_called() -> None:
    """Those asked for get another name, in their definitions and in what calls them."""
    definition = branched().graph.as_graph_def()
    before = names(definition)
    one = min(before)
    rename_functions(definition, "_new", {one})
    assert names(definition) == before - {one} | {f"{one}_new"}
    assert called(definition) == names(definition)


def test_a_list_of_functions_is_renamed() -> None:
    """The branches of a Case stand in one attribute."""
    definition = load("tensorflow").compat.v1.GraphDef()
    node = definition.node.add(name="case", op="Case")
    for name in ("a", "b"):
        node.attr["branches"].list.func.add(name=name)
        definition.library.function.add().signature.name = name
    rename_functions(definition, "_new", ["a"])
    assert [each.name for each in node.attr["branches"].list.func] == ["a_new", "b"]


def test_a_call_by_the_name_of_an_op() -> None:
    """TensorFlow 1 calls a function by an op of its name."""
    definition = load("tensorflow").compat.v1.GraphDef()
    for op in ("twice", "Neg"):
        definition.node.add(name=op, op=op)
    definition.library.function.add().signature.name = "twice"
    rename_functions(definition, "_new", ["twice"])
    assert [node.op for node in definition.node] == ["twice_new", "Neg"]
    assert names(definition) == {"twice_new"}


def test_a_function_of_a_changed_graph() -> None:
    """It has the inputs, their shapes, and the outputs of the one that it was made of."""
    old = branched()
    definition = old.graph.as_graph_def()
    rename_functions(definition, "_changed", names(definition))
    new = function_of(definition, old)
    assert [t.shape.as_list() for t in new.inputs] == [[None, 2]]
    x = load("tensorflow").constant([[1.0, -3.0]])
    for one, two in zip(old(x), new(x), strict=True):
        np.testing.assert_array_equal(one, two)


def test_forgotten_functions() -> None:
    """They leave the registry of the process, where there are any; the graph goes on."""
    definition = branched().graph.as_graph_def()
    rename_functions(definition, "_forgotten", names(definition))
    new = function_of(definition, branched())
    context = load("tensorflow.python.eager.context").context()
    functions = new.graph.as_graph_def().library.function
    assert any(context.has_function(f.signature.name) for f in functions)
    forget_functions(functions)
    forget_functions(functions)
    assert not any(context.has_function(f.signature.name) for f in functions)
