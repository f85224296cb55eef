"""A graph as text, to be read by people and compared line by line.

    graph main(%x: f32[?,?,3]) -> (%output0: f32[?,4]) {
      %transpose: f32[?,?,3] = TRANSPOSE(%x, i32[3](1, 0, 2))
      %y: f32[?,?,4] = FULLY_CONNECTED(%transpose, f32[4,3]#5e1f03a7, -) {keep_num_dims=True}
    }

1. One op a line, in execution order: results, code, operands (`-` where one is left out), and the
   options that differ from the schema's defaults. A long option stands on lines of its own.
2. A type is a dtype and a shape: `?` is an open dimension, `[*]` an unknown rank. `q(...)` is the
   quantization.
3. A constant stands where it is read: its values if there are few, else the first digits of its
   SHA-256.
4. A value has a short name, made of the end of its tensor's name. One `Text` gives a value the same
   name in every text that it writes, so that the texts of one graph before and after a change
   differ in what the change did.
5. A loop's condition and body, and the branches of an IF, are indented below their op.
6. What is longer than a line has one value a line.

Not shown: names of constants, buffers and their order, how the file spelled what means the same.
"""

from __future__ import annotations

import dataclasses
import hashlib
import re
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any

import numpy as np

from rnnlite_pipeline.graph import schema
from rnnlite_pipeline.graph.build import defaults
from rnnlite_pipeline.graph.calls import called
from rnnlite_pipeline.graph.edit import reachable, tensors
from rnnlite_pipeline.graph.ir import NUMPY, OPEN, Model, Op, Quantization, Subgraph, Tensor

#: How many elements a constant has at most whose values are shown.
FEW = 8

#: How many hexadecimal digits of a digest are shown.
DIGITS = 8

#: How long a line is at most before its values get lines of their own.
WIDTH = 140

_INDENT = "  "

#: Options that hold a number of the enum TensorType.
_TYPES = frozenset({"out_type", "output_type", "in_data_type", "out_data_type"})

#: Short dtypes: f32, i8, u8, bool.
_DTYPES = {"FLOAT": "f", "INT": "i", "UINT": "u"}


