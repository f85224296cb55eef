"""The lines that a run prints about a stage's results."""

from __future__ import annotations

import json
from typing import Any

import pytest

from rnnlite_pipeline.tasks import summary
from rnnlite_pipeline.tasks.plan import Plan, load_plan
from tests.fake.project import Project


@pytest.fixture
def plan(project: Project, monkeypatch: pytest.MonkeyPatch) -> Plan:
    """A release, version 1.2.0, whose files the test writes."""
    monkeypatch.chdir(project.folder)
    project.write_config("version: 1.2.0\n")
    plan = load_plan(project.config, project.build)
    (plan.out / "dist").mkdir(parents=True)
    return plan


def _measured(plan: Plan, **told: Any) -> list[str]:
    whole = {"max_abs_error": 1.234e-7, "accuracy": []} | told
    (plan.out / "verification.json").write_text(json.dumps(whole))
    return summary.measured(plan).splitlines()


def test_the_largest_difference(plan: Plan) -> None:
    """Without a check that has a scale there is no part of it, and a scale of 0 is none."""
    assert _measured(plan) == ["  largest difference from the source: 1.2e-07"]
    checks = [{"max_abs_error": 0.5, "scale": 0.0}, {"max_abs_error": 0.5}, {"scale": 2.0}]
    assert _measured(plan, checks=checks) == ["  largest difference from the source: 1.2e-07"]


def test_the_difference_as_a_part_of_the_scale(plan: Plan) -> None:
    """The largest part of all checks; a check of a rounding of the input is none."""
    checks = [
        {"max_abs_error": 0.5, "scale": 10.0},
        {"max_abs_error": 0.1, "scale": 1.0},
        {"max_abs_error": 9.0, "scale": 1.0, "rounding": 9.0},
    ]
    (line,) = _measured(plan, max_abs_error=0.5, checks=checks)
    assert line == "  largest difference from the source: 0.5 (0.1 of the output's scale)"


def test_the_lowest_accuracy_of_each_output(plan: Plan) -> None:
    """Of all kernels and runtimes, with what the source has."""
    rows = [("y", 10, 0.95, 0.96), ("z", 20, 0.5, 0.5), ("y", 10, 0.9, 0.96)]
    keys = ("output", "samples", "litert", "source")
    accuracy = [dict(zip(keys, row, strict=True)) for row in rows]
    assert _measured(plan, accuracy=accuracy)[1:] == [
        "  accuracy of y on 10 samples: 0.9000, the source's 0.9600",
        "  accuracy of z on 20 samples: 0.5000, the source's 0.5000",
    ]


def test_where_results_are(plan: Plan) -> None:
    """Each file as the user would name it, with its size."""
    _measured(plan)
    (plan.out / "model.tflite").write_bytes(bytes(12_345))
    (plan.out / "report.html").write_bytes(b"x")
    (plan.out / "dist" / "fake-1.2.0.zip").write_bytes(b"")
    assert summary.conversion(plan) == "build/fake/model.tflite (12,345 bytes)\n"
    assert summary.verification(plan).startswith("build/fake/report.html (1 bytes)\n  largest")
    assert summary.packaging(plan).startswith("build/fake/dist/fake-1.2.0.zip (0 bytes)\n  larg")


def test_tables_have_the_name_of_their_model(plan: Plan) -> None:
    """A table is printed as its stage wrote it."""
    for name in ("inspect", "benchmark"):
        (plan.out / f"{name}.txt").write_text("ä table\n", encoding="utf-8")
    assert summary.inspection(plan) == summary.benchmark(plan) == "\nfake\nä table\n"


def test_a_file_elsewhere_has_its_whole_path(plan: Plan, monkeypatch: pytest.MonkeyPatch) -> None:
    """From a folder that is not above it."""
    path = plan.out / "model.tflite"
    path.write_bytes(b"")
    monkeypatch.chdir(plan.out)
    assert summary.conversion(plan) == "model.tflite (0 bytes)\n"
    monkeypatch.chdir(plan.out / "dist")
    assert summary.conversion(plan) == f"{path} (0 bytes)\n"
