"""The format of a file by its first bytes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from rnnlite_pipeline.config.headers.interface import WrongSource
from rnnlite_pipeline.config.headers.kinds import check_kind, kind_of
from rnnlite_pipeline.config.source import Source
from rnnlite_pipeline.files import zip_bytes
from tests.config import written_sources as written

CONTENT = {
    "keras": written.keras(),
    "h5": written.h5(),
    "tflite": written.tflite(),
    "json": b' \n{"class_name": "Sequential"}',
    "npz": written.npz(x=1),
    "zip": zip_bytes({"a.txt": b""}),
    "cut": written.keras()[:200],
    "lfs": b"version https://git-lfs.github.com/spec/v1\n",
    "empty": b"",
    "unknown": written.graph_def("x"),
}


def source(kind: str, **values: Any) -> Source:
    """A section of this format, whose file is not named by its suffix."""
    if kind == "graph_def":
        values |= {"inputs": {"x": (1,)}, "outputs": ("x",)}
    return Source(format=kind, path="m", **values)  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", CONTENT)
def test_each_kind_by_its_content(tmp_path: Path, kind: str) -> None:
    """Whatever the name; an HDF5 file also behind a block of its user."""
    path = tmp_path / "model"
    path.write_bytes(CONTENT[kind])
    assert kind_of(path) == kind
    if kind == "h5":
        path.write_bytes(bytes(2048) + CONTENT["h5"])
        assert kind_of(path) == "h5"


@pytest.mark.parametrize(
    ("kind", "written_as", "loc", "said"),
    [
        ("keras", "h5", "format", "an HDF5 file; write format: h5"),
        ("h5", "keras", "format", "write format: keras"),
        ("keras", "tflite", "format", "a TFLite model; write format: tflite"),
        ("tflite", "npz", "path", "an .npz file of arrays; format tflite expects a TFLite model"),
        ("graph_def", "lfs", "path", "run `git lfs pull`"),
        ("keras", "cut", "path", "the file was cut short"),
        ("keras", "empty", "path", "empty"),
        ("keras", "json", "path", "an architecture without weights"),
    ],
)
def test_a_file_of_another_format(
    tmp_path: Path, kind: str, written_as: str, loc: str, said: str
) -> None:
    """What it is; where it is another format of the config, that one."""
    path = tmp_path / "model"
    path.write_bytes(CONTENT[written_as])
    with pytest.raises(WrongSource) as raised:
        check_kind(path, source(kind))
    assert raised.value.loc == ("source", loc)
    assert said in raised.value.message


@pytest.mark.parametrize(
    ("kind", "written_as"),
    [("keras", "keras"), ("h5", "h5"), ("tflite", "tflite"), ("graph_def", "unknown")],
)
def test_a_file_of_its_format(tmp_path: Path, kind: str, written_as: str) -> None:
    """It is no architecture alone."""
    path = tmp_path / "model"
    path.write_bytes(CONTENT[written_as])
    assert not check_kind(path, source(kind))


def test_weights_belong_to_an_architecture(tmp_path: Path) -> None:
    """Beside a whole model they are an error of their own key."""
    path = tmp_path / "model"
    path.write_bytes(CONTENT["json"])
    assert check_kind(path, source("keras", weights="w.h5"))
    path.write_bytes(CONTENT["keras"])
    with pytest.raises(WrongSource, match=r"leave source\.weights out") as raised:
        check_kind(path, source("keras", weights="w.h5"))
    assert raised.value.loc == ("source", "weights")


def test_the_folder_of_a_saved_model(tmp_path: Path) -> None:
    """It contains saved_model.pb, or the same as text."""
    with pytest.raises(WrongSource, match=r"has no saved_model\.pb"):
        check_kind(tmp_path, source("saved_model"))
    (tmp_path / "saved_model.pbtxt").write_text("")
    assert not check_kind(tmp_path, source("saved_model"))
