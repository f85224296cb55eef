"""A .tflite file, whoever made it: it is the canonical graph already, and its own oracle.

TensorFlow has no part in this. The runtime runs the file as it is; where it holds lists, which
the runtime has no ops for, they are turned into tensors first.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from rnnlite_pipeline.errors import ModelFormatError, SourceError
from rnnlite_pipeline.graph.edit import as_main, ensure_signature, ports
from rnnlite_pipeline.graph.ir import NUMPY, Model, Op, Subgraph, Tensor
from rnnlite_pipeline.graph.read import read_model
from rnnlite_pipeline.passes.tensor_lists import tensor_lists_to_tensors
from rnnlite_pipeline.runtimes.missing import refused_ops
from rnnlite_pipeline.runtimes.partition import open_runner
from rnnlite_pipeline.sources.model import Array, SourceModel, TensorSpec, check_dtypes

if TYPE_CHECKING:
    from rnnlite_pipeline.config import Config
    from rnnlite_pipeline.config.conversion import Converter


def open_source(config: Config) -> SourceModel:
    """The main graph of a .tflite file.

    Names are those of its signature, else its tensors'. Other signatures are kept.

    Raises:
        SourceError: The file cannot be read, or `source.inputs` asks for other shapes.
    """
    path = config.resolve(str(config.source.path))
    content, model = _read(path)
    signature = ensure_signature(model)
    inputs = [_spec(name, tensor) for name, tensor in ports(model, "inputs")]
    outputs = [_spec(name, tensor) for name, tensor in ports(model, "outputs")]
    check_dtypes([*inputs, *outputs])
    for name, shape in config.source.inputs.items():
        found = next((s.shape for s in inputs if s.name == name), None)
        if found != tuple(shape):
            raise SourceError(
                f"source.inputs pins {name} to {list(shape)}, but a .tflite file keeps its shapes: "
                + ", ".join(f"{s.name} {list(s.shape)}" for s in inputs)
                + ".",
                "Leave source.inputs out, or convert the model that the file was made from.",
            )
    runnable = b"" if tensor_lists_to_tensors(model) else content
    return SourceModel(
        tuple(inputs),
        tuple(outputs),
        trace=_no_trace,
        run=_runner(model, runnable, config.converter),
        versions={"ai-edge-litert": version("ai-edge-litert")},
        limits=_limits(model, signature.inputs),
        content=content,
        others=_others(model, config.converter),
    )


def _others(model: Model, converter: Converter) -> dict[str, SourceModel]:
    """What the signatures of other subgraphs compute; `reset` computes nothing."""
    found = {}
    for signature in model.signatures:
        if signature.subgraph is not model.main and signature.outputs:
            view = as_main(model, signature)
            found[signature.key] = SourceModel(
                tuple(_spec(*port) for port in ports(view, "inputs")),
                tuple(_spec(*port) for port in ports(view, "outputs")),
                trace=_no_trace,
                run=_runner(view, b"", converter),
                limits=_limits(view, signature.inputs),
            )
    return found


def _read(path: Path) -> tuple[bytes, Model]:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise SourceError(
            f"{path} cannot be read: {error.strerror or error}.", "Check source.path."
        ) from error
    try:
        return content, read_model(content)
    except ModelFormatError as error:
        raise SourceError(f"{path.name}: {error.message}", error.remedy) from error


def _spec(name: str, tensor: Tensor) -> TensorSpec:
    if tensor.dtype not in NUMPY or tensor.shape is None:
        raise SourceError(
            f'"{name}" is a {tensor.dtype} tensor; expected one of plain numbers.',
            "Move the conversion from or to that dtype out of the model.",
        )
    return TensorSpec.of_tensor(name, tensor)


def _no_trace() -> None:
    raise AssertionError("a .tflite file is not traced: it is imported as it is")


def _runner(
    model: Model, content: bytes, converter: Converter
) -> Callable[[Mapping[str, Array]], dict[str, Array]]:
    """A new interpreter each time, so that nothing is kept in between.

    Ops that LiteRT lacks are run only where the config lets them stay: those of TensorFlow can do
    more than compute.
    """
    refused = refused_ops(model, converter)

    def run(arrays: Mapping[str, Array]) -> dict[str, Array]:
        if refused:
            raise SourceError(f"The runtime has no op for {', '.join(map(str, refused))}.")
        return open_runner(model, "reference", content=content, stand_ins=True).run(arrays)

    return run


#: Ops that an index passes through on its way: of a negative one, the size is added first.
_PASSING = ("ADD", "CAST", "EXPAND_DIMS", "MAXIMUM", "MINIMUM", "RESHAPE", "SELECT", "SELECT_V2")


def _limits(model: Model, inputs: Mapping[str, Tensor]) -> dict[str, range]:
    """For each input that a GATHER reads as indices of a constant, those there are."""
    limits = {}
    for name, tensor in inputs.items():
        found = _indexed(model.main, tensor)
        if found:
            limits[name] = range(min(found))
    return limits


def _indexed(graph: Subgraph, tensor: Tensor) -> list[int]:
    found, indices = list[int](), [tensor]
    for op in graph.ops:
        for read in [t for t in indices if t in op.inputs]:
            if op.code in _PASSING:
                indices += op.outputs
            elif op.code in ("GATHER", "EMBEDDING_LOOKUP"):
                found += _rows(op, read)
    return found


def _rows(op: Op, indices: Tensor) -> list[int]:
    """How many entries the constant has that an op picks from."""
    table = op.inputs[0 if op.code == "GATHER" else 1]
    if table is None or table is indices or table.data is None or not table.shape:
        return []
    return [table.shape[op.options.get("axis", 0)]]
