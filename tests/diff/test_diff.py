"""`rnnlite diff`: what it compares, and how it tells."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rnnlite_pipeline.cli import main
from rnnlite_pipeline.files import zip_bytes
from rnnlite_pipeline.graph.ir import Tensor
from rnnlite_pipeline.metadata import described_model
from tests.metadata.described import CONFIG, config, layer, model
from tests.release.test_bundle import _lay_out, _package


def _model(folder: Path, name: str, text: str = CONFIG, op: str = "WHILE") -> Path:
    made = model()
    if op != "WHILE":
        made.main.ops[1].inputs[1] = Tensor.constant("other", np.zeros((3, 64), np.float32))
    path = folder / f"{name}.tflite"
    path.write_bytes(described_model(made, config(folder, text), [layer(op)]))
    return path


def _diff(capsys: pytest.CaptureFixture[str], *words: str | Path) -> str:
    assert main(["diff", *map(str, words)]) == 0
    return capsys.readouterr().out


def test_models(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Ops, recurrences, metadata and what is computed; what is the same is told in one line."""
    first = _model(tmp_path, "a")
    second = _model(tmp_path, "b", CONFIG.replace("author: me", "author: you"), "OTHER")
    told: dict[str, Any] = json.loads(_diff(capsys, first, second, "--json"))
    assert told["recurrences"] == {"[rows].op": {"from": "WHILE", "to": "OTHER"}}
    assert told["metadata"] == {"author": {"from": "me", "to": "you"}}
    assert told["computes"].keys() == {"semantic digest"}
    assert told["ops"] == told["interface"] == {}
    text = _diff(capsys, first, second)
    assert "\nmetadata\n  author: me -> you\n" in text
    assert "the same: interface, ops" in text


def test_the_same_model(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A file and its copy have no difference, and the status is 0."""
    path = _model(tmp_path, "a")
    assert "no difference in computes, interface, ops" in _diff(capsys, path, path)


def test_configs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What is written differently and means the same is no difference."""
    text = "name: m\nsource: {format: keras, path: m}\n"
    other = 'source:\n  path: "m"\n  format: keras\nname: m\nversion: 2.0.0\n'
    paths = [tmp_path / "a.yaml", tmp_path / "b.yaml"]
    for path, content in zip(paths, (text, other), strict=True):
        path.write_text(content)
    told = json.loads(_diff(capsys, *paths, "--json"))
    assert told == {"config": {"version": {"from": "0.0.0", "to": "2.0.0"}}}


def test_releases_and_their_parts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Releases tell their lock and errors too; against a config, the config alone is compared."""
    bundles = []
    for name, content in (("a", b"one"), ("b", b"two")):
        path = _lay_out(tmp_path / name)
        path.with_name("source.keras").write_bytes(content)
        bundles.append(_package(path))
    told = json.loads(_diff(capsys, *bundles, "--json"))
    assert told["lock"].keys() == {"source"}
    assert told["errors"] == told["config"] == told["computes"] == {}
    assert list(json.loads(_diff(capsys, bundles[0], path, "--json"))) == ["config"]


def _not_ours(folder: Path) -> Path:
    path = folder / "x.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("readme", "hello")
    return path


def _damaged(folder: Path) -> Path:
    path = folder / "x.zip"
    path.write_bytes(_package(_lay_out(folder / "r")).read_bytes()[:-30])
    return path


def _foreign_figures(folder: Path) -> Path:
    with zipfile.ZipFile(_package(_lay_out(folder / "r"))) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    members["verification.json"] = b'{"accuracy": [3]}'
    path = folder / "x.zip"
    path.write_bytes(zip_bytes(members))
    return path


def _unknown(folder: Path) -> Path:
    path = folder / "x.txt"
    path.write_text("hello")
    return path


@pytest.mark.parametrize(
    ("make", "status", "said"),
    [
        (_not_ours, 1, "is no release of rnnlite"),
        (_damaged, 1, "is damaged"),
        (_foreign_figures, 1, "is not as rnnlite writes it"),
        (_unknown, 2, "is no release (.zip), model (.tflite) or config (.yaml)"),
        (lambda folder: folder / "none.zip", 2, "There is no file"),
    ],
)
def test_what_cannot_be_read_is_one_clear_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], make: Any, status: int, said: str
) -> None:
    """A foreign zip, a damaged release, an unknown kind, a missing file."""
    path = make(tmp_path)
    assert main(["diff", str(path), str(path)]) == status
    assert said in capsys.readouterr().err


def test_nothing_in_common_is_an_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A config and a model cannot be compared."""
    path = _model(tmp_path, "a")
    assert main(["diff", str(path), str(tmp_path / "digits.yaml")]) == 2
    assert "nothing in common" in capsys.readouterr().err
