"""The program that prints the architecture in an HDF5 file."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import h5py
import pytest

from rnnlite_pipeline.config.headers import h5_config
from rnnlite_pipeline.config.headers.h5_config import DAMAGED, model_config


def _file(path: Path, **attributes: object) -> Path:
    with h5py.File(path, "w") as file:
        file.attrs.update(attributes)
    return path


@pytest.mark.parametrize("written", ['{"name": "größe"}', '{"name": "größe"}'.encode()])
def test_texts_and_bytes(tmp_path: Path, written: object) -> None:
    """h5py gives a str for a text and bytes for bytes; Keras wrote both."""
    path = _file(tmp_path / "m.h5", model_config=written)
    assert model_config(str(path)) == '{"name": "größe"}'


def test_weights_only(tmp_path: Path) -> None:
    """A file without the attribute has no architecture."""
    assert model_config(str(_file(tmp_path / "w.h5", backend="tensorflow"))) == ""


def _run(path: Path) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, h5_config.__file__, path], capture_output=True, check=False
    )


def test_as_a_program(tmp_path: Path) -> None:
    """It prints UTF-8; a damaged file and one that is not there have different statuses."""
    path = _file(tmp_path / "m.h5", model_config="größe")
    assert _run(path).stdout.decode("utf-8") == "größe"
    path.write_bytes(path.read_bytes()[:60])
    assert _run(path).returncode == DAMAGED
    assert _run(tmp_path / "none.h5").returncode == 1
