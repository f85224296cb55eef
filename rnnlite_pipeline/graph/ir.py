"""The TFLite graph as plain objects.

Tensors and subgraphs are referred to by identity, never by index; indices exist in files only.
A graph is in static single assignment: one op at most produces a tensor. Ops stand in
execution order.

`copy.deepcopy` copies graphs; values that never change (constants, quantization, a layer's
mathematics) are shared by the copies.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnlite_pipeline.graph.sparse import decoded

#: An open dimension, known only at run time.
OPEN = -1

#: The key of `Tensor.extra` that holds a constant's SparsityParameters.
SPARSITY = "sparsity"

#: TFLite dtype name to NumPy dtype, for the dtypes a recurrent model computes with.
NUMPY: dict[str, np.dtype[Any]] = {
    "FLOAT32": np.dtype("<f4"),
    "FLOAT16": np.dtype("<f2"),
    "FLOAT64": np.dtype("<f8"),
    "INT8": np.dtype("i1"),
    "UINT8": np.dtype("u1"),
    "INT16": np.dtype("<i2"),
    "UINT16": np.dtype("<u2"),
    "INT32": np.dtype("<i4"),
    "UINT32": np.dtype("<u4"),
    "INT64": np.dtype("<i8"),
    "UINT64": np.dtype("<u8"),
    "BOOL": np.dtype("?"),
}


@dataclass(frozen=True)
class Quantization:
    """Affine quantization: real = scale * (stored - zero_point), per tensor or per channel.

    Attributes:
        scale: One positive number a tensor, or one a channel along `axis`.
        zero_point: As many as `scale`.
        minimum: The calibrated range's lower ends, empty where not calibrated.
        maximum: The calibrated range's upper ends, empty where not calibrated.
        axis: The quantized dimension where there is more than one scale.
    """

    scale: tuple[float, ...] = ()
    zero_point: tuple[int, ...] = ()
    minimum: tuple[float, ...] = ()
    maximum: tuple[float, ...] = ()
    axis: int = 0


@dataclass(eq=False, slots=True)
class Tensor:
    """A value of the graph: a constant where `data` is there, else computed or fed.

    Attributes:
        name: The tensor's name in the file; need not be unique.
        dtype: A TensorType name of the TFLite schema, such as "FLOAT32".
        shape: The dimensions, OPEN (-1) where known only at run time; None for unknown rank.
        data: The constant's bytes, row-major, little-endian; without its zeros where `sparsity`
            says how they are left out.
        quantization: None for a real-valued tensor.
        is_variable: Whether the interpreter keeps the value between calls (LSTM states).
        extra: Rare fields of the schema (sparsity, variant tensors), carried unread.
    """

    name: str
    dtype: str
    shape: tuple[int, ...] | None
    data: bytes | None = None
    quantization: Quantization | None = None
    is_variable: bool = False
    extra: dict[str, Any] = field(default_factory=dict)

    @property
    def array(self) -> NDArray[Any] | None:
        """The constant as a read-only NumPy array of `shape`, or None if not a constant.

        Raises:
            ModelFormatError: It is stored sparse, by parameters that contradict themselves.
        """
        if self.data is None or self.shape is None or self.dtype not in NUMPY:
            return None
        stored = np.frombuffer(self.data, NUMPY[self.dtype])
        if self.sparsity is None:
            return stored.reshape(self.shape)
        whole = decoded(stored, self.shape, self.sparsity)
        whole.flags.writeable = False
        return whole

    @property
    def sparsity(self) -> dict[str, Any] | None:
        """How the constant's zeros are left out of `data` (sparse.py); None where they are not."""
        found: dict[str, Any] | None = self.extra.get(SPARSITY)
        return found

    def hold(self, value: NDArray[Any]) -> None:
        """Puts another constant of the same shape in its place; it is stored with its zeros."""
        self.data = np.ascontiguousarray(value, NUMPY[self.dtype]).tobytes()
        self.extra.pop(SPARSITY, None)

    @classmethod
    def constant(cls, name: str, value: NDArray[Any]) -> Tensor:
        """A constant tensor holding `value`; its dtype must be one of `NUMPY`."""
        dtype = next(n for n, d in NUMPY.items() if d == value.dtype.newbyteorder("<"))
        data = np.ascontiguousarray(value, NUMPY[dtype]).tobytes()
        return cls(name, dtype, tuple(value.shape), data)

    def __deepcopy__(self, memo: dict[int, Any]) -> Tensor:
        extra = copy.deepcopy(self.extra, memo) if self.extra else {}
        parts = (self.shape, self.data, self.quantization, self.is_variable)
        return Tensor(self.name, self.dtype, *parts, extra)

    def __repr__(self) -> str:
        kind = "const" if self.data is not None else "var" if self.is_variable else ""
        return f"<{self.name}: {self.dtype}{list(self.shape or ())} {kind}>"


