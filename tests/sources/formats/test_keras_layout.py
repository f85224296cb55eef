"""Weights in `.keras` files as Keras 2.12 and 2.13 wrote them."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import h5py
import numpy as np
import pytest

from rnnlite_pipeline.sources.formats.keras_layout import with_layers


def archive(path: Path, *members: str) -> Path:
    """A `.keras` file whose weights have these groups, each with a number of its own."""
    content = io.BytesIO()
    with h5py.File(content, "w") as file:
        for number, name in enumerate(members):
            file.create_group(name)["vars/0"] = np.float32(number)
    with zipfile.ZipFile(path, "w") as made:
        made.writestr("config.json", "{}")
        made.writestr("model.weights.h5", content.getvalue())
    return path


def groups(path: Path) -> dict[str, float]:
    """The number of each group."""
    with zipfile.ZipFile(path) as read:
        assert read.read("config.json") == b"{}"
        content = io.BytesIO(read.read("model.weights.h5"))
    found: dict[str, float] = {}
    with h5py.File(content, "r") as file:
        file.visititems(
            lambda name, each: (
                found.update({name.removesuffix("/vars/0"): float(each[()])})
                if isinstance(each, h5py.Dataset)
                else None
            )
        )
    return found


OLD = "_layer_checkpoint_dependencies"


def test_layers_are_numbered_as_today(tmp_path: Path) -> None:
    """Those with weights were counted twice; a model in a model has its own count."""
    names = ["lstm", "lstm_2", "lstm_10", "dropout", "dropout_1", "conv1d", "functional"]
    inner = [f"{OLD}/functional/{OLD}/{name}" for name in ("gru", "gru_2/cell")]
    path = archive(tmp_path / "m.keras", *(f"{OLD}/{name}" for name in names), *inner)
    new = ["lstm", "lstm_1", "lstm_2", "dropout", "dropout_1", "conv1d", "functional"]
    deep = ["functional/layers/gru", "functional/layers/gru_1/cell"]
    with with_layers(path) as renamed:
        assert renamed != path
        assert groups(renamed) == {f"layers/{n}": k for k, n in enumerate([*new, *deep])}
    assert not renamed.exists()


@pytest.mark.parametrize("names", [["layers/lstm", "layers/lstm_2"], [f"{OLD}/lstm", "layers/gru"]])
def test_other_files_stay(tmp_path: Path, names: list[str]) -> None:
    """What tf-keras writes today, and what has groups of both names, is loaded as it is."""
    path = archive(tmp_path / "m.keras", *names)
    with with_layers(path) as same:
        assert same == path
