"""The releases of one config beside each other."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from rnnlite_pipeline.fleet.compare import Row, write_comparisons
from rnnlite_pipeline.tasks.plan import Plan, plans_of
from tests.fake.project import Project


@pytest.fixture
def plans(project: Project) -> list[Plan]:
    """Three releases; the last one has no model yet."""
    project.write_config("variants: {a: {quantization: {scheme: float16}}, b: {}}\n")
    made = plans_of(project.config, project.build)
    for plan, content in zip(made[:2], (b"model", b"smaller"), strict=True):
        plan.out.mkdir(parents=True)
        (plan.out / "model.tflite").write_bytes(content)
        _write(plan, "verification.json", content, passed=True, max_abs_error=1e-7, accuracy=[])
    return made


def _write(plan: Plan, name: str, model: bytes, **told: object) -> Path:
    path = plan.out / name
    path.write_text(json.dumps(told | {"model_sha256": hashlib.sha256(model).hexdigest()}))
    return path


def test_each_release_has_its_figures(plans: list[Plan]) -> None:
    """Size, error, the lowest accuracy and the time stand in the row of their release."""
    accuracy = [{"output": "y", "litert": rate} for rate in (0.9, 0.8)]
    _write(plans[1], "verification.json", b"smaller", passed=True, accuracy=accuracy)
    models = {"model.tflite": {"ms": {"median": 0.25}}}
    _write(plans[1], "benchmark.json", b"smaller", models=models)
    (page,) = write_comparisons(plans)
    told = json.loads(page.with_name("variants.json").read_text())["releases"]
    assert [each["name"] for each in told] == ["fake", "fake-a", "fake-b"]
    assert [each.get("bytes") for each in told] == [5, 7, None]
    assert told[1]["accuracy"] == {"y": 0.8}
    assert told[1]["median_ms"] == 0.25
    assert told[1]["scheme"] == "float16"
    assert [each["passed"] for each in told] == [True, True, None]
    text = page.read_text()
    assert "fake-a" in text
    assert "not verified" in text


def test_the_page_has_figures_as_a_report_has_them(plans: list[Plan]) -> None:
    """Sizes and times beside the first release's, rates in percent; no times, no column."""
    accuracy = [{"output": "y", "litert": 0.9}]
    told = {"passed": True, "max_abs_error": 0.02, "accuracy": accuracy}
    _write(plans[1], "verification.json", b"smaller", **told)
    (page,) = write_comparisons(plans)
    text = page.read_text()
    for said in ("7 B", "140% of the first", "2.0e-02", "90.00%", "not verified", "✓"):
        assert said in text, said
    assert ">time<" not in text
    for plan, content, median in zip(plans[:2], (b"model", b"smaller"), (0.5, 0.25), strict=True):
        models = {"model.tflite": {"ms": {"median": median}}}
        _write(plan, "benchmark.json", content, models=models)
    (page,) = write_comparisons(plans)
    for said in (">time<", "50% of the first"):
        assert said in page.read_text(), said


def test_figures_of_another_model_are_not_shown(plans: list[Plan]) -> None:
    """What was measured on a model that is gone is not told of the one that is there."""
    (plans[0].out / "model.tflite").write_bytes(b"another")
    assert Row.of(plans[0]).passed is None
    assert Row.of(plans[0]).max_abs_error is None


def test_a_model_that_was_measured_and_not_verified_has_its_time(plans: list[Plan]) -> None:
    """The time is that of the model that is there, verified or not."""
    (plans[0].out / "verification.json").unlink()
    _write(plans[0], "benchmark.json", b"model", models={"model.tflite": {"ms": {"median": 0.5}}})
    assert (Row.of(plans[0]).passed, Row.of(plans[0]).median_ms) == (None, 0.5)


def test_a_model_that_failed_says_so(plans: list[Plan]) -> None:
    """It has no figures; it did not pass."""
    (plans[0].out / "model.tflite").rename(plans[0].out / "model.failed.tflite")
    assert Row.of(plans[0]).passed is False


def test_one_release_is_compared_with_nothing(plans: list[Plan]) -> None:
    """A variant alone has no page, nor has a config without variants."""
    assert write_comparisons(plans[:1]) == []
    assert write_comparisons(plans[1:]) == []
