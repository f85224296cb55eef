"""Files of the generated object API, and a graph of plain objects with a loop."""

from __future__ import annotations

from typing import Any

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as tfl

from rnnlite_pipeline.graph.build import Builder, make_op
from rnnlite_pipeline.graph.ir import OPEN, Model, Signature, Subgraph, Tensor

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
