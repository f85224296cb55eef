"""What this package's own code reads of files it does not trust, one reader a format.

Each takes a folder and the content of a file, and either reads it or raises an error of ours.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from rnnlite_pipeline.config import Config, Format, Source, check_files, load_config
from rnnlite_pipeline.config.arrays import NotArrays, read_headers
from rnnlite_pipeline.config.headers import WrongSource, read_header
from rnnlite_pipeline.errors import SourceError, VerificationFailed
from rnnlite_pipeline.graph.ir import Model, Op, Signature, Subgraph, Tensor
from rnnlite_pipeline.graph.read import read_model
from rnnlite_pipeline.graph.write import write_model
from rnnlite_pipeline.quantize.calibration import batches
from rnnlite_pipeline.sources.formats.h5 import read_h5
from rnnlite_pipeline.sources.formats.keras_archive import read_archive
from rnnlite_pipeline.sources.model import TensorSpec
from rnnlite_pipeline.verify.data import read_samples
from tests.config.written_sources import saved_model

_MODEL_CONFIG = {
    "class_name": "Functional",
    "config": {"layers": [{"class_name": "LSTM", "module": "keras.layers", "config": {}}]},
}


def read_tflite(folder: Path, content: bytes) -> None:
    """A model: its header, then to the graph and back to a file."""
    _read_header(_file(folder, "a.tflite", content), "tflite")
    write_model(read_model(content))


def read_keras(folder: Path, content: bytes) -> None:
    """What a .keras file says of itself."""
    path = _file(folder, "a.keras", content)
    _read_header(path, "keras")
    read_archive(path)


def read_hdf5(folder: Path, content: bytes) -> None:
    """What an H5 file says of itself."""
    path = _file(folder, "a.h5", content)
    _read_header(path, "h5")
    read_h5(path)


def read_saved_model(folder: Path, content: bytes) -> None:
    """The signatures of a SavedModel, by its header."""
    (folder / "s").mkdir(exist_ok=True)
    _read_header(_file(folder / "s", "saved_model.pb", content).parent, "saved_model")


def _read_header(path: Path, format_: Format) -> None:
    """What `validate` reads of a source."""
    source = Source(format=format_, path=str(path))
    given: dict[str, Any] = {"source": source}
    config = Config.model_construct(**given)
    try:
        read_header(config)
    except WrongSource as error:
        raise SourceError(str(error)) from error


def read_npz(folder: Path, content: bytes) -> None:
    """Data: by its headers, and as samples."""
    path = _file(folder, "a.npz", content)
    try:
        read_headers(path)
    except NotArrays as error:
        raise VerificationFailed(str(error)) from error
    read_samples(path, [TensorSpec("x", "float32", (None, 3))], [TensorSpec("y", "float32", ())])


def read_calibration(folder: Path, content: bytes) -> None:
    """Data, batch by batch."""
    path = _file(folder, "a.npz", content)
    for _ in batches(path, {"x": Tensor("x", "FLOAT32", (-1, 3))}):
        pass


def read_yaml(folder: Path, content: bytes) -> None:
    """A config, and all that is checked of it."""
    _file(folder, "a.keras", whole("keras"))
    check_files(load_config(_file(folder, "a.yaml", content)))


READERS: dict[str, Callable[[Path, bytes], None]] = {
    "tflite": read_tflite,
    "keras": read_keras,
    "h5": read_hdf5,
    "saved_model": read_saved_model,
    "npz": read_npz,
    "calibration": read_calibration,
    "yaml": read_yaml,
}


def whole(kind: str) -> bytes:
    """A small file of each format with nothing wrong."""
    made = {"tflite": _tflite, "keras": _keras, "h5": _h5, "yaml": _yaml}
    if kind == "saved_model":
        return saved_model({"serving_default": (None, 7, 3), "other": (1,)})
    return made.get(kind, _npz)()


def _file(folder: Path, name: str, content: bytes) -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


def _tflite() -> bytes:
    x = Tensor("x", "FLOAT32", (-1, 3))
    w = Tensor.constant("w", np.ones((4, 3), np.float32))
    b = Tensor.constant("b", np.zeros(4, np.float32))
    y, z = Tensor("y", "FLOAT32", (-1, 4)), Tensor("z", "FLOAT32", (-1, 4))
    options = {"fused_activation_function": "NONE"}
    ops = [
        Op("FULLY_CONNECTED", [x, w, b], [y], options, "FullyConnectedOptions"),
        Op("TANH", [y], [z]),
    ]
    graph = Subgraph("main", [x], [z], ops)
    signature = Signature("serving_default", graph, {"x": x}, {"z": z})
    return write_model(Model([graph], [signature], {"note": b"text"}, "a model"))


def _keras() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("metadata.json", json.dumps({"keras_version": "3.15.1"}))
        archive.writestr("config.json", json.dumps(_MODEL_CONFIG))
        archive.writestr("model.weights.h5", _h5())
    return buffer.getvalue()


def _h5() -> bytes:
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        file.attrs["model_config"] = json.dumps(_MODEL_CONFIG)
        file.attrs["keras_version"] = "2.15.0"
        file["layers/lstm/kernel"] = np.ones((3, 16), np.float32)
    return buffer.getvalue()


def _npz() -> bytes:
    buffer = io.BytesIO()
    x = np.ones((600, 3), np.float32)
    np.savez(buffer, x=x, labels=np.arange(600))
    return buffer.getvalue()


def _yaml() -> bytes:
    return b"""\
name: fuzz
version: 1.0.0
source: {format: keras, path: a.keras, inputs: {x: [null, 8, 8]}}
recurrent: {time_major: keep, state: source}
quantization: {scheme: dynamic_range}
verification:
  data: {random: {samples: 4, seed: 0}}
  max_abs_error: 1.0e-5
metadata:
  description: "text"
  inputs: [{name: x, range: [0, 1], normalization: {mean: [0.5], std: [1]}}]
annotations: {a: b}
"""
