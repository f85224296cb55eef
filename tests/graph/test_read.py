"""What reading makes of a file, and what it refuses."""

from __future__ import annotations

from typing import Any

import pytest
from ai_edge_litert import schema_py_generated as tfl

from rnnlite_pipeline.errors import ModelFormatError
from rnnlite_pipeline.graph.build import Builder
from rnnlite_pipeline.graph.ir import Model, Quantization, Subgraph, Tensor
from rnnlite_pipeline.graph.read import read_model
from rnnlite_pipeline.graph.write import write_model
from tests.graph.written_files import ZIP, broken, canonical, exotic, loop_model, pack


def test_every_field_survives() -> None:
    """Each field of an exotic file is in the rewritten file, by the generated object API."""
    data = pack(exotic())

    assert canonical(write_model(read_model(data))) == canonical(data)


def test_meaning_of_the_fields() -> None:
    """The plain objects say what the file means: open dims, options by name, optional inputs."""
    model = read_model(pack(exotic()))
    x, seven, constant, variant, channels, _, state, unknown = model.main.tensors
    custom, fused, case = model.main.ops

    assert (x.shape, seven.shape, constant.shape, unknown.shape) == ((-1, 2), (-1, 2), (2,), None)
    assert (variant.dtype, variant.shape, state.is_variable) == ("VARIANT", (), True)
    assert channels.quantization == Quantization((0.5, 0.25), (0, -3), (-1.0,), (1.0,), 1)
    assert (custom.code, custom.custom, custom.version) == ("MyOp", True, 2)
    assert custom.inputs == [x, None, constant]
    assert custom.custom_options == b"\x01\x02\xff"
    assert fused.options["fused_activation_function"] == "TANH"
    assert (fused.options["cell_clip"], fused.options["time_major"]) == (10.0, True)
    assert fused.intermediates == model.main.tensors[4:6]
    assert case.options["branch_subgraphs"] == [model.subgraphs[1]] * 2
    assert model.metadata == {"min_runtime_version": b"1.14.0\0", "mine": b"blob"}
    assert model.signatures[0].outputs == {"y": seven}


def test_the_zip_behind_the_model_survives() -> None:
    """Associated files appended to the flatbuffer are carried byte for byte."""
    assert read_model(write_model(loop_model())).trailer == ZIP
    assert read_model(pack(exotic()) + b"\0" * 8).trailer == b""


def test_an_empty_constant_stays_a_constant() -> None:
    """The int32 [0] shape of a RESHAPE to a scalar is read as a constant."""
    x = Tensor("x", "FLOAT32", (1,))
    builder = Builder("r")
    scalar = builder.op("RESHAPE", [x, builder.indices([])], "FLOAT32", (), new_shape=[])
    model = read_model(write_model(Model([Subgraph("main", [x], [scalar], builder.ops)])))

    shape = model.main.ops[0].inputs[1]
    assert shape is not None
    assert shape.array is not None
    assert shape.array.shape == (0,)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"operatorCodes__1__builtinCode": 9999}, "operator 9999"),
        ({"operatorCodes__1__customCode": "X"}, "custom code"),
        ({"subgraphs__0__tensors__0__type": 99}, "tensor type 99"),
        ({"subgraphs__0__tensors__0__buffer": 77}, "no buffer 77"),
        ({"subgraphs__0__tensors__0__externalBuffer": 1}, "outside its flatbuffer"),
        ({"subgraphs__0__tensors__0__shapeSignature": [-2, 2]}, "shape"),
        ({"subgraphs__0__inputs": [8]}, "no tensor 8"),
        ({"subgraphs__0__operators__1__outputs": [-1]}, "no tensor -1"),
        ({"subgraphs__0__operators__1__opcodeIndex": 3}, "no operator code 3"),
        ({"subgraphs__0__operators__0__largeCustomOptionsOffset": 9}, "outside its flatbuffer"),
        (
            {"subgraphs__0__operators__1__builtinOptions__fusedActivationFunction": 9},
            "activation 9",
        ),
        ({"subgraphs__0__operators__2__builtinOptions2__branchSubgraphIndices": [2]}, "subgraph 2"),
        (
            {"subgraphs__0__operators__2__builtinOptions2__branchSubgraphIndices": [0]},
            "runs itself",
        ),
        ({"subgraphs": []}, "no subgraph"),
        ({"buffers__1__offset": 4096}, "outside its flatbuffer"),
        ({"externalBuffers": [tfl.ExternalBufferT()]}, "outside its flatbuffer"),
        ({"signatureDefs__0__subgraphIndex": 2}, "no subgraph 2"),
        ({"signatureDefs__0__outputs": [tfl.TensorMapT("y", 1)] * 2}, "twice"),
        ({"metadata": [tfl.MetadataT("a", 1)] * 2}, "twice"),
    ],
)
def test_what_cannot_be_carried_is_refused(change: dict[str, Any], says: str) -> None:
    """A dangling index, an unknown code, or data outside the flatbuffer is refused by name."""
    with pytest.raises(ModelFormatError, match=says):
        read_model(broken(**change))


def test_a_constant_of_the_wrong_size_is_refused() -> None:
    """A constant whose bytes are not those of its shape is refused."""
    model = loop_model()
    short = Tensor("short", "FLOAT32", (3,), b"\0" * 8)
    model.main.outputs.append(short)

    with pytest.raises(ModelFormatError, match="8 bytes where its shape and type take 12"):
        read_model(write_model(model))


def test_truncated_anywhere() -> None:
    """A file cut off at any length is refused with ModelFormatError."""
    data = write_model(loop_model()).removesuffix(ZIP)
    for length in range(len(data) - 16):
        with pytest.raises(ModelFormatError):
            read_model(data[:length])
