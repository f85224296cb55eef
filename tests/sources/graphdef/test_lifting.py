"""Assigned variables as arguments and results of a function that assigns none."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest

from rnnlite_pipeline.errors import NotConvertible
from rnnlite_pipeline.sources.graphdef.lifting import Assigned, handle_of, is_assigned, lift
from rnnlite_pipeline.sources.model import Array
from rnnlite_pipeline.toolchain import load

#: What the variables "a" and "b" hold first, and the function's argument.
A, B, X = (np.array([n, -n], np.float32) for n in (1.0, 10.0, 100.0))

Variables = Mapping[str, Any]
Call = Callable[[Any, Variables, Any], list[Any]]


def graph_of(kind: str, call: Call) -> tuple[Any, list[str]]:
    """A GraphDef of variables "a" and "b", of this kind of op, and the names of its outputs."""
    tf = load("tensorflow")
    with tf.Graph().as_default() as graph:
        x = tf.compat.v1.placeholder(tf.float32, [2], "x")
        make = getattr(tf.raw_ops, kind)
        variables = {n: make(shape=[2], dtype=tf.float32, shared_name=n, name=n) for n in "ab"}
        outputs = call(tf.raw_ops, variables, x)
    return graph.as_graph_def(), [y.name for y in outputs]


def lifted(kind: str, call: Call, dtype: type = np.float32) -> tuple[list[Array], list[str]]:
    """What the lifted function gives for X and the first values, and the states' names."""
    definition, outputs = graph_of(kind, call)
    wrap = load("tensorflow.python.eager.wrap_function")
    partial = wrap.function_from_graph_def(definition, ["x:0"], outputs)
    states = {
        n: Assigned(f"the {n}", n, value.astype(dtype))
        for n, value in {"a": A, "b": B}.items()
        if is_assigned(definition, n)
    }
    function, kept = lift(partial, states)
    tf = load("tensorflow")
    results = function(*[tf.constant(v) for v in (X, *(state.initial for state in kept))])
    assert not [op for op in function.graph.get_operations() if "Variable" in op.type]
    return [np.asarray(v) for v in results or ()], [state.name for state in kept]


def after(*ops: Any) -> Any:
    """Control edges, which order what touches a variable."""
    return load("tensorflow").control_dependencies(list(ops))


def same(found: list[Array], *wanted: Array) -> None:
    """Compares the outputs, and the states behind them."""
    for one, other in zip(found, wanted, strict=True):
        np.testing.assert_array_equal(one, other)


def test_reads_and_assignments_of_a_resource() -> None:
    """A read before an assignment gives the argument; one behind it what was assigned."""

    def call(raw: Any, v: Variables, x: Any) -> list[Any]:
        tf = load("tensorflow")
        read = raw.ReadVariableOp(resource=v["a"], dtype=tf.float32)
        with after(read):
            add = raw.AssignAddVariableOp(resource=v["a"], value=x)
        with after(add):
            middle = raw.ReadVariableOp(resource=v["a"], dtype=tf.float32)
        with after(middle):
            subtract = raw.AssignSubVariableOp(resource=v["a"], value=read)
        with after(subtract):
            last = raw.ReadVariableOp(resource=v["a"], dtype=tf.float32)
        with after(last):
            write = raw.AssignVariableOp(resource=v["a"], value=last * 2.0)
        with after(write):
            return [raw.Identity(input=y) for y in (read, middle, last)]

    found, names = lifted("VarHandleOp", call)
    assert names == ["the a"]
    same(found, A, A + X, X, 2 * X)


def test_a_handle_through_identity() -> None:
    """A handle that went through Identity is the same variable."""

    def call(raw: Any, v: Variables, x: Any) -> list[Any]:
        handle = raw.Identity(input=raw.Identity(input=v["a"]))
        with after(raw.AssignVariableOp(resource=handle, value=x)):
            return [raw.ReadVariableOp(resource=v["a"], dtype=load("tensorflow").float32) + 1.0]

    found, names = lifted("VarHandleOp", call)
    assert names == ["the a"]
    same(found, X + 1, X)


