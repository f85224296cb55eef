"""What is known of a model's interface before it is opened."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from rnnlite_pipeline.config import Config
from rnnlite_pipeline.config.declared import declared, source_digest, written, wrong_pins
from rnnlite_pipeline.config.headers.interface import Interface, Shape, Tensor

HEADER = Interface({"x": Tensor((None, 7, 3), "float32")}, {"y": Tensor(None, "float32")})


def config(folder: Path, **source: Any) -> Config:
    """A config of a .keras file, which has some bytes in it."""
    path = folder / "m.keras"
    if not path.is_file():
        path.write_bytes(b"model")
    told = {"format": "keras", "path": str(path), **source}
    return Config.model_validate({"name": "m", "source": told})


def imported(folder: Path, of: str) -> Path:
    """A model's folder with an import of a source of this digest."""
    path = folder / "out" / ".work" / "source.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    side = [{"name": "x", "shape": [None, 7, 3], "dtype": "float32"}]
    path.write_text(json.dumps({"of": of, "inputs": side, "outputs": side}))
    return folder / "out"


def test_the_last_import_is_taken_while_the_source_is_the_same(tmp_path: Path) -> None:
    """Another content of the file, or another section `source`, makes it another source."""
    first = config(tmp_path)
    out = imported(tmp_path, source_digest(first))
    found = declared(first, out, None)
    assert found is not None
    assert (found.imported, found.said_by) == (True, "the last import")
    assert dict(found.outputs) == {"x": Tensor((None, 7, 3), "float32")}
    other = config(tmp_path, inputs={"x": (1, 7, 3)})
    assert declared(other, out, None) is None
    (tmp_path / "m.keras").write_bytes(b"other")
    assert declared(first, out, None) is None
    assert declared(first, None, None) is None


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"of": "%s", "inputs": [{}], "outputs": []}'])
def test_a_damaged_import_says_nothing(tmp_path: Path, text: str) -> None:
    """The header is taken in its place."""
    made = config(tmp_path)
    digest = source_digest(made)
    path = imported(tmp_path, digest) / ".work" / "source.json"
    path.write_text(text.replace("%s", digest))
    found = declared(made, tmp_path / "out", HEADER)
    assert found is not None
    assert (found.imported, found.said_by) == (False, "m.keras")


def test_what_code_builds_has_no_digest(tmp_path: Path) -> None:
    """It may depend on anything: an import without a digest is not taken either."""
    made = config(tmp_path, custom_objects={"A": "m:A"})
    assert source_digest(made) == ""
    assert declared(made, imported(tmp_path, ""), None) is None


def test_a_pin_closes_what_the_header_leaves_open(tmp_path: Path) -> None:
    """Of an input of the same rank; an unknown shape stays unknown."""
    header = Interface({**HEADER.inputs, "z": Tensor(None, "int32")})
    made = config(tmp_path, inputs={"x": (2, 7, 3), "z": (1,)})
    found = declared(made, None, header)
    assert found is not None
    assert found.inputs["x"].shape == (2, 7, 3)
    assert found.inputs["z"].shape is None


@pytest.mark.parametrize(
    ("name", "pin", "said"),
    [
        ("x", (2, 7, 3), ""),
        ("x", (None, 7, 3), ""),
        ("x", (None, None, 3), ""),
        ("x", (2, 8, 3), "`x` is pinned to [2, 8, 3], and the model has [null, 7, 3]"),
        ("x", (2, 7), "only a dimension that is null can be closed"),
        ("xx", (2, 7, 3), "the model has no input `xx`. Did you mean"),
    ],
)
def test_pins_are_held_to_the_file(tmp_path: Path, name: str, pin: Shape, said: str) -> None:
    """A dimension that the file has cannot be another; a name must be there."""
    found = list(wrong_pins(config(tmp_path, inputs={name: pin}), HEADER))
    assert len(found) == bool(said)
    for loc, message in found:
        assert loc == ("source", "inputs", name)
        assert said in message


def test_an_unknown_shape_takes_every_pin(tmp_path: Path) -> None:
    """What the file does not say is not checked."""
    header = Interface({"x": Tensor(None, "float32")})
    assert list(wrong_pins(config(tmp_path, inputs={"x": (5,)}), header)) == []
    assert written((None, 7)) == "[null, 7]"
