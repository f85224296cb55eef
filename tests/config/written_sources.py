"""Small source files, written by hand: what `validate` reads of each format."""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Mapping
from typing import Any

import h5py
import numpy as np

from rnnlite_pipeline.files import zip_bytes
from rnnlite_pipeline.graph.ir import Model, Op, Subgraph, Tensor
from rnnlite_pipeline.graph.write import write_model

Shape = Iterable[int | None]


def keras(shape: Shape = (None, 7, 3), dtype: str = "float32", name: str = "x") -> bytes:
    """A .keras file of a Functional model of one input."""
    entrance = {"batch_shape": list(shape), "dtype": dtype, "name": name}
    layer = {"class_name": "InputLayer", "name": name, "config": entrance}
    config = {"layers": [layer], "input_layers": [[name, 0, 0]]}
    told = {"class_name": "Functional", "config": config}
    members = {"config.json": told, "metadata.json": {"keras_version": "3.0.0"}}
    packed = {key: json.dumps(value).encode() for key, value in members.items()}
    return zip_bytes({**packed, "model.weights.h5": h5()})


#: A model of Keras 2: one input `x`, and an LSTM in both directions.
KERAS_2 = {
    "class_name": "Functional",
    "config": {
        "name": "model",
        "layers": [
            {
                "class_name": "InputLayer",
                "config": {"batch_input_shape": [None, 7, 3], "dtype": "float32", "name": "x"},
                "name": "x",
                "inbound_nodes": [],
            },
            {
                "class_name": "Bidirectional",
                "config": {
                    "name": "both",
                    "layer": {"class_name": "LSTM", "config": {"name": "words", "units": 4}},
                },
                "name": "both",
                "inbound_nodes": [[["x", 0, 0, {}]]],
            },
        ],
        "input_layers": [["x", 0, 0]],
        "output_layers": [["both", 0, 0]],
    },
}


def h5(model: Any = None) -> bytes:
    """An HDF5 file with some numbers in it, and the config of a model where one is given."""
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        file["kernel"] = np.arange(300.0)
        if model is not None:
            file.attrs["model_config"] = json.dumps(model).encode()
    return buffer.getvalue()


def npz(**arrays: Any) -> bytes:
    """An .npz file."""
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return buffer.getvalue()


def tflite(shape: tuple[int, ...] = (-1, 7, 3)) -> bytes:
    """A .tflite file that multiplies its input `x` by a constant: `y`, of two classes."""
    x = Tensor("x", "FLOAT32", shape)
    y = Tensor("y", "FLOAT32", (-1, 2))
    table = Tensor.constant("table", np.ones((2, 3), np.float32))
    op = Op("FULLY_CONNECTED", [x, table, None], [y], {}, "FullyConnectedOptions")
    return write_model(Model([Subgraph("main", [x], [y], [op])]))


# Protocol buffers ---------------------------------------------------------------------------------


def varint(value: int) -> bytes:
    """An integer in groups of seven bits, the lowest first."""
    value &= 2**64 - 1
    groups = [value >> shift & 0x7F for shift in range(0, 70, 7)]
    while len(groups) > 1 and not groups[-1]:
        groups.pop()
    return bytes(group | 0x80 for group in groups[:-1]) + bytes(groups[-1:])


def field(number: int, value: int | str | bytes) -> bytes:
    """One field: an integer, or text or a message."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    content = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(content)) + content


def saved_model(signatures: Mapping[str, tuple[int | None, ...]]) -> bytes:
    """A saved_model.pb whose signatures take an input `x` of a shape, and put out `y`, [N, 2]."""
    graph = field(1, field(4, "serve"))
    for name, shape in signatures.items():
        inputs = field(1, field(1, "x") + field(2, _info("x:0", shape)))
        outputs = field(2, field(1, "y") + field(2, _info("y:0", (None, 2))))
        graph += field(5, field(1, name) + field(2, inputs + outputs))
    return field(1, 1) + field(2, graph)


def graph_def(*nodes: str) -> bytes:
    """A GraphDef with nodes of these names."""
    return b"".join(field(1, field(1, node) + field(2, "Placeholder")) for node in nodes)


def _info(name: str, shape: tuple[int | None, ...]) -> bytes:
    dims = b"".join(field(2, field(1, -1 if size is None else size)) for size in shape)
    return field(1, name) + field(2, 1) + field(3, dims)
