"""A .tflite file, whoever made it: it is the canonical graph already, and its own oracle.

TensorFlow has no part in this. The runtime runs the file as it is; where it holds lists, which
the runtime has no ops for, they are turned into tensors first.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from rnnlite_pipeline.errors import ModelFormatError, NotConvertible, SourceError, StageError
from rnnlite_pipeline.graph.affine import computes_in_integers
from rnnlite_pipeline.graph.edit import ensure_signature, ports
from rnnlite_pipeline.graph.extract import of_signature
from rnnlite_pipeline.graph.ir import NUMPY, OPEN, Model, Op, Subgraph, Tensor
from rnnlite_pipeline.graph.leaks import lift_leaks
from rnnlite_pipeline.graph.read import read_model
from rnnlite_pipeline.graph.variables import lift
from rnnlite_pipeline.graph.write import write_model
from rnnlite_pipeline.passes.tensor_lists import tensor_lists_to_tensors
from rnnlite_pipeline.runtimes.interpreter import Kernels, Runner
from rnnlite_pipeline.runtimes.missing import refused_ops
from rnnlite_pipeline.runtimes.partition import PartitionedRunner, open_runner
from rnnlite_pipeline.sources.model import Array, SourceModel, TensorSpec, check_dtypes, pin

if TYPE_CHECKING:
    from rnnlite_pipeline.config import Config
    from rnnlite_pipeline.config.conversion import Converter


def open_source(config: Config) -> SourceModel:
    """The main graph of a .tflite file.

    Names are those of its signature, else its tensors'. Other signatures are kept. What
    `source.inputs` pins and `source.cell_clip` changes is changed in the file, so that the source
    is run as it is converted.

    Raises:
        SourceError: The file cannot be read, or a pin of `source.inputs` does not fit.
    """
    content, model = _read(config.resolve(str(config.source.path)))
    changed = _clip_cells(model, config.source.cell_clip)
    signature = ensure_signature(model)
    inputs = [_spec(name, tensor) for name, tensor in ports(model, "inputs")]
    outputs = [_spec(name, tensor) for name, tensor in ports(model, "outputs")]
    check_dtypes([*inputs, *outputs])
    pinned = pin(inputs, config.source.inputs)
    for spec, tensor in zip(pinned, model.main.inputs, strict=True):
        tensor.shape = tuple(OPEN if d is None else d for d in spec.shape)
    if changed or pinned != inputs:
        content = write_model(model)
    states = _states(content)
    integers = computes_in_integers(model)
    runnable = b"" if tensor_lists_to_tensors(model) else content

    def source(kernels: Kernels = "reference") -> SourceModel:
        runs = _Runs(model, runnable, config.converter, kernels)
        return SourceModel(
            tuple(pinned),
            tuple(outputs),
            trace=_no_trace,
            run=runs.start,
            versions={"ai-edge-litert": version("ai-edge-litert")},
            limits=_limits(model, signature.inputs),
            content=content,
            states=states,
            others=_others(model, config.converter, kernels),
            resume=runs.resume if states else None,
            on=source if integers else None,
        )

    return source()


def _clip_cells(model: Model, bound: float | None) -> bool:
    """Gives every fused LSTM of a file another bound of its cell state; None: its own."""
    lstms = [op for op in model.ops() if op.code in CLIPPED and "cell_clip" in op.options]
    if bound is None or all(op.options["cell_clip"] == bound for op in lstms):
        return False
    for op in lstms:
        op.options["cell_clip"] = bound
    return True


def _states(content: bytes) -> tuple[tuple[str, Array], ...]:
    """What a call of the file leaves to the next: its variables, and the states of fused ops.

    Nothing where they cannot be followed; the conversion says why if it is to keep them.
    """
    model = read_model(content)
    ensure_signature(model)
    try:
        found = [*lift(model), *lift_leaks(model, "persist")]
    except NotConvertible:
        return ()
    return tuple((state.name, state.initial) for state in found)


def _others(model: Model, converter: Converter, kernels: Kernels) -> dict[str, SourceModel]:
    """What the signatures of other subgraphs compute; `reset` computes nothing."""
    found = {}
    for signature in model.signatures:
        if signature.subgraph is not model.main and signature.outputs:
            view = of_signature(model, signature)
            found[signature.key] = SourceModel(
                tuple(_spec(*port) for port in ports(view, "inputs")),
                tuple(_spec(*port) for port in ports(view, "outputs")),
                trace=_no_trace,
                run=_Runs(view, b"", converter, kernels).start,
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


class _Runs:
    """Runs the file.

    Ops that LiteRT lacks are run only where the config lets them stay: those of TensorFlow can do
    more than compute.

    Args:
        model: Its graph.
        content: The file, where the interpreter takes it as it is.
        converter: Which ops may stay.
        kernels: Which kernels run it.
    """

    def __init__(
        self, model: Model, content: bytes, converter: Converter, kernels: Kernels
    ) -> None:
        self._model, self._content, self._kernels = model, content, kernels
        self._refused = refused_ops(model, converter)
        self._now: Runner | PartitionedRunner | None = None

    def start(self, arrays: Mapping[str, Array]) -> dict[str, Array]:
        """A call on a new interpreter, so that nothing is kept of the calls before."""
        if self._refused:
            raise StageError(f"The runtime has no op for {', '.join(map(str, self._refused))}.")
        self._now = open_runner(self._model, self._kernels, content=self._content, stand_ins=True)
        return self._now.run(arrays)

    def resume(self, arrays: Mapping[str, Array]) -> dict[str, Array]:
        """A call on the interpreter of the call before, from the states that it left."""
        return self._now.run(arrays) if self._now else self.start(arrays)


#: The fused ops that can clip their cell state.
CLIPPED = ("UNIDIRECTIONAL_SEQUENCE_LSTM", "BIDIRECTIONAL_SEQUENCE_LSTM", "LSTM")

#: Ops that an index passes through on its way: of a negative one, the size is added first.
_PASSING = ("ADD", "CAST", "EXPAND_DIMS", "MAXIMUM", "MINIMUM", "RESHAPE", "SELECT", "SELECT_V2")


def _limits(model: Model, inputs: Mapping[str, Tensor]) -> dict[str, range]:
    """For each input that a GATHER reads as indices of a constant, those there are.

    An input that is quantized takes every number of its type.
    """
    limits = {}
    for name, tensor in inputs.items():
        if tensor.quantization and tensor.quantization.scale:
            ends = np.iinfo(NUMPY[tensor.dtype])
            limits[name] = range(int(ends.min), int(ends.max) + 1)
            continue
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
