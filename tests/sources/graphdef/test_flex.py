"""What a Flex op carries, and how it is written otherwise."""

from __future__ import annotations

from typing import Any

from flatbuffers import flexbuffers

from rnnlite_pipeline.graph.ir import Model, Op, Subgraph
from rnnlite_pipeline.sources.graphdef.flex import make_custom, node_of, options_of, repeatable
from rnnlite_pipeline.toolchain import load


def node(**attributes: Any) -> Any:
    """The NodeDef of an op "Roll" with these attributes: a value by the name of its kind."""
    made = load("tensorflow").compat.v1.NodeDef(name="a/roll", op="Roll", input=["x"])
    for name, (kind, value) in attributes.items():
        if kind.startswith("list."):
            getattr(made.attr[name].list, kind.removeprefix("list.")).extend(value)
        else:
            setattr(made.attr[name], kind, value)
    return made


def custom(code: str, options: bytes | None) -> Op:
    """The op after `make_custom`."""
    op = Op(code, [], [], custom=True, custom_options=options)
    make_custom(Model([Subgraph("main", ops=[op])]))
    return op


def test_a_node_is_read_as_it_was_written() -> None:
    """The name and the NodeDef, whose bytes need not be text."""
    made = node(raw=("s", b"\xff\xfe\0"))
    name, read = node_of(options_of(b"Roll", made))
    assert name == b"Roll"
    assert read == made


def test_where_an_op_was_traced_is_left_out() -> None:
    """Two traces of one model give the same bytes, whatever the order of the attributes."""
    one = node(a=("i", 1), b=("i", 2))
    two = node(b=("i", 2), a=("i", 1))
    two.experimental_debug_info.original_node_names.append("traced_17")
    assert repeatable(options_of(b"Roll", one)) == repeatable(options_of(b"Roll", two))
    assert node_of(repeatable(options_of(b"Roll", two)))[1] == one


def test_attributes_of_a_custom_op() -> None:
    """Numbers, text, types and lists of numbers are in its map by name."""
    made = node(
        i=("i", -(2**40)),
        f=("f", 0.5),
        b=("b", True),
        s=("s", b"\xff"),
        T=("type", load("tensorflow").int64.as_datatype_enum),
        ints=("list.i", [1, 2]),
        floats=("list.f", [0.5]),
        texts=("list.s", [b"a", b"b"]),
    )
    op = custom("FlexRoll", options_of(b"Roll", made))
    assert op.code == "Roll"
    found = flexbuffers.GetRoot(op.custom_options).AsMap
    assert found["i"].AsInt == -(2**40)
    assert found["f"].AsFloat == 0.5
    assert found["b"].AsBool is True
    assert found["s"].AsStringBytes == b"\xff"
    assert found["T"].AsInt == 4  # INT64 of the schema's TensorType
    assert [each.AsInt for each in found["ints"].AsTypedVector] == [1, 2]
    assert [each.AsFloat for each in found["floats"].AsTypedVector] == [0.5]
    assert [each.AsString for each in found["texts"].AsTypedVector] == ["a", "b"]


def test_attributes_that_have_no_place() -> None:
    """A shape, a type that the schema has not, and an empty list are left out."""
    made = node(
        shape=("list.i", []), T=("type", load("tensorflow").qint8.as_datatype_enum), n=("i", 1)
    )
    made.attr["_output_shapes"].list.shape.add()
    op = custom("FlexRoll", options_of(b"Roll", made))
    assert flexbuffers.GetRoot(op.custom_options).AsMap.Value == {"n": 1}


def test_ops_that_stay_as_they_are() -> None:
    """A list of a loop becomes a tensor later; an op without a NodeDef is no op of TensorFlow."""
    options = options_of(b"TensorListReserve", node())
    assert custom("FlexTensorListReserve", options).custom_options == options
    assert custom("FlexRoll", None).code == "FlexRoll"
    assert custom("Roll", b"own").custom_options == b"own"
