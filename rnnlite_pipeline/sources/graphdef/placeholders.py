"""Placeholders of TensorFlow 1 graphs: those that the config makes constants, and those left over.

A graph for training has placeholders that inference feeds with one value always: whether it
trains, what part of a dropout is kept.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
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
    given, dtype = np.asarray(value), np.dtype(tensor.dtype.as_numpy_dtype)
    array = given.astype(dtype)
    shape = tensor.shape
    if not given.ndim and shape.rank and shape.is_fully_defined():
        array = np.full(shape.as_list(), array)
    kept = np.array_equal(array.astype(np.float64), given.astype(np.float64)) or dtype.kind == "f"
    if (
        not kept
        or (array.ndim != given.ndim and given.ndim)
        or not shape.is_compatible_with(array.shape)
    ):
        raise SourceError(
            f"source.constants gives {name} {value}, and it is a {dtype.name} of shape {shape}.",
            "Give a value of that type, and as many numbers as it has.",
            ("source", "constants", name),
        )
    return array


def with_constants(definition: Any, fixed: Mapping[Any, Array]) -> None:
    """Puts constants in the place of tensors of a GraphDef.

    A placeholder with a default is that default.
    """
    make = load("tensorflow").make_tensor_proto
    values = {tensor.op.name: array for tensor, array in fixed.items()}
    for node in definition.node:
        if node.name in values:
            array = values[node.name]
            node.op = "Const"
            del node.input[:]
            node.attr.clear()
            node.attr["value"].tensor.CopyFrom(make(array))
            node.attr["dtype"].type = node.attr["value"].tensor.dtype
        elif node.op == "PlaceholderWithDefault":
            dtype = node.attr["dtype"].type
            node.op = "Identity"
            node.attr.clear()
            node.attr["T"].type = dtype


def check_placeholders(definition: Any, inputs: Mapping[str, Any]) -> None:
    """Refuses a graph whose outputs depend on a placeholder that nothing feeds.

    Raises:
        SourceError: There is one; it names it, and the line to write.
    """
    fed = {tensor.op.name for tensor in inputs.values()}
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
    raise SourceError(
        f'The outputs depend on the placeholder "{node.name}" ({dtype.name} {shown}){others} that '
        "is no input.",
        f"If every call has the same value there, write it: source.constants: {{{node.name}: "
        f"{likely_value(node.name, dtype)}}}; if a call gives it, source.inputs: {{{node.name}: "
        f"{shown}}}.",
    )


def likely_value(name: str, dtype: Any) -> str:
    """What a placeholder of this name is in inference, as YAML: a proposal, for a person to read.

    Nothing is trained, and a dropout keeps everything.
    """
    word = name.rpartition("/")[2].lower()
    if dtype.is_bool:
        return "true" if re.search(r"infer|test|eval", word) else "false"
    if dtype.is_floating:
        return "0.0" if re.search(r"rate|drop(?!.*keep)|noise", word) else "1.0"
    return "1"
