"""The format of a file by its first bytes, not by its name.

Sources of the signatures: HDF5 file format specification, section II.A (the superblock may begin at
byte 0, 512, 1024, 2048 and so on); the zip format, APPNOTE 4.3.7; `file_identifier` of the TFLite
schema; the Git LFS specification.
"""

from __future__ import annotations

import re
import zipfile
from pathlib import Path

from rnnlite_pipeline.config.headers.interface import WrongSource
from rnnlite_pipeline.config.source import Source

HDF5 = b"\x89HDF\r\n\x1a\n"
ZIP = b"PK\x03\x04"
TFLITE = b"TFL3"
_LFS = b"version https://git-lfs"

#: What each kind of file is, in words.
_SAID = {
    "keras": "a .keras file (a zip archive)",
    "h5": "an HDF5 file",
    "tflite": "a TFLite model",
    "json": "an architecture as JSON or YAML",
    "npz": "an .npz file of arrays",
    "zip": "a zip archive that holds no Keras model",
    "cut": "the beginning of a zip archive: the file was cut short",
    "lfs": "a Git LFS pointer in place of the file; run `git lfs pull`",
    "empty": "empty",
    "unknown": "of an unknown format",
}

#: The kinds of files that each format of one file is read from.
_TAKEN = {
    "keras": ("keras", "json"),
    "h5": ("h5", "json"),
    "tflite": ("tflite",),
    "graph_def": ("unknown",),
    "jax": ("unknown",),
}

#: What each format is read from, in words.
_EXPECTED = {
    "keras": "a .keras file that model.save wrote",
    "h5": "an HDF5 file that model.save wrote",
    "tflite": "a TFLite model",
    "graph_def": "a TensorFlow graph (.pb, .pbtxt or .meta)",
    "jax": "a serialized jax.export function",
}


def check_kind(path: Path, source: Source) -> bool:
    """Whether a source is an architecture as text, once it is known to be of its format.

    Args:
        path: The file or folder that `source.path` names.
        source: The section `source`.

    Raises:
        WrongSource: It is of another format, or `source.weights` does not fit it.
        OSError: It cannot be read.
    """
    if source.format == "saved_model":
        if not any((path / name).is_file() for name in ("saved_model.pb", "saved_model.pbtxt")):
            said = f"{path} has no saved_model.pb; name the folder that contains it"
            raise WrongSource(said)
        return False
    kind = kind_of(path)
    if kind not in _TAKEN[source.format]:
        raise _mismatch(path, kind, source)
    is_architecture = kind == "json"
    if is_architecture and not source.weights:
        remedy = "name the H5 file that model.save_weights wrote: weights: FILE.h5"
        raise WrongSource(f"{path} is an architecture without weights; {remedy}")
    if source.weights and not is_architecture:
        said = f"{path} is a whole model, with its weights; leave source.weights out"
        raise WrongSource(said, ("source", "weights"))
    return is_architecture


def kind_of(path: Path) -> str:
    """One of `_SAID`, by what the file begins with.

    Raises:
        OSError: It cannot be read.
    """
    with path.open("rb") as file:
        head = file.read(64)
    if not head:
        return "empty"
    if head.startswith(HDF5) or _has_user_block(path):
        return "h5"
    if head[4:8] == TFLITE:
        return "tflite"
    if zipfile.is_zipfile(path):
        return _kind_of_zip(path)
    if head.startswith(ZIP):
        return "cut"
    if head.startswith(_LFS):
        return "lfs"
    return "json" if begins_architecture(head) else "unknown"


def begins_architecture(head: bytes) -> bool:
    """Whether a file begins as what Keras' to_json wrote, or the to_yaml of Keras 1 and 2.

    PyYAML writes keys in their order: "backend" stands first, in Keras 1 "class_name".
    """
    return re.match(rb"\s*({|[\"']?(backend|class_name):)", head) is not None


def _has_user_block(path: Path) -> bool:
    """Whether an HDF5 file begins behind bytes of its user: 512, or a power of two times that."""
    size, at = path.stat().st_size, 512
    with path.open("rb") as file:
        while at < size:
            file.seek(at)
            if file.read(len(HDF5)) == HDF5:
                return True
            at *= 2
    return False


def _kind_of_zip(path: Path) -> str:
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError):
        return "cut"
    if "config.json" in names:
        return "keras"
    return "npz" if names and all(name.endswith(".npy") for name in names) else "zip"


def _mismatch(path: Path, kind: str, source: Source) -> WrongSource:
    said = f"{path} is {_SAID[kind]}"
    if kind in ("keras", "h5", "tflite"):
        return WrongSource(f"{said}; write format: {kind}", ("source", "format"))
    return WrongSource(f"{said}; format {source.format} expects {_EXPECTED[source.format]}")