def test_reads_and_assignments_of_references() -> None:
    """An assignment gives what was assigned; two references in one op are two variables."""

    def call(raw: Any, v: Variables, x: Any) -> list[Any]:
        read = raw.Identity(input=v["a"])
        with after(read):
            added = raw.AssignAdd(ref=v["a"], value=x)
        with after(added):
            taken = raw.AssignSub(ref=v["b"], value=read)
        with after(taken):
            both = raw.Sub(x=v["a"], y=v["b"])
        with after(both):
            copied = raw.Assign(ref=v["a"], value=v["b"])
        return [raw.Identity(input=y) for y in (read, both, copied)]

    found, names = lifted("VariableV2", call)
    assert names == ["the a", "the b"]
    same(found, A, (A + X) - (B - A), B - A, B - A, B - A)


def test_a_variable_that_reaches_no_output() -> None:
    """It is no state, whatever is assigned to it; what it held first is a constant."""

    def call(raw: Any, v: Variables, x: Any) -> list[Any]:
        tf = load("tensorflow")
        read = raw.ReadVariableOp(resource=v["a"], dtype=tf.float32)
        with after(read):
            write = raw.AssignVariableOp(resource=v["a"], value=read + x)
        with after(write):
            return [x + 1.0]

    found, names = lifted("VarHandleOp", call)
    assert names == []
    same(found, X + 1)


def test_a_variable_that_another_one_gets() -> None:
    """A variable that is assigned to a live one is live."""

    def call(raw: Any, v: Variables, x: Any) -> list[Any]:
        tf = load("tensorflow")
        b = raw.ReadVariableOp(resource=v["b"], dtype=tf.float32)
        a = raw.ReadVariableOp(resource=v["a"], dtype=tf.float32)
        with after(a, b):
            writes = [raw.AssignVariableOp(resource=v[n], value=y) for n, y in (("a", b), ("b", x))]
        with after(*writes):
            return [a + 0.0]

    found, names = lifted("VarHandleOp", call)
    assert names == ["the a", "the b"]
    same(found, A, B, X)


def test_no_states() -> None:
    """The function is handed back."""
    assert lift("any", {}) == ("any", ())


def test_a_part_of_a_variable() -> None:
    """An op that nobody follows is named, with its variable and the way out."""

    def call(raw: Any, v: Variables, x: Any) -> list[Any]:
        tf = load("tensorflow")
        write = raw.AssignVariableOp(resource=v["a"], value=x)
        with after(write):
            taken = raw.ResourceGather(resource=v["a"], indices=[0], dtype=tf.float32, name="row")
        with after(taken):
            return [raw.ReadVariableOp(resource=v["a"], dtype=tf.float32) + taken]

    with pytest.raises(NotConvertible, match=r'"the a".*\(op "row", ResourceGather\).*\n.*before'):
        lifted("VarHandleOp", call)


def test_a_counter() -> None:
    """A state that is no float is refused, with its dtype."""

    def call(raw: Any, v: Variables, x: Any) -> list[Any]:
        with after(raw.AssignVariableOp(resource=v["a"], value=x)):
            return [raw.ReadVariableOp(resource=v["a"], dtype=load("tensorflow").float32) + x]

    with pytest.raises(NotConvertible, match=r'"the a" of dtype int32.*counter'):
        lifted("VarHandleOp", call, np.int32)


def test_what_assigns_a_variable() -> None:
    """An assignment counts, through Identity too; a read, or a write of another one, does not."""

    def call(raw: Any, v: Variables, x: Any) -> list[Any]:
        handle = raw.Identity(input=v["b"])
        with after(raw.AssignVariableOp(resource=handle, value=x, name="write")):
            return [raw.ReadVariableOp(resource=v["a"], dtype=load("tensorflow").float32)]

    definition, _ = graph_of("VarHandleOp", call)
    assert [is_assigned(definition, n) for n in "ab"] == [False, True]
    nodes = {node.name: node for node in definition.node}
    assert handle_of(nodes["write"], nodes) == "b"
