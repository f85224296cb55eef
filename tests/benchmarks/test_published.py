"""The page of published models, and what tries them."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import h5py
import pytest

from benchmarks.published import Outcome, entries, measured, page

SERIES = Path(__file__).parents[2] / "benchmarks" / "published_models" / "series.py"


def test_the_page_counts_and_escapes() -> None:
    """It counts what is right on either side; a bar inside a cell does not end it."""
    found = [
        Outcome("one", "a | b", "right", "WHILE: a\nreason", 3e-7, 12.4, 1.25, "open batch: right"),
        Outcome("two", "file two.h5", "refused: no recurrence", stock="batch 1 only: right"),
    ]
    text = page(found)
    assert "1 of 2 are right" in text
    assert "gives 1 that are right" in text
    rows = text.splitlines()[-2:]
    assert rows[0] == (
        r"| one | a \| b | right | WHILE: a reason | 3e-07 | 12 | 1.2 | open batch: right |"
    )
    assert rows[1].startswith("| two | file two.h5 | refused: no recurrence |")


def test_a_folder_gives_its_files_and_pairs(tmp_path: Path) -> None:
    """An architecture and its weights are one model; the folder's name tells the repository."""
    folder = tmp_path / "owner+name"
    (folder / "saved").mkdir(parents=True)
    (folder / "saved" / "saved_model.pb").touch()
    with zipfile.ZipFile(folder / "a.keras", "w") as archive:
        archive.writestr("config.json", "{}")
    (folder / "b.tflite").write_bytes(b"\0\0\0\0TFL3")
    architecture = {"class_name": "Sequential", "config": [{"name": "lstm"}]}
    (folder / "c-architecture.json").write_text(json.dumps(architecture))
    with h5py.File(folder / "c-weights.h5", "w") as file:
        file.attrs["layer_names"] = [b"lstm"]
        file.create_group("lstm")["kernel"] = 1.0
    (folder / "README.md").touch()
    found = [(each.name, each.origin) for each in entries(folder)]
    names = ["a.keras", "b.tflite", "c-architecture.json", "saved"]
    assert found == [(f"name/{each}", "github.com/owner/name") for each in names]


@pytest.mark.slow
def test_published_models_are_right(tmp_path: Path) -> None:
    """Two builders are converted and right; the stock converter takes both with a batch of 1."""
    lines = SERIES.read_text(encoding="utf-8").split("\n\n\n")
    few = [lines[0], *[x for x in lines if "def weather_fore" in x or "def world_model" in x]]
    module = tmp_path / "few.py"
    module.write_text("\n\n\n".join(few), encoding="utf-8")
    found = list(measured(module))
    assert [each.result for each in found] == ["right", "right"]
    assert [each.stock for each in found] == ["batch 1 only: right"] * 2
