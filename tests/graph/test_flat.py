"""The codec of flatbuffers: damage is refused, whatever it is."""

from __future__ import annotations

from dataclasses import replace

import flatbuffers
import pytest
from ai_edge_litert import schema_py_generated as tfl
from hypothesis import given, settings
from hypothesis import strategies as st

from rnnlite_pipeline.errors import ModelFormatError
from rnnlite_pipeline.graph import schema
from rnnlite_pipeline.graph.flat import TFLITE, Decoder
from rnnlite_pipeline.graph.read import read_model
from rnnlite_pipeline.graph.write import write_model
from tests.graph.written_files import exotic, pack


def test_unknown_fields_and_members_are_refused() -> None:
    """A field or a union member that the installed schema does not know is refused, not lost."""
    data = pack(exotic())
    table = schema.table("Tensor")
    older = schema.Table("Tensor", 8, tuple(f for f in table.fields if f.slot < 8))
    older_schema = replace(TFLITE, table=lambda n: older if n == "Tensor" else schema.table(n))
    with pytest.raises(ModelFormatError, match="field 8 of Tensor"):
        Decoder(data, older_schema).root("Model")
    model = exotic()
    model.subgraphs[0].operators[1].builtinOptionsType = 250
    with pytest.raises(ModelFormatError, match="member 250 of BuiltinOptions"):
        read_model(pack(model))


def test_a_deprecated_field_is_left_out() -> None:
    """TensorFlow 2.4 wrote the method's name into a signature, where the schema has a gap."""
    builder = flatbuffers.Builder(64)
    tag, key = builder.CreateString("serving_default"), builder.CreateString("run")
    builder.StartObject(5)
    builder.PrependUOffsetTRelativeSlot(2, key, 0)
    builder.PrependUOffsetTRelativeSlot(3, tag, 0)
    builder.PrependUint32Slot(4, 1, 0)
    builder.Finish(builder.EndObject(), b"TFL3")
    fields = Decoder(bytes(builder.Output())).root("SignatureDef")
    assert fields == {"signature_key": "run", "subgraph_index": 1}


def _reads_or_refuses(data: bytes) -> None:
    """Damage may go unseen, but what was read can be written, and nothing else is raised."""
    try:
        model = read_model(data)
    except ModelFormatError:
        return
    assert write_model(model)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(st.floats(0, 1), st.integers(0, 255)), min_size=1, max_size=8))
def test_flipped_bytes(flips: list[tuple[float, int]]) -> None:
    """A file with bytes overwritten is read or refused, never anything else."""
    data = bytearray(pack(exotic()))
    for where, value in flips:
        data[int(where * (len(data) - 1))] = value
    _reads_or_refuses(bytes(data))


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=64))
def test_arbitrary_bytes(tail: bytes) -> None:
    """Arbitrary bytes behind the identifier are read or refused, never anything else."""
    _reads_or_refuses(tail)
    _reads_or_refuses(tail[:4].ljust(4, b"\0") + b"TFL3" + tail[4:])


def test_overlapping_tables_are_refused() -> None:
    """A small file whose vectors all point at one big table does not unfold."""
    builder = flatbuffers.Builder(1024)
    tensor = tfl.TensorT(shape=[1] * 4000, name="t").Pack(builder)
    tfl.SubGraphStartTensorsVector(builder, 4000)
    for _ in range(4000):
        builder.PrependUOffsetTRelative(tensor)
    tensors = builder.EndVector()
    tfl.SubGraphStart(builder)
    tfl.SubGraphAddTensors(builder, tensors)
    subgraph = tfl.SubGraphEnd(builder)
    tfl.ModelStartSubgraphsVector(builder, 1)
    builder.PrependUOffsetTRelative(subgraph)
    subgraphs = builder.EndVector()
    tfl.ModelStart(builder)
    tfl.ModelAddSubgraphs(builder, subgraphs)
    builder.Finish(tfl.ModelEnd(builder), b"TFL3")

    with pytest.raises(ModelFormatError, match="overlap"):
        read_model(bytes(builder.Output()))
