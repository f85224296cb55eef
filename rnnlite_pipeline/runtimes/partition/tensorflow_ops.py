"""Runs ops on TensorFlow by their names and attributes, as the Flex delegate does.

Where this process has TensorFlow already, as a verification has for its source, it runs them
here, and knows the op libraries that the source loaded. Else a process of its own runs them:
importing TensorFlow takes seconds, and its kernels can crash.

Ops come in two spellings. A Flex op carries its NodeDef. An op that the converter left to the
runtime carries its attributes in a flexbuffer's map, which has no place for shapes, tensors,
functions, and lists of types (flatbuffer_export.cc, CreateFlexBuilderWithNodeAttrs); where an op
has such an attribute, or a name that TensorFlow does not know, it is not run.
"""

from __future__ import annotations

import functools
import itertools
import multiprocessing
import sys
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection
from typing import Any

import numpy as np
from flatbuffers import flexbuffers

from rnnlite_pipeline.errors import StageError
from rnnlite_pipeline.graph.schema import enum_names
from rnnlite_pipeline.runtimes.partition.piece import Array, Constant, Piece, PieceOp
from rnnlite_pipeline.toolchain import load

#: The kinds of attributes that a flexbuffer's map keeps as they are.
_KEPT = {"string", "int", "float", "bool", "list(int)", "list(float)", "list(string)"}

_REMEDY = "Replace the op in the model by ops that LiteRT has."


def why_not(ops: Sequence[PieceOp]) -> list[str]:
    """For each op, why TensorFlow cannot run it as the model means it; empty where it can."""
    return [str(each) for each in _asked("why_not", tuple(ops))]


def run(piece: Piece, arrays: Sequence[Array]) -> list[Array]:
    """Runs a piece on the values of its inputs; gives those of its outputs.

    Raises:
        StageError: TensorFlow has no kernel for an op on the CPU, or refuses its operands.
    """
    return list(_asked("run", piece, tuple(arrays)))


def _asked(what: str, *arguments: Any) -> Any:
    if "tensorflow" in sys.modules:
        return _WORK[what](*arguments)
    return _apart().ask(what, *arguments)


# In the process that has TensorFlow ---------------------------------------------------------------


def _why_not_here(ops: Sequence[PieceOp]) -> list[str]:
    return [_why_not(op) for op in ops]


def _why_not(op: PieceOp) -> str:
    definition = _definition(op.name)
    if definition is None:
        return "TensorFlow has no op of this name"
    if op.is_flex:
        return _why_not_flex(op)
    try:
        told = set(_map(op.options)) | _inferred(definition)
    except Exception as error:  # noqa: BLE001  # whatever a damaged flexbuffer raises
        return f"its attributes cannot be read ({error})"
    lost = (a.name for a in definition.attr if not _is_known(a, told))
    return next((f"its attribute {name} is not in the file" for name in lost), "")


def _why_not_flex(op: PieceOp) -> str:
    """What is listed by its name must be what is run."""
    try:
        carried = _node(op, {}).op
    except Exception as error:  # noqa: BLE001  # whatever a damaged file raises
        return f"its NodeDef cannot be read ({error})"
    return "" if carried == op.name else f"its NodeDef is of another op, {carried}"


def _is_known(attribute: Any, told: set[str]) -> bool:
    """Whether the file tells an attribute, or it cannot be anything but its default."""
    if attribute.name in told:
        return True
    if attribute.type not in (*_KEPT, "type") or not attribute.HasField("default_value"):
        return False
    return not attribute.type.startswith("list(") or not attribute.default_value.list.ByteSize()


def _definition(name: str) -> Any:
    load("tensorflow")
    return load("tensorflow.python.framework.op_def_registry").get(name)


def _inferred(definition: Any) -> set[str]:
    """The attributes that the operands tell."""
    arguments = definition.input_arg
    return {name for a in arguments for name in (a.type_attr, a.number_attr, a.type_list_attr)} - {
        ""
    }


def _map(options: bytes) -> dict[str, Any]:
    if not options:
        return {}
    root = flexbuffers.GetRoot(options)
    return dict(root.Value) if root.IsMap else {}


def _run_here(piece: Piece, arrays: Sequence[Array]) -> list[Array]:
    try:
        tensors = [load("tensorflow").constant(array) for array in arrays]
        results = _function(piece)(*tensors)
        return [np.asarray(result) for result in results]
    except Exception as error:  # whatever a kernel raises
        names = ", ".join(sorted({op.name for op in piece.ops}))
        said = str(error).strip().split("\n", 1)[0]
        raise StageError(f"TensorFlow cannot run {names} on the CPU: {said}", _REMEDY) from error