@dataclass(eq=False, slots=True)
class Op:
    """One operation.

    Attributes:
        code: A BuiltinOperator name ("FULLY_CONNECTED"), or the custom op's own name.
        inputs: None for an optional input left out.
        outputs: The tensors it produces.
        options: The builtin options by snake_case field name; enums of activation by name
            ("TANH"); fields `*_subgraph_index` stand as `*_subgraph`, a `Subgraph`.
        options_type: The name of the schema's options table ("FullyConnectedOptions");
            None where there is none.
        version: The op version of the operator code.
        custom: Whether `code` names a custom op.
        custom_options: The custom op's opaque bytes.
        intermediates: The tensors for full integer quantization (LSTM).
        extra: Rare fields of the schema (mutating_variable_inputs, large options), carried unread.
    """

    code: str
    inputs: list[Tensor | None]
    outputs: list[Tensor]
    options: dict[str, Any] = field(default_factory=dict)
    options_type: str | None = None
    version: int = 1
    custom: bool = False
    custom_options: bytes | None = None
    intermediates: list[Tensor] = field(default_factory=list)
    extra: dict[str, Any] = field(default_factory=dict)

    def __deepcopy__(self, memo: dict[int, Any]) -> Op:
        new = Op(self.code, [], [], {}, self.options_type, self.version, self.custom)
        memo[id(self)] = new
        new.custom_options = self.custom_options
        new.inputs = [t and _copied(t, memo) for t in self.inputs]
        new.outputs = [_copied(t, memo) for t in self.outputs]
        new.intermediates = [_copied(t, memo) for t in self.intermediates]
        new.options = {
            name: copy.deepcopy(value, memo) if isinstance(value, _CHANGED) else value
            for name, value in self.options.items()
        }
        new.extra = copy.deepcopy(self.extra, memo) if self.extra else {}
        return new

    def __repr__(self) -> str:
        return (
            f"{[t.name for t in self.outputs]} = {self.code}({[t and t.name for t in self.inputs]})"
        )


@dataclass(eq=False, slots=True)
class Subgraph:
    """A function of the graph: the main one, or a loop's condition or body.

    `tensors` lists those read from a file, in file order; the writer adds what ops refer to
    beyond it, so a pass need not keep it up to date.
    """

    name: str
    inputs: list[Tensor] = field(default_factory=list)
    outputs: list[Tensor] = field(default_factory=list)
    ops: list[Op] = field(default_factory=list)
    tensors: list[Tensor] = field(default_factory=list)
    extra: dict[str, Any] = field(default_factory=dict)


#: Options that a copy does not share: all others are frozen.
_CHANGED = (Subgraph, list, dict)


def _copied(tensor: Tensor, memo: dict[int, Any]) -> Tensor:
    """As `copy.deepcopy`, which is asked only for a tensor that has not been copied yet."""
    found: Tensor | None = memo.get(id(tensor))
    return copy.deepcopy(tensor, memo) if found is None else found


@dataclass(eq=False, slots=True)
class Signature:
    """A SignatureDef: names for the inputs and outputs of a subgraph."""

    key: str
    subgraph: Subgraph
    inputs: dict[str, Tensor]
    outputs: dict[str, Tensor]


@dataclass(eq=False, slots=True)
class Model:
    """A TFLite model. `subgraphs[0]` is the main graph.

    Attributes:
        metadata: Named byte blobs, such as "TFLITE_METADATA" and "min_runtime_version".
        trailer: Bytes that follow the flatbuffer (the zip of associated files).
    """

    subgraphs: list[Subgraph]
    signatures: list[Signature] = field(default_factory=list)
    metadata: dict[str, bytes] = field(default_factory=dict)
    description: str = ""
    version: int = 3
    trailer: bytes = b""
    extra: dict[str, Any] = field(default_factory=dict)

    @property
    def main(self) -> Subgraph:
        """The graph that runs when no signature is named."""
        return self.subgraphs[0]

    def ops(self) -> Iterator[Op]:
        """Every op of every subgraph."""
        for subgraph in self.subgraphs:
            yield from subgraph.ops
