"""What `validate` finds before a model is opened."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rnnlite_pipeline.config import check_files, load_config
from rnnlite_pipeline.config.declared import source_digest
from rnnlite_pipeline.errors import ConfigError

Write = Callable[[str], Path]

HEAD = "name: m\nsource: {format: keras, path: m.keras}\n"
DATA = "verification: {data: {path: t.npz}}\n"
TOLD = f"{HEAD}pipeline: told\n"
INT8 = "quantization: {scheme: int8, calibration: {path: t.npz}}\n"


@pytest.fixture(autouse=True)
def model(tmp_path: Path) -> Path:
    """A Functional model of one input, x [None, None, 3], by its header alone."""
    layer = {"batch_shape": [None, None, 3], "dtype": "float32", "name": "x"}
    told = {
        "class_name": "Functional",
        "config": {
            "layers": [{"class_name": "InputLayer", "name": "x", "config": layer}],
            "input_layers": [["x", 0, 0]],
        },
    }
    path = tmp_path / "m.keras"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("config.json", json.dumps(told))
        archive.writestr("metadata.json", "{}")
        archive.writestr("model.weights.h5", b"")
    return path


def _problems(path: Path, out: Path | None = None) -> list[str]:
    with pytest.raises(ConfigError) as told:
        check_files(load_config(path), out)
    return told.value.problems


def _store(folder: Path, **arrays: Any) -> None:
    np.savez(folder / "t.npz", **arrays)


X = np.zeros((4, 7, 3), np.float32)


@pytest.mark.parametrize(
    ("arrays", "said"),
    [
        ({"y": X}, "no array for the input `x` (m.keras); the file has y"),
        ({"x": X[..., :2]}, "`x` has the shape [4, 7, 2]; expected [N, any, 3] (m.keras)"),
        ({"x": X[:, 0]}, "`x` has the shape [4, 3]; expected [N, any, 3]"),
        (
            {"x": X.astype(np.float64)},
            "`x` is float64, and the input float32; store it with .astype",
        ),
        ({"x": X, "z": X}, "has an array `z`, which is no input; the inputs are x"),
    ],
    ids=["name", "width", "rank", "dtype", "unknown"],
)
def test_data_is_held_to_the_source(write: Write, arrays: Any, said: str) -> None:
    """Names, shapes and dtypes are those of the inputs, by the source's own header."""
    path = write(HEAD + DATA)
    _store(path.parent, **arrays)
    problems = "".join(_problems(path))
    assert problems.startswith("3:29: verification.data.path: ")
    assert said in problems


def test_data_that_fits_passes(write: Write) -> None:
    """Inputs, labels, and a length that the source leaves open."""
    path = write(HEAD + DATA)
    for arrays in ({"x": X}, {"x": X, "labels": np.zeros(4)}):
        _store(path.parent, **arrays)
        check_files(load_config(path))


def test_calibration_is_held_to_it_too(write: Write) -> None:
    """Calibration data of another width is found before the conversion."""
    path = write(HEAD + INT8)
    _store(path.parent, x=X[..., :2])
    (problem,) = _problems(path)
    assert problem.startswith("3:50: quantization.calibration.path: ")


def test_the_last_import_says_more(write: Write, tmp_path: Path) -> None:
    """What the last import saw counts, for any format, as long as the source is the same."""
    path = write(
        f"{HEAD}{DATA}metadata: {{outputs: [{{name: p, dimensions: [a]}}, {{name: q}}]}}\n"
    )
    _store(path.parent, tokens=np.zeros((4, 7), np.int32))
    out = tmp_path / "build" / "m"
    (out / ".work").mkdir(parents=True)
    told = {
        "of": source_digest(load_config(path)),
        "inputs": [{"name": "tokens", "shape": [None, None], "dtype": "int32"}],
        "outputs": [{"name": "p", "shape": [None, 2], "dtype": "float32"}],
    }
    (out / ".work" / "source.json").write_text(json.dumps(told))
    dimensions, name = _problems(path, out)
    assert "1 names; `p` has 2 dimensions" in dimensions
    assert "the model has no output `q`; it has p" in name
    with zipfile.ZipFile(tmp_path / "m.keras", "a") as archive:
        archive.writestr("more", "another source")
    assert any("`x` (m.keras)" in each for each in _problems(path, out))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "name: m\nsource: {format: concrete_function, factory: nowhere.at_all:build}\n",
            "there is no module nowhere,",
        ),
        (
            "name: m\nsource: {format: concrete_function, factory: mine.sub:build}\n",
            "there is no module mine.sub,",
        ),
        (f"name: {'m' * 250}\nsource: {{format: keras, path: m.keras}}\n", "longer than a file"),
        (
            f"{HEAD}pipeline: told\n",
            "has the gate require_metadata author, and the config does not",
        ),
        (
            f"{TOLD}metadata: {{author: me, license: mine}}\n",
            "“mine” is no license",
        ),
        (
            f"{TOLD}metadata: {{author: me, license: mit, outputs: [{{name: y}}]}}\n",
            "`y` does not give it: add description",
        ),
    ],
    ids=["module", "submodule", "name", "author", "license", "description"],
)
def test_what_is_missing_is_found_early(write: Write, text: str, said: str) -> None:
    """Modules, names too long for a file, and what the gates ask of the metadata."""
    path = write(text)
    (path.parent / "pipelines").mkdir()
    gates = "gates: {require_metadata: [author, license, outputs.description]}\n"
    (path.parent / "pipelines" / "told.yaml").write_text(gates)
    (path.parent / "mine").mkdir()
    (path.parent / "mine" / "__init__.py").write_text("raise RuntimeError('never run')\n")
    assert said in "".join(_problems(path))


def test_a_factory_beside_the_config_is_found(write: Write) -> None:
    """Its module is looked for, and not run."""
    path = write("name: m\nsource: {format: concrete_function, factory: mine:build}\n")
    (path.parent / "mine.py").write_text("raise RuntimeError('never run')\n")
    check_files(load_config(path))


def test_a_missing_extra_is_named(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    """A source of JAX without JAX is found by `validate`, with what to install."""
    path = write("name: m\nsource: {format: jax, factory: mine:build}\n")
    (path.parent / "mine.py").write_text("")
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    (problem,) = _problems(path)
    assert "pip install 'rnnlite[jax]'" in problem