@functools.lru_cache(maxsize=64)
def _function(piece: Piece) -> Callable[..., Sequence[Any]]:
    """A TensorFlow function of a piece's inputs, in their order."""
    tensorflow = load("tensorflow")
    wrap = load("tensorflow.python.eager.wrap_function")
    graph = tensorflow.compat.v1.GraphDef()
    names, dtypes = dict[int, str](), dict[int, Any]()
    for number, dtype in piece.inputs:
        node = graph.node.add(name=f"value_{number}", op="Placeholder")
        dtypes[number] = node.attr["dtype"].type = _enum(dtype)
        names[number] = f"value_{number}:0"
    for number, constant in piece.constants:
        node = graph.node.add(name=f"value_{number}", op="Const")
        dtypes[number] = node.attr["dtype"].type = _enum(constant.dtype)
        value = tensorflow.make_tensor_proto(_value(constant), dtypes[number], constant.shape)
        node.attr["value"].tensor.CopyFrom(value)
        names[number] = f"value_{number}:0"
    for k, op in enumerate(piece.ops):
        node = _node(op, dtypes)
        node.name = f"op_{k}"
        node.input[:] = [names[n] for n in op.inputs if n is not None]
        graph.node.append(node)
        names |= {n: f"op_{k}:{place}" for place, n in enumerate(op.outputs)}
    inputs = [names[number] for number, _ in piece.inputs]
    outputs = [names[number] for number in piece.outputs]
    made: Callable[..., Sequence[Any]] = wrap.function_from_graph_def(graph, inputs, outputs)
    return made


def _enum(dtype: str) -> int:
    return int(load("tensorflow").as_dtype(dtype.lower()).as_datatype_enum)


def _value(constant: Constant) -> Any:
    """A constant's value; text is a count, then where each piece begins, then the bytes."""
    if constant.dtype == "STRING":
        count = int(np.frombuffer(constant.data, "<i4", 1)[0])
        bounds = np.frombuffer(constant.data, "<i4", count + 1, 4)
        texts = [constant.data[a:b] for a, b in itertools.pairwise(bounds)]
        return np.asarray(texts, object).reshape(constant.shape)
    dtype = load("tensorflow").as_dtype(constant.dtype.lower()).as_numpy_dtype
    return np.frombuffer(constant.data, dtype).reshape(constant.shape)


def _node(op: PieceOp, dtypes: dict[int, Any]) -> Any:
    """The op's NodeDef; where it is put together, its operands' types are known."""
    node_def = load("tensorflow").compat.v1.NodeDef
    if op.is_flex:
        return node_def.FromString(bytes(flexbuffers.GetRoot(op.options).AsVector[1].AsStringBytes))
    node, definition = node_def(op=op.name), _definition(op.name)
    kinds = {attr.name: attr.type for attr in definition.attr}
    for key, value in _map(op.options).items():
        if kinds.get(key) in (*_KEPT, "type"):
            _set(node.attr[key], kinds[key], value)
    numbers = [n for n in op.inputs if n is not None]
    for argument in definition.input_arg:
        _infer(node, argument, numbers, dtypes)
    return node


def _set(attribute: Any, kind: str, value: Any) -> None:
    if kind == "type":
        attribute.type = _enum(enum_names("TensorType")[value])
    elif kind.startswith("list("):
        field = getattr(attribute.list, kind[5])
        field.extend(v.encode() if isinstance(v, str) else v for v in value)
    else:
        setattr(attribute, kind[0], value.encode() if isinstance(value, str) else value)


def _infer(node: Any, argument: Any, numbers: list[int], dtypes: dict[int, Any]) -> None:
    """Sets what an argument's operands tell, and takes them from the list."""
    if argument.type_list_attr:  # it is the last argument
        node.attr[argument.type_list_attr].list.type[:] = [dtypes[n] for n in numbers]
        numbers.clear()
        return
    count = 1
    if argument.number_attr:
        known = node.attr[argument.number_attr].i
        count = known or len(numbers)
        node.attr[argument.number_attr].i = count
    taken, numbers[:count] = numbers[:count], []
    if argument.type_attr and taken and taken[0] in dtypes:
        node.attr[argument.type_attr].type = dtypes[taken[0]]


_WORK: dict[str, Callable[..., Any]] = {"why_not": _why_not_here, "run": _run_here}


# A process of its own -----------------------------------------------------------------------------


class Apart:
    """A process with TensorFlow, which ends with this one.

    Attributes:
        process: The process.
    """

    def __init__(self) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, other = context.Pipe()
        self.process = context.Process(target=serve, args=(other,), daemon=True)
        self.process.start()
        other.close()

    def ask(self, what: str, *arguments: Any) -> Any:
        """The answer to a question, one of `_WORK`.

        Raises:
            StageError: The work failed, or the process ended.
        """
        try:
            self._pipe.send((what, arguments))
            answer = self._pipe.recv()
        except (EOFError, OSError) as error:
            _apart.cache_clear()
            self.process.join()
            raise StageError(
                f"TensorFlow's process ended while it ran an op (status {self.process.exitcode}).",
                _REMEDY,
            ) from error
        if isinstance(answer, StageError):
            raise answer
        return answer


@functools.cache
def _apart() -> Apart:
    return Apart()


def serve(pipe: Connection[Any, Any]) -> None:
    """The process's own side: answers until the other end closes."""
    while True:
        try:
            what, arguments = pipe.recv()
        except EOFError:
            return
        try:
            pipe.send(_WORK[what](*arguments))
        except StageError as error:
            pipe.send(error)