class Text:
    """Writes graphs as text, with one name for a value in all of them."""

    def __init__(self) -> None:
        self._names: dict[Tensor, str] = {}
        self._taken: set[str] = set()
        self._labels: dict[Subgraph, str] = {}
        self._digests: dict[int, tuple[bytes, str]] = {}
        self._printed: set[Subgraph] = set()

    def of(self, model: Model) -> str:
        """The whole model: signatures, the main graph and those of signatures, metadata."""
        self._printed = set()
        lines: list[str] = []
        if model.description:
            lines.append(f"description {_quoted(model.description)}")
        run = reachable(model)
        inner = {target for s in run for op in s.ops for target in called(op)}
        graphs = [line for s in run if s not in inner for line in self._graph(s)]
        graphs += [
            f"graph {self._label(s)}: nothing runs it" for s in model.subgraphs if s not in run
        ]
        for signature in model.signatures:
            inputs = ", ".join(f"{k} = {self.name(t)}" for k, t in signature.inputs.items())
            outputs = ", ".join(f"{k} = {self._operand(t)}" for k, t in signature.outputs.items())
            where = f" of {self._label(signature.subgraph)}"
            lines.append(f"signature {signature.key}{where}: ({inputs}) -> ({outputs})")
        lines += ["", *graphs]
        for name, content in model.metadata.items():
            lines.append(f"metadata {_quoted(name)}: {len(content)} bytes #{self._digest(content)}")
        return "\n".join(lines).strip("\n") + "\n"

    def name(self, tensor: Tensor) -> str:
        """The short name of a value, `%add`: the last parts of its tensor's name.

        As many parts as make it differ from all names given before, and a number if none do.
        """
        if tensor not in self._names:
            self._names[tensor] = self._free(tensor.name)
        return f"%{self._names[tensor]}"

    def _free(self, long_name: str) -> str:
        parts = [re.sub(r"\W+", "_", part).strip("_") for part in _first(long_name).split("/")]
        parts = [part for part in parts if part] or ["value"]
        candidates = [".".join(parts[-k:]) for k in range(1, len(parts) + 1)]
        count = 1
        while candidates[0] in self._taken:
            del candidates[0]
            if not candidates:
                count += 1
                candidates = [f"{parts[-1]}.{count}"]
        self._taken.add(candidates[0])
        return candidates[0]

    def _label(self, subgraph: Subgraph) -> str:
        if subgraph not in self._labels:
            label, known = re.sub(r"\W+", "_", subgraph.name) or "graph", self._labels.values()
            count = sum(re.sub(r"\.\d+$", "", each) == label for each in known)
            self._labels[subgraph] = f"{label}.{count + 1}" if count else label
        return self._labels[subgraph]

    def _graph(self, subgraph: Subgraph, head: str = "") -> Iterator[str]:
        """A graph and the graphs that its ops run; only its head where it was written before."""
        opening = f"{head or 'graph'} {self._label(subgraph)}"
        if subgraph in self._printed:
            yield f"{opening}: as above"
            return
        self._printed.add(subgraph)
        main = not head
        inputs = [self._typed(t, main) for t in subgraph.inputs]
        ops = [line for op in subgraph.ops for line in self._op(op)]
        results = [self._result(t, main) for t in subgraph.outputs]
        yield from _line(f"{opening}(", inputs, ") -> (", results, ") {")
        for tensor in tensors(subgraph):
            if tensor.is_variable:
                yield f"{_INDENT}variable {self._typed(tensor)}"
        yield from (_INDENT + line for line in ops)
        yield "}"

    def _op(self, op: Op) -> Iterator[str]:
        results = [self._typed(t) for t in op.outputs]
        operands = [self._operand(t) for t in op.inputs]
        short, long = self._options(op)
        inside = called(op)
        call = f"{op.code}("
        head = ", ".join(results) + " = " * bool(results)
        end = f"){short}{' {' * bool(inside)}"
        first, *more = _line(head + call, operands, end)
        if more and len(results) > 1:
            yield from (f"{each}," for each in results[:-1])
            first = f"{results[-1]} = {call}"
        yield from (first, *more)
        yield from (_INDENT * 2 + line for line in long)
        for field, value in op.options.items():
            for target in value if isinstance(value, list) else [value]:
                if isinstance(target, Subgraph):
                    lines = self._graph(target, field.removesuffix("_subgraph"))
                    yield from (_INDENT + line for line in lines)
        if inside:
            yield "}"

    def _options(self, op: Op) -> tuple[str, list[str]]:
        """The options that stand behind the operands, and those on lines of their own."""
        known = defaults(op.options_type) if op.options_type else {}
        short: list[str] = []
        long: list[str] = []
        for key, value in op.options.items():
            if _is_default(value, known.get(key)) or _holds_graphs(value):
                continue
            if dataclasses.is_dataclass(value):
                long += self._fields(key, value)
            elif key in _TYPES:
                short.append(f"{key}={schema.enum_names('TensorType').get(value, value)}")
            else:
                short.append(f"{key}={self._value(value)}")
        if op.version != 1:
            short.append(f"version={op.version}")
        if op.custom_options:
            short.append(f"custom_options={self._bytes(bytes(op.custom_options))}")
        if op.intermediates:
            long.append(f"intermediates: {', '.join(self._typed(t) for t in op.intermediates)}")
        short += [f"{key}={self._value(value)}" for key, value in op.extra.items()]
        return f" {{{', '.join(short)}}}" * bool(short), long

    def _fields(self, key: str, value: Any) -> Iterator[str]:
        """A dataclass among the options: its fields that are not defaults, nested ones indented."""
        plain: list[str] = []
        nested: list[str] = []
        for field in dataclasses.fields(value):
            inner = getattr(value, field.name)
            if field.default is not dataclasses.MISSING and _is_default(inner, field.default):
                continue
            if dataclasses.is_dataclass(inner):
                nested += self._fields(field.name, inner)
            else:
                plain.append(f"{field.name}={self._value(inner)}")
        yield f"{key}: {type(value).__name__}({', '.join(plain)})"
        yield from (_INDENT + line for line in nested)

    def _value(self, value: Any) -> str:
        if isinstance(value, Tensor):
            return self._operand(value)
        if isinstance(value, np.ndarray):
            return self._array(value)
        if isinstance(value, (bytes, bytearray)):
            return self._bytes(bytes(value))
        if isinstance(value, (list, tuple)):
            return f"[{', '.join(map(self._value, value))}]"
        if isinstance(value, dict):
            return f"{{{', '.join(f'{k}: {self._value(v)}' for k, v in value.items())}}}"
        return str(value) if isinstance(value, (str, np.generic)) and str(value) else repr(value)

    def _bytes(self, content: bytes) -> str:
        """Text as it is, other bytes by their number and digest."""
        if len(content) <= WIDTH and content.isascii() and content.decode().isprintable():
            return _quoted(content.decode())
        return f"{len(content)} bytes #{self._digest(content)}"

    def _array(self, array: np.ndarray[Any, Any]) -> str:
        dtype = next((n for n, d in NUMPY.items() if d == array.dtype), array.dtype.name)
        whole = Tensor("", dtype, array.shape, np.ascontiguousarray(array).tobytes())
        return self._operand(whole)

    def _operand(self, tensor: Tensor | None) -> str:
        """A value's name, or a constant's type and content; `-` where there is none."""
        if tensor is None:
            return "-"
        if tensor.data is None:
            return self.name(tensor)
        return f"{_type(tensor)}{self._content(tensor)}{_quantization(tensor.quantization)}"

    def _content(self, tensor: Tensor) -> str:
        array = None if "sparsity" in tensor.extra else tensor.array
        if array is None or not array.size:
            return f"#{self._digest(tensor.data or b'')}" if tensor.data else "()"
        flat = array.reshape(-1)
        if array.size <= FEW:
            return f"({', '.join(map(str, flat))})"
        bits = flat.view(f"u{flat.itemsize}")
        if (bits == bits[0]).all():
            return f"(all {flat[0]})"
        return f"#{self._digest(tensor.data or b'')}"

    def _digest(self, content: bytes) -> str:
        """The first digits of the SHA-256; one buffer is read once."""
        if id(content) not in self._digests:
            self._digests[id(content)] = (content, hashlib.sha256(content).hexdigest()[:DIGITS])
        return self._digests[id(content)][1]

    def _typed(self, tensor: Tensor, with_name: bool = False) -> str:
        told = f" {_quoted(tensor.name)}" if with_name and self._hides(tensor) else ""
        kind = f"{_type(tensor)}{_quantization(tensor.quantization)}"
        return f"{self.name(tensor)}{told}: {kind}"

    def _result(self, tensor: Tensor, with_name: bool) -> str:
        return self._operand(tensor) if tensor.data is not None else self._typed(tensor, with_name)

    def _hides(self, tensor: Tensor) -> bool:
        """Whether the short name is not the tensor's own: the file's interface goes by that."""
        return self.name(tensor) != f"%{tensor.name}"


