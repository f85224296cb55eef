"""The nodes of a graph and of a function: their order, names and shapes."""

from __future__ import annotations

from typing import Any

from rnnlite_pipeline.sources.graphdef.nodes import Nodes, scopes_of
from rnnlite_pipeline.toolchain import load


def _function() -> Any:
    """A loop whose body is a function, called on [B, 3]."""
    tf: Any = load("tensorflow")

    def call(x: Any) -> Any:
        body = lambda k, y: (k + 1, tf.tanh(y))  # noqa: E731
        shapes = (tf.TensorShape([]), tf.TensorShape([None, 3]))
        return tf.while_loop(lambda k, _: k < 2, body, (0, x), shape_invariants=shapes)[1]

    specs = [tf.TensorSpec((None, 3), tf.float32, name="x")]
    return tf.function(call, autograph=False).get_concrete_function(*specs)


def test_a_function_has_the_shapes_of_its_calls() -> None:
    """The body of a loop knows what the loop declares of its states."""
    function = _function()
    scopes = scopes_of(Nodes, function, function.graph.as_graph_def())
    shapes = [
        scope.tensor(scope.results(node)[0]).shape.as_list()
        for scope in scopes
        for node in scope.nodes
        if node.op == "Tanh"
    ]
    assert shapes == [[None, 3]]


def test_nodes_stand_after_what_they_read() -> None:
    """Whatever their order in the file."""
    tf: Any = load("tensorflow")
    with tf.Graph().as_default() as graph:
        tf.add(tf.constant(1.0, name="a"), tf.constant(2.0, name="b"), name="c")
    definition = graph.as_graph_def()
    turned = type(definition)()
    turned.node.extend(reversed(definition.node))
    order = [node.name for node in Nodes(turned.node, graph)._in_order()]
    assert order.index("c") > max(order.index("a"), order.index("b"))


def test_a_traced_function_is_placed() -> None:
    """Its nodes get names of their own, and constants wait for an operand."""
    tf: Any = load("tensorflow")
    with tf.Graph().as_default() as graph:
        tf.compat.v1.placeholder(tf.float32, [2], "x")
    definition = graph.as_graph_def()
    nodes = Nodes(definition.node, graph)
    traced = tf.function(lambda x: 2.0 * x).get_concrete_function(tf.TensorSpec([2]))
    (made,) = nodes.placed("new", traced, ["x"])
    found = {node.name: node for node in definition.node}
    assert made in found
    constants = [node for node in definition.node if node.op == "Const"]
    assert [list(node.input) for node in constants] == [["^x"]] * len(constants)
    with tf.Graph().as_default() as imported, tf.compat.v1.Session(graph=imported) as session:
        tf.graph_util.import_graph_def(definition, name="")
        assert session.run(f"{made}:0", {"x:0": [1.0, 2.0]}).tolist() == [2.0, 4.0]
