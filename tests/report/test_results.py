"""The results in a model's folder."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from rnnlite_pipeline.report.results import Results, link

MODEL = b"model"
DIGEST = hashlib.sha256(MODEL).hexdigest()


def folder_with(folder: Path, model: bytes | None = MODEL, **files: Any) -> Results:
    """The results in a folder with these files, by their stem; text is written as it is."""
    if model is not None:
        (folder / "model.tflite").write_bytes(model)
    for stem, content in files.items():
        text = content if isinstance(content, str) else json.dumps(content)
        (folder / f"{stem}.json").write_text(text, encoding="utf-8")
    return Results.of(folder)


def test_an_empty_folder_has_no_results(tmp_path: Path) -> None:
    """Every figure is None or empty; so it is where the folder is missing."""
    for found in (Results.of(tmp_path), Results.of(tmp_path / "none")):
        assert found.passed is None
        assert (found.bytes, found.float_bytes, found.milliseconds) == (None, None, None)
        assert (found.error, found.limit, found.snr_db, found.accuracy) == (None,) * 4
        assert (found.scheme, found.machine, found.source) == ("none", "", "")
        assert (found.accuracies, found.held, found.releases) == ({}, {}, ())
        assert not found.has_page


@pytest.mark.parametrize("damaged", ["", "{", "[]", "null", "\udcff"])
def test_a_damaged_file_counts_as_none(tmp_path: Path, damaged: str) -> None:
    """It is written again by its stage; until then there is no result."""
    for stem in ("verification", "benchmark"):
        path = tmp_path / f"{stem}.json"
        path.write_text(damaged, encoding="utf-8", errors="surrogateescape")
    found = Results.of(tmp_path)
    assert (found.verification, found.benchmark) == ({}, {})


@pytest.mark.parametrize(
    ("told", "model", "passed"),
    [
        ({"passed": True, "model_sha256": DIGEST}, MODEL, True),
        ({"passed": True, "model_sha256": DIGEST}, b"other", None),
        ({"passed": True, "model_sha256": DIGEST}, None, None),
        ({"passed": True}, MODEL, None),
        ({"passed": False, "model_sha256": "x"}, None, False),
        ({"passed": False}, None, False),
    ],
)
def test_a_verdict_is_of_the_model_in_the_folder(
    tmp_path: Path, told: dict[str, Any], model: bytes | None, passed: bool | None
) -> None:
    """A model that passed stands there by its digest; one that failed has no final name."""
    assert folder_with(tmp_path, model, verification=told).passed is passed


@pytest.mark.parametrize(
    ("benchmark", "model", "failed", "counts"),
    [
        ({"model_sha256": DIGEST}, MODEL, None, True),
        ({"model_sha256": "x"}, MODEL, None, False),
        ({"model_sha256": "x"}, None, "x", True),
        ({"name": "m"}, MODEL, None, False),
        ({"name": "m"}, None, None, False),
        ({"model_sha256": ""}, None, None, False),
    ],
)
def test_a_benchmark_is_of_the_same_model(
    tmp_path: Path,
    benchmark: dict[str, Any],
    model: bytes | None,
    failed: str | None,
    counts: bool,
) -> None:
    """Of the one in the folder, or of the one that failed; one without a digest is of no model."""
    verification = {"passed": False, "model_sha256": failed} if failed else {"passed": False}
    found = folder_with(tmp_path, model, benchmark=benchmark, verification=verification)
    assert bool(found.benchmark) == counts


def figures(**verification: Any) -> Results:
    """The results of a verification."""
    return Results(Path("m"), "m", verification)


def test_the_limit_is_of_the_check_with_the_largest_error() -> None:
    """Checks on extreme input, and those without an error or a limit, do not count."""
    found = figures(
        checks=[
            {"max_abs_error": 0.5, "limit": 1.0},
            {"max_abs_error": "inf", "limit": 2.0},
            {"max_abs_error": "inf", "limit": 3.0, "rounding": 1.0},
            {"max_abs_error": 9.0},
            {"name": "gate max_bytes"},
        ]
    )
    assert found.limit == 2.0


def test_the_least_ratio_of_signal_to_noise() -> None:
    """Ratios that are null are left out."""
    found = figures(checks=[{"snr_db": 30}, {"snr_db": None}, {"snr_db": -3.5}, {}])
    assert found.snr_db == -3.5
    assert figures(checks=[{"snr_db": None}]).snr_db is None


def test_the_lowest_accuracy_of_each_output() -> None:
    """And of all of them, with its source's."""
    found = figures(
        accuracy=[
            {"output": "a", "litert": 0.9, "source": 0.95},
            {"output": "a", "litert": 0.8, "source": 0.96},
            {"output": "b", "litert": 1, "source": 1.0},
        ]
    )
    assert found.accuracy == (0.8, 0.96)
    assert found.accuracies == {"a": 0.8, "b": 1.0}


def test_how_it_was_checked_for_each_target() -> None:
    """A target that refuses the model is a no, however it was checked."""
    found = figures(
        targets={"litert": {"held": "run", "takes": True}, "tflm": {"held": "run", "takes": False}}
    )
    assert found.held == {"litert": "run", "tflm": "no"}


def test_times_are_comparable_on_one_machine_and_input() -> None:
    """The number of rounds makes no difference; the data does."""
    told: dict[str, Any] = {"machine": {"processor": "p"}, "settings": {"data": "d", "rounds": 3}}

    def machine(**settings: Any) -> str:
        changed = told | {"settings": told["settings"] | settings}
        return Results(Path("m"), "m", benchmark=changed).machine

    assert machine() == machine(rounds=50) != machine(data="e")
    assert Results(Path("m"), "m", benchmark=told | {"settings": None}).machine


def test_the_median_of_the_model_itself() -> None:
    """A benchmark in which it did not run has no time."""
    models = {"model.tflite": {"ms": {"median": 2}}, "stock": {"reason": "crash"}}
    assert Results(Path("m"), "m", benchmark={"models": models}).milliseconds == 2.0
    assert Results(Path("m"), "m", benchmark={"models": {"stock": {}}}).milliseconds is None


def test_bundles_are_sorted_by_name(tmp_path: Path) -> None:
    """Other files beside them are none."""
    (tmp_path / "dist").mkdir()
    for name in ("m-2.zip", "m-1.zip", "m-1.zip.sig"):
        (tmp_path / "dist" / name).touch()
    assert Results.of(tmp_path).releases == ("m-1.zip", "m-2.zip")


@pytest.mark.parametrize(
    ("path", "folder", "expected"),
    [
        ("build/m/report.html", "build", "m/report.html"),
        ("build/m/a b#1.zip", "build/m", "a%20b%231.zip"),
        ("other/m/x", "build/n", "../../other/m/x"),
    ],
)
def test_a_link_is_relative_and_quoted(path: str, folder: str, expected: str) -> None:
    """So that the folder can be moved, and any name opened."""
    assert link(Path(path), Path(folder)) == expected