def text(model: Model) -> str:
    """One model as text, whose values are named afresh."""
    return Text().of(model)


def _line(*parts: str | list[str]) -> list[str]:
    """Words and lists of values as one line; where that is too long, one value a line."""
    words = (each if isinstance(each, str) else ", ".join(each) for each in parts)
    if len(whole := "".join(words)) <= WIDTH:
        return [whole]
    lines: list[str] = []
    for each in parts:
        lines += [each] if isinstance(each, str) else [f"{_INDENT}{run}," for run in _runs(each)]
    return lines


def _runs(values: list[str]) -> list[str]:
    """The values, operands left out one after the other as one."""
    runs = ((value, len(list(same))) for value, same in groupby(values))
    return [
        line
        for value, count in runs
        for line in ([", ".join("-" * count)] if value == "-" else [value] * count)
    ]


def _first(name: str) -> str:
    """TensorFlow's converter joins the names of what it fused: `a/b;a/c`."""
    return name.split(";", 1)[0].rsplit(":", 1)[0]


def _type(tensor: Tensor) -> str:
    shape = tensor.shape
    dtype = re.sub(r"^(FLOAT|INT|UINT)(?=\d+$)", lambda m: _DTYPES[m[1]], tensor.dtype).lower()
    if shape is None:
        return f"{dtype}[*]"
    return f"{dtype}[{','.join('?' if d == OPEN else str(d) for d in shape)}]" if shape else dtype


def _quantization(quantization: Quantization | None) -> str:
    if quantization is None or not quantization.scale:
        return ""
    scales, zeros = quantization.scale, quantization.zero_point
    if len(scales) == 1:
        return f" q({scales[0]:.8g}, {zeros[0] if zeros else 0})"
    content = np.asarray([*scales, *zeros], np.float64).tobytes()
    digest = hashlib.sha256(content).hexdigest()[:DIGITS]
    return f" q(axis {quantization.axis}: {len(scales)} scales #{digest})"


def _is_default(value: Any, default: Any) -> bool:
    if value is None or default is None:
        return value is None
    if isinstance(value, np.ndarray) or isinstance(default, np.ndarray):
        return False
    return bool(value == default)


def _holds_graphs(value: Any) -> bool:
    values: Sequence[Any] = value if isinstance(value, list) else [value]
    return any(isinstance(each, Subgraph) for each in values)


def _quoted(name: str) -> str:
    return '"' + name.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'
