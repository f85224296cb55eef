"""Reading and writing .tflite files."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import flatbuffers
import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as tfl
from hypothesis import given, settings
from hypothesis import strategies as st

from rnnlite_pipeline.errors import ModelFormatError
from rnnlite_pipeline.graph import schema
from rnnlite_pipeline.graph.build import Builder, make_op
from rnnlite_pipeline.graph.flat import TFLITE, Decoder
from rnnlite_pipeline.graph.ir import OPEN, Model, Op, Quantization, Signature, Subgraph, Tensor
from rnnlite_pipeline.graph.read import read_model
from rnnlite_pipeline.graph.write import write_model

ZIP = b"PK\x03\x04 labels"


def pack(model: tfl.ModelT) -> bytes:
    """A file as the generated object API writes it."""
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def plain(value: Any) -> Any:
    """A tree of the object API as plain values; absent and empty vectors are the same."""
    if isinstance(value, list):
        return [plain(v) for v in value]
    if isinstance(value, np.ndarray):
        return value.tolist()
    if hasattr(value, "__dict__"):
        return {k: [] if v is None else plain(v) for k, v in vars(value).items()}
    return value


def canonical(data: bytes) -> Any:
    """All of a file by the object API, its buffers and operator codes put in place."""
    tree = plain(tfl.ModelT.InitFromObj(tfl.Model.GetRootAs(data, 0)))
    buffers, codes = tree.pop("buffers"), tree.pop("operatorCodes")
    for subgraph in tree["subgraphs"]:
        for tensor in subgraph["tensors"]:
            tensor["buffer"] = buffers[tensor["buffer"]]
            tensor["quantization"] = tensor["quantization"] or plain(tfl.QuantizationParametersT())
        for op in subgraph["operators"]:
            op["opcodeIndex"] = codes[op["opcodeIndex"]]
    for entry in tree["metadata"]:
        entry["buffer"] = buffers[entry["buffer"]]
    tree["metadataBuffer"] = [buffers[i] for i in tree["metadataBuffer"]]
    return tree


def exotic() -> tfl.ModelT:
    """A file that uses what converters seldom write."""
    model, main, other = tfl.ModelT(), tfl.SubGraphT(), tfl.SubGraphT()
    model.version, model.description = 3, "exotic"
    model.buffers = [tfl.BufferT() for _ in range(4)]
    model.buffers[1].data = np.frombuffer(np.array([1, 2], np.float32).tobytes(), np.uint8)
    model.buffers[2].data = np.frombuffer(b"1.14.0\0", np.uint8)
    model.buffers[3].data = np.frombuffer(b"blob", np.uint8)
    plain_tensor = tfl.TensorT(shape=[3, 2], name="x", buffer=0, hasRank=True)
    plain_tensor.shapeSignature = [-1, 2]
    frozen = tfl.TensorT(shape=[7, 2], shapeSignature=[-1, 2], name="seven", hasRank=False)
    constant = tfl.TensorT(shape=[2], name=b"\xff\xfe", buffer=1, hasRank=True)
    constant.sparsity = tfl.SparsityParametersT(traversalOrder=[0], blockMap=[1])
    segments = tfl.DimensionMetadataT(format=1, arraySegmentsType=2)
    segments.arraySegments = tfl.Uint16VectorT(values=[0, 1])
    constant.sparsity.dimMetadata = [segments]
    variant = tfl.TensorT(type=tfl.TensorType.VARIANT, name="list", shape=[], hasRank=True)
    variant.variantTensors = [tfl.VariantSubTypeT(shape=[0, 4], type=1, hasRank=True)]
    channels = tfl.TensorT(shape=[2, 2], type=tfl.TensorType.INT8, name="q", hasRank=True)
    channels.quantization = tfl.QuantizationParametersT(
        scale=[0.5, 0.25], zeroPoint=[0, -3], min=[-1.0], max=[1.0], quantizedDimension=1
    )
    blocks = tfl.TensorT(shape=[2, 2], type=tfl.TensorType.INT4, name="b", hasRank=True)
    blocks.quantization = tfl.QuantizationParametersT(detailsType=2)
    blocks.quantization.details = tfl.BlockwiseQuantizationT(scales=1, blockSize=32)
    state = tfl.TensorT(shape=[1, 2], name="state", isVariable=True, hasRank=True)
    unknown = tfl.TensorT(name="unranked", hasRank=False)
    main.tensors = [plain_tensor, frozen, constant, variant, channels, blocks, state, unknown]
    main.inputs, main.outputs, main.name = [0, 4], [1, 7], "main"
    custom = tfl.OperatorT(0, [0, -1, 2], [3], customOptions=[1, 2, 255])
    custom.mutatingVariableInputs = [False, False, True]
    fused = tfl.OperatorT(1, [0, 6], [1], debugMetadataIndex=5)
    fused.builtinOptionsType = tfl.BuiltinOptions.UnidirectionalSequenceLSTMOptions
    fused.builtinOptions = tfl.UnidirectionalSequenceLSTMOptionsT(4, 10.0, timeMajor=True)
    fused.intermediates = [4, 5]
    second = tfl.OperatorT(
        2, [0], [7], builtinOptions2Type=tfl.BuiltinOptions2.StablehloCaseOptions
    )
    second.builtinOptions2 = tfl.StablehloCaseOptionsT(branchSubgraphIndices=[1, 1])
    main.operators = [custom, fused, second]
    other.name, other.tensors = "branch", []
    model.subgraphs = [main, other]
    big = tfl.BuiltinOperator.STABLEHLO_CASE
    model.operatorCodes = [
        tfl.OperatorCodeT(32, "MyOp", 2, 32),
        tfl.OperatorCodeT(44, None, 3, 44),
        tfl.OperatorCodeT(127, None, 1, big),
    ]
    model.metadata = [tfl.MetadataT("min_runtime_version", 2), tfl.MetadataT("mine", 3)]
    model.metadataBuffer = [3]
    model.signatureDefs = [
        tfl.SignatureDefT([tfl.TensorMapT("x", 0)], [tfl.TensorMapT("y", 1)], "serve", 0)
    ]
    return model


def loop_model() -> Model:
    """A loop that doubles x [B, 2] while i < n."""
    x, n = Tensor("x", "FLOAT32", (OPEN, 2)), Tensor("n", "INT32", ())
    parts = []
    for name in ("cond", "body"):
        inputs = [Tensor(f"{name}_{t}", d, s) for t, d, s in _CARRIED]
        builder = Builder(name)
        if name == "cond":
            outputs = [builder.binary("LESS", inputs[0], inputs[1])]
        else:
            step = builder.binary("ADD", inputs[0], builder.indices(1))
            outputs = [step, inputs[1], builder.binary("ADD", inputs[2], inputs[2])]
        parts.append(Subgraph(name, inputs, outputs, builder.ops))
    outs = [Tensor(f"out_{t}", d, s) for t, d, s in _CARRIED]
    zero = Tensor.constant("zero", np.array(0, np.int32))
    loop = make_op("WHILE", [zero, n, x], outs, cond_subgraph=parts[0], body_subgraph=parts[1])
    main = Subgraph("main", [x, n], [outs[2]], [loop])
    signature = Signature("serving_default", main, {"x": x, "n": n}, {"y": outs[2]})
    return Model([main, *parts], [signature], {"mine": b"blob"}, trailer=ZIP)


_CARRIED = (("i", "INT32", ()), ("n", "INT32", ()), ("x", "FLOAT32", (OPEN, 2)))


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


def test_a_pass_wins_over_the_files_spelling() -> None:
    """A shape or quantization changed after reading is written, not the one the file had."""
    model = read_model(pack(exotic()))
    seven, blocks = model.main.tensors[1], model.main.tensors[5]
    seven.shape, blocks.quantization = (4, 2), Quantization((0.5,), (1,))

    again = read_model(write_model(model)).main.tensors
    assert again[1].shape == (4, 2)
    assert again[5].quantization == Quantization((0.5,), (1,))


def test_written_bytes_are_a_function_of_the_model() -> None:
    """Equal models give equal bytes, and a written file is a fixed point."""
    data = write_model(loop_model())

    assert data == write_model(loop_model())
    assert data == write_model(read_model(data))


def test_the_zip_behind_the_model_survives() -> None:
    """Associated files appended to the flatbuffer are carried byte for byte."""
    assert read_model(write_model(loop_model())).trailer == ZIP
    assert read_model(pack(exotic()) + b"\0" * 8).trailer == b""


def test_buffers() -> None:
    """Buffer 0 is empty, equal constants share one, data begin at multiples of 16 bytes."""
    a, b, c = (
        Tensor.constant(n, np.arange(9, dtype=np.int8) + k)
        for n, k in zip("abc", (7, 7, 70), strict=True)
    )
    data = write_model(Model([Subgraph("main", outputs=[a, b, c])]))
    root = tfl.Model.GetRootAs(data, 0)

    assert [root.Buffers(i).DataLength() for i in range(root.BuffersLength())] == [0, 9, 9]
    assert all(data.index(t.data) % 16 == 0 for t in (a, c) if t.data)


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


def test_operator_codes_are_shared_by_code_and_version() -> None:
    """Ops of one code and version have one operator code; new codes keep off the int8 field."""
    x = Tensor("x", "FLOAT32", (2,))
    outs = [Tensor(str(i), "FLOAT32", (2,)) for i in range(4)]
    ops = [
        make_op("TANH", [x], [outs[0]]),
        make_op("TANH", [x], [outs[1]]),
        Op("TANH", [x], [outs[2]], version=2),
        make_op("GELU", [x], [outs[3]]),
    ]
    root = tfl.Model.GetRootAs(write_model(Model([Subgraph("main", [x], outs, ops)])), 0)

    codes = [root.OperatorCodes(i) for i in range(root.OperatorCodesLength())]
    assert [(c.BuiltinCode(), c.DeprecatedBuiltinCode(), c.Version()) for c in codes] == [
        (28, 28, 1),
        (28, 28, 2),
        (150, 127, 1),
    ]


def broken(**change: Any) -> bytes:
    """The exotic file with one thing wrong."""
    model = exotic()
    for path, value in change.items():
        *parents, last = path.split("__")
        target: Any = model
        for part in parents:
            target = target[int(part)] if part.isdigit() else getattr(target, part)
        setattr(target, last, value)
    return pack(model)


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


def test_truncated_anywhere() -> None:
    """A file cut off at any length is refused with ModelFormatError."""
    data = write_model(loop_model()).removesuffix(ZIP)
    for length in range(len(data) - 16):
        with pytest.raises(ModelFormatError):
            read_model(data[:length])


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


def test_the_schema_is_read_off_completely() -> None:
    """The reflected fields of every table are those of the generated object API, in order."""
    names = [n for n in vars(tfl) if hasattr(tfl, f"{n}Start") and hasattr(tfl, f"{n}T")]

    assert len(names) > 150
    for name in names:
        expected = [
            schema.snake_case(f[0].upper() + f[1:]) for f in vars(getattr(tfl, f"{name}T")())
        ]
        assert [f.name for f in schema.table(name).fields] == expected


def test_a_graph_that_is_not_one_is_a_programming_error() -> None:
    """An option that the table has not, or a code that is no builtin op, is not written."""
    x = Tensor("x", "FLOAT32", (2,))
    for op in (Op("TANH", [x], [], {"a": 1}), Op("NO_SUCH", [x], [])):
        with pytest.raises(ValueError, match=r"no options_type|not a builtin"):
            write_model(Model([Subgraph("main", [x], [], [op])]))
    bad = Op("PACK", [x], [], {"axis": 0, "a": 1}, "PackOptions")
    with pytest.raises(ValueError, match="PackOptions has no field a"):
        write_model(Model([Subgraph("main", [x], [], [bad])]))
