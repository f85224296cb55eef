"""What is known of a `.keras` file before anything of it is loaded."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from rnnlite_pipeline.errors import SourceError
from rnnlite_pipeline.sources.formats.keras_archive import read_archive


def write(path: Path, config: Any, without: str = "", metadata: str = "") -> Path:
    """A `.keras` file of this config, with one member left out."""
    members = {
        "config.json": json.dumps(config),
        "metadata.json": metadata or json.dumps({"keras_version": "3.15.0"}),
        "model.weights.h5": "weights" * 100,
    }
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            if name != without:
                archive.writestr(name, content)
    return path


def layer(name: str, module: str | None, registered: str | None = None) -> dict[str, Any]:
    """A layer as Keras serializes it."""
    return {"class_name": name, "module": module, "registered_name": registered, "config": {}}


def test_custom_classes_and_lambdas_are_found_however_deep(tmp_path: Path) -> None:
    """Classes that are not Keras' own are named with the name they are registered under."""
    config = layer("Functional", "keras") | {
        "config": {
            "layers": [
                layer("LSTM", "keras.layers"),
                layer("Attention", "my.layers", "Mine>Attention"),
                {"config": {"layer": layer("Lambda", "keras.layers")}},
                layer("Plain", None),
            ]
        }
    }
    archive = read_archive(write(tmp_path / "m.keras", config))
    assert archive.custom == {"Attention": "Mine>Attention", "Plain": "Plain"}
    assert archive.lambdas
    assert archive.keras_version == "3.15.0"


def test_a_plain_model_needs_nothing(tmp_path: Path) -> None:
    """A model of Keras' own layers has no custom classes and no code."""
    archive = read_archive(write(tmp_path / "m.keras", layer("LSTM", "keras.layers")))
    assert not archive.custom
    assert not archive.lambdas


@pytest.mark.parametrize("missing", ["config.json", "metadata.json", "model.weights.h5"])
def test_a_zip_that_is_no_keras_file_is_refused(tmp_path: Path, missing: str) -> None:
    """The error names what a `.keras` file has and this one has not."""
    with pytest.raises(SourceError, match=f"no .keras file: it has no {missing}"):
        read_archive(write(tmp_path / "m.keras", {}, without=missing))


@pytest.mark.parametrize("kept", [0, 1, 40, 400])
def test_a_truncated_file_is_refused(tmp_path: Path, kept: int) -> None:
    """A file cut short anywhere is said to be so, with what to do."""
    path = write(tmp_path / "m.keras", {})
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(SourceError, match=r"cut short.*\n.*Save the model again"):
        read_archive(path)


def test_a_flipped_byte_is_found(tmp_path: Path) -> None:
    """Damaged weights fail the archive's checksum, rather than load as other weights."""
    path = write(tmp_path / "m.keras", {})
    content = bytearray(path.read_bytes())
    content[content.index(b"weightsweights") + 20] ^= 1
    path.write_bytes(content)
    with pytest.raises(SourceError, match=r"model\.weights\.h5 fails its checksum"):
        read_archive(path)


@pytest.mark.parametrize("metadata", ["{", "[]", "{}"])
def test_damaged_metadata_is_refused(tmp_path: Path, metadata: str) -> None:
    """Metadata that is no JSON, or does not name the version, is no metadata."""
    with pytest.raises(SourceError, match="metadata cannot be read"):
        read_archive(write(tmp_path / "m.keras", {}, metadata=metadata))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    """A path without a file is a sentence, not a traceback."""
    with pytest.raises(SourceError, match=r"m\.keras cannot be read: No such file"):
        read_archive(tmp_path / "m.keras")
