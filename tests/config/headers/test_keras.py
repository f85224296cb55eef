"""The header of a .keras file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from rnnlite_pipeline.config.headers import keras
from rnnlite_pipeline.config.headers.interface import Interface, Tensor, WrongSource
from rnnlite_pipeline.config.headers.keras import read
from rnnlite_pipeline.config.source import Source
from rnnlite_pipeline.files import zip_bytes
from tests.config import written_sources as written


def entrance(name: str, shape: Any = (None, 3), dtype: Any = "float32") -> dict[str, Any]:
    """An InputLayer."""
    config = {"name": name, "batch_shape": list(shape), "dtype": dtype}
    return {"class_name": "InputLayer", "name": name, "config": config}


def functional(input_layers: Any, *layers: dict[str, Any]) -> dict[str, Any]:
    """The config of a Functional model."""
    return {"class_name": "Functional", "config": {"layers": layers, "input_layers": input_layers}}


DENSE = {"class_name": "Dense", "name": "d", "config": {"name": "d"}}
A, B = entrance("a"), entrance("b", (2, None), "int32")
BOTH = {"a": Tensor((None, 3), "float32"), "b": Tensor((2, None), "int32")}


@pytest.mark.parametrize(
    ("model", "inputs"),
    [
        (functional([["a", 0, 0]], A, DENSE), {"a": BOTH["a"]}),
        (functional(["a", 0, 0], A, DENSE), {"a": BOTH["a"]}),
        (functional([["a", 0, 0], ["b", 0, 0]], DENSE, B, A), BOTH),
        (functional({"one": ["a", 0, 0], "two": [["b", 0, 0]]}, A, B), BOTH),
        ({"class_name": "Sequential", "config": {"layers": [A, DENSE]}}, {"a": BOTH["a"]}),
        ({"class_name": "Sequential", "config": {"layers": [DENSE]}}, None),
        ({"class_name": "Sequential", "config": {"layers": []}}, None),
        ({"class_name": "Own", "config": {"layers": []}}, None),
        (functional([], A), None),
        (functional([["d", 0, 0]], DENSE), None),
        (functional([["none", 0, 0]], A), None),
        (functional([["a", 0, 0]], entrance("a", dtype={"class_name": "Policy"})), None),
        ([], None),
    ],
)
def test_the_inputs_of_a_config(model: Any, inputs: dict[str, Tensor] | None) -> None:
    """In the order of `input_layers`, however they are nested; None where it does not say them."""
    members = {"config.json": json.dumps(model).encode(), "metadata.json": b"{}"}
    path = Path(read_path(zip_bytes({**members, "model.weights.h5": b""})))
    found = read(path, Source(format="keras", path=str(path)))
    assert found == (None if inputs is None else Interface(inputs))
    assert found is None or list(found.inputs) == list(inputs or ())


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def read_path(content: bytes) -> str:
    """A file of this content in the test's folder."""
    Path("m.keras").write_bytes(content)
    return "m.keras"


EMPTY = {"config.json": b"{}", "metadata.json": b"", "model.weights.h5": b""}


def damaged() -> bytes:
    """An archive with one byte of its weights changed."""
    content = bytearray(zip_bytes({**EMPTY, "model.weights.h5": b"weights"}))
    content[content.index(b"weights", content.index(b"model.weights.h5") + 16)] ^= 1
    return bytes(content)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"PK\3\4 and no more", "is damaged"),
        (written.keras()[:-30], "is damaged"),
        (zip_bytes({"config.json": b"{}"}), "no .keras file: it has no metadata.json"),
        (zip_bytes({**EMPTY, "config.json": b"{"}), "no JSON"),
        (damaged(), "model.weights.h5 fails its checksum"),
    ],
)
def test_a_wrong_archive(content: bytes, said: str) -> None:
    """Cut, incomplete, changed, or with a config that is none; the error says what to do."""
    path = Path(read_path(content))
    with pytest.raises(WrongSource, match=said) as raised:
        read(path, Source(format="keras", path=str(path)))
    assert "save the model again" in raised.value.message


def test_the_content_of_a_large_archive_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """The import compares its checksums; a large config is not read either."""
    path = Path(read_path(damaged()))
    monkeypatch.setattr(keras, "MAX_CHECKED", 3)
    assert read(path, Source(format="keras", path=str(path))) is None
    path.write_bytes(written.keras())
    monkeypatch.setattr(keras, "_MAX_HEADER", 3)
    assert read(path, Source(format="keras", path=str(path))) is None
