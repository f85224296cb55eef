"""Placeholders of TensorFlow 1 graphs: those that the config makes constants, and those left over.

A graph for training has placeholders that inference feeds with one value always: whether it
trains, what part of a dropout is kept.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import Any, TypeVar

import numpy as np

from rnnlite_pipeline.errors import SourceError
from rnnlite_pipeline.sources.model import Array
from rnnlite_pipeline.toolchain import load

T = TypeVar("T")

#: `source.constants`: a number, or a list of numbers, by name.
Constants = Mapping[str, Any]


def constant_feeds(tensors: Mapping[str, T], constants: Constants) -> dict[T, Array]:
    """The array of each tensor that the config gives a value, of its dtype.

    A number stands for a whole tensor of a known shape.

    Args:
        tensors: A tensor, or a spec, with dtype and shape, by the name in the config.
        constants: The values.

    Raises:
        SourceError: A value does not fit its tensor.
    """
    return {tensor: _array(name, tensor, constants[name]) for name, tensor in tensors.items()}


def _array(name: str, tensor: Any, value: Any) -> Array:
    given, dtype, shape = np.asarray(value), tensor.dtype.base_dtype, tensor.shape
    try:
        with np.errstate(over="ignore", invalid="ignore"):
            array = given.astype(dtype.as_numpy_dtype)
    except OverflowError:  # an integer of more than 64 bits
        array = np.asarray(np.nan)
    if not given.ndim and shape.rank and shape.is_fully_defined():
        array = np.full(shape.as_list(), array)
    if not _is_kept(given, array, dtype) or not shape.is_compatible_with(array.shape):
        raise SourceError(
            f"source.constants gives {name} {value}, and it is a {dtype.name} of shape {shape}.",
            "Give a value of that type, and as many numbers as it has.",
            ("source", "constants", name),
        )
    return array


def _is_kept(given: Array, array: Array, dtype: Any) -> bool:
    """Whether a dtype has the numbers that were given: floats may be rounded, but not overflow."""
    if not (dtype.is_floating or dtype.is_integer or dtype.is_bool):
        return False
    kept = array.astype(np.float64)
    return bool(np.isfinite(kept).all()) if dtype.is_floating else bool((kept == given).all())


def with_constants(definition: Any, fixed: Mapping[Any, Array]) -> None:
    """Puts constants in the place of tensors of a GraphDef, in place.

    A placeholder with a default is that default.
    """
    for tensor, array in fixed.items():
        _become_constant(stand_in(definition, tensor), array)
    for node in definition.node:
        if node.op == "PlaceholderWithDefault":
            dtype = node.attr["dtype"].type
            node.op = "Identity"
            node.attr.clear()
            node.attr["T"].type = dtype


def stand_in(definition: Any, tensor: Any) -> Any:
    """The node of a GraphDef that stands for a tensor, to become a constant or a placeholder.

    1. An op with one output is itself that node.
    2. Of an op with several, the others stay: what reads the tensor reads a new node, without an op
       yet.
    """
    nodes = {node.name: node for node in definition.node}
    if len(tensor.op.outputs) == 1:
        return nodes[tensor.op.name]
    name = f"{tensor.name.replace(':', '/')}/given"
    while name in nodes:
        name += "_"
    read = tensor.name.removesuffix(":0")
    for node in definition.node:
        node.input[:] = [name if i.removesuffix(":0") == read else i for i in node.input]
    return definition.node.add(name=name)


def _become_constant(node: Any, array: Array) -> None:
    node.op = "Const"
    del node.input[:]
    node.attr.clear()
    node.attr["value"].tensor.CopyFrom(load("tensorflow").make_tensor_proto(array))
    node.attr["dtype"].type = node.attr["value"].tensor.dtype


def check_placeholders(definition: Any, fed: Collection[str]) -> None:
    """Refuses a graph whose outputs depend on a placeholder that nothing feeds.

    Args:
        definition: What the outputs depend on, and nothing else.
        fed: The names of the placeholders that are inputs.

    Raises:
        SourceError: There is one; it names it, and the line to write.
    """
    left = [n for n in definition.node if n.op == "Placeholder" and n.name not in fed]
    if not left:
        return
    node = left[0]
    tf = load("tensorflow")
    dtype, shape = tf.as_dtype(node.attr["dtype"].type), node.attr["shape"].shape
    known = "shape" in node.attr and not shape.unknown_rank
    dims = [d.size if d.size >= 0 else None for d in shape.dim] if known else []
    others = f", and {len(left) - 1} others," if len(left) > 1 else ""
    shown = "[" + ", ".join("null" if d is None else str(d) for d in dims) + "]"
    value = likely_value(node.name, dtype, definition.node)
    raise SourceError(
        f'The outputs depend on the placeholder "{node.name}" ({dtype.name} {shown}){others} that '
        "is no input.",
        f"If every call has the same value there, write it: source.constants: {{{node.name}: "
        f"{value}}}; if a call gives it, source.inputs: {{{node.name}: "
        f"{shown}}}.",
    )


def likely_value(name: str, dtype: Any, nodes: Sequence[Any] = ()) -> str:
    """What a placeholder of this name is in inference, as YAML: a proposal, for a person to read.

    Nothing is trained, and a dropout keeps everything: the graph says whether a number is what it
    keeps or what it drops, whatever it is called. Many call it "dropout" and feed what is kept.

    Args:
        name: The placeholder's.
        dtype: Its dtype.
        nodes: The graph it stands in.
    """
    word = name.rpartition("/")[2].lower()
    if dtype.is_bool:
        return "true" if re.search(r"infer|test|eval", word) else "false"
    if dtype.is_floating:
        dropped = re.search(r"rate|drop(?!.*keep)|noise", word) is not None
        keeps = _is_kept_share(name, nodes)
        return "1.0" if (not dropped if keeps is None else keeps) else "0.0"
    return "1"


#: Ops that hand on a number as it is.
_HANDING_ON = ("Identity", "Enter", "Cast", "Switch", "Merge")


def _is_kept_share(name: str, nodes: Sequence[Any]) -> bool | None:
    """Whether a dropout keeps as much as a number says, or drops as much; None if it is neither.

    A dropout (tensorflow/python/ops/nn_ops.py) divides by what it keeps; early ones also round
    down a random number and what is kept, later ones compare a random number with what they drop.
    One is often computed as 1 minus the other.
    """
    readers: dict[str, list[tuple[Any, int]]] = defaultdict(list)
    for node in nodes:
        for place, read in enumerate(node.input):
            readers[read.partition(":")[0]].append((node, place))
    ones = {node.name for node in nodes if _is_one(node)}
    waiting, seen = [(name, True)], set[tuple[str, bool]]()
    while waiting:
        each = waiting.pop()
        if each in seen:
            continue
        seen.add(each)
        own, same = each
        for node, place in readers[own]:
            if node.op in _HANDING_ON:
                waiting.append((node.name, same))
            elif node.op == "Sub" and place == 1 and node.input[0].partition(":")[0] in ones:
                waiting.append((node.name, not same))
            elif node.op in ("RealDiv", "Div") and place == 1:
                return same
            elif node.op == "GreaterEqual" and place == 1:
                return not same
    return None


def _is_one(node: Any) -> bool:
    if node.op != "Const":
        return False
    array = load("tensorflow").make_ndarray(node.attr["value"].tensor)
    return array.size == 1 and array.dtype.kind == "f" and float(array.reshape(-1)[0]) == 1.0
