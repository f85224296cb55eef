"""The header of a SavedModel: its signatures, in `saved_model.pb`.

Sources: tensorflow/core/protobuf/saved_model.proto and meta_graph.proto, core/framework/types.proto
and tensor_shape.proto.
"""

from __future__ import annotations

from pathlib import Path

from rnnlite_pipeline.config.headers.interface import Interface, Shape, Tensor, WrongSource
from rnnlite_pipeline.config.headers.protobuf import integer, mapping, messages, text
from rnnlite_pipeline.config.source import Source
from rnnlite_pipeline.errors import did_you_mean

#: Numbers of fields. SavedModel, MetaGraphDef, MetaInfoDef.
_META_GRAPHS, _META_INFO, _SIGNATURES, _TAGS = 2, 1, 5, 4
#: SignatureDef, TensorInfo, TensorShapeProto.
_INPUTS, _OUTPUTS, _NAME, _DTYPE, _SHAPE, _DIM, _SIZE, _UNKNOWN_RANK = 1, 2, 1, 2, 3, 2, 1, 3

_DTYPES = {
    1: "float32", 2: "float64", 3: "int32", 4: "uint8", 5: "int16", 6: "int8", 9: "int64",
    10: "bool", 17: "uint16", 19: "float16", 22: "uint32", 23: "uint64",
}  # fmt: skip

_DEFAULT = "serving_default"
_INITIALIZE = "__saved_model_init_op"
_AGAIN = "export the model again, and copy the whole folder: saved_model.pb and variables/"


def read(path: Path, source: Source) -> Interface | None:
    """The inputs and outputs of the signature that the config names.

    A signature does not order its outputs; which one is the first is said where there is one.

    Raises:
        WrongSource: The file is damaged, or has no such signature.
    """
    binary = path / "saved_model.pb"
    if not binary.is_file():
        return None  # as text; the import reads it
    data = memoryview(binary.read_bytes())
    try:
        graphs = [
            graph
            for graph in messages(data, _META_GRAPHS)
            if any(
                str(tag, "utf-8") == "serve"
                for info in messages(graph, _META_INFO)
                for tag in messages(info, _TAGS)
            )
        ]
        if not graphs:
            if not any(messages(data, _META_GRAPHS)):
                raise ValueError("it has no graph")
            return None
        signatures = mapping(graphs[0], _SIGNATURES)
        chosen = _chosen(path, source, [name for name in signatures if name != _INITIALIZE])
        if chosen is None:
            return None
        inputs = _side(signatures[chosen], _INPUTS)
        outputs = _side(signatures[chosen], _OUTPUTS)
    except ValueError as error:
        raise WrongSource(f"{binary} is damaged ({error}); {_AGAIN}") from None
    if inputs is None or outputs is None:
        return None
    free = {name: tensor for name, tensor in inputs.items() if name not in source.constants}
    return Interface(free, outputs if len(outputs) == 1 else {})


def _chosen(path: Path, source: Source, there: list[str]) -> str | None:
    if source.signature is None:
        if _DEFAULT in there:
            return _DEFAULT
        return there[0] if len(there) == 1 else None
    if source.signature not in there:
        hint = did_you_mean(source.signature, there) or "The folder has no signature."
        said = f"{path} has no signature `{source.signature}`. {hint}"
        raise WrongSource(said, ("source", "signature"))
    return source.signature


def _side(signature: memoryview, number: int) -> dict[str, Tensor] | None:
    """Inputs or outputs by name; None where one is no plain tensor of numbers."""
    found = {}
    for name, info in mapping(signature, number).items():
        dtype = _DTYPES.get(integer(info, _DTYPE))
        if dtype is None or not text(info, _NAME):
            return None
        found[name] = Tensor(_shape(info), dtype)
    return found


def _shape(info: memoryview) -> Shape | None:
    shape = next(messages(info, _SHAPE), None)
    if shape is None or integer(shape, _UNKNOWN_RANK):
        return None
    sizes = (integer(dim, _SIZE) for dim in messages(shape, _DIM))
    return tuple(None if size < 0 else size for size in sizes)
