"""The stage report: verify's page with what was measured of this very model."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from rnnlite_pipeline.graph.ir import Model
from rnnlite_pipeline.graph.write import write_model
from rnnlite_pipeline.latency import rows
from rnnlite_pipeline.report.evidence import About
from rnnlite_pipeline.report.page import render
from rnnlite_pipeline.report.slots import filled
from rnnlite_pipeline.report.stage import report, with_times
from tests.report.samples import about, evidence


@pytest.fixture
def page(tmp_path: Path) -> str:
    """Verify's page of a model."""
    return render(evidence(), about(tmp_path))


def benchmarked(model: Model, digest: str) -> dict[str, Any]:
    """A benchmark.json of a model: its first op takes most."""
    parts = [
        {**row, "ms": ms, "share": ms / 0.75}
        for row, ms in zip(rows(model), (0.5, 0.25), strict=True)
    ]
    figures = {"reason": "", "how": "as <asked>", "bytes": 1234}
    return {
        "model_sha256": digest,
        "machine": {"processor": "<b>CPU", "architecture": "a", "processors": 2, "system": "S"},
        "settings": {"data": "random data", "inputs": {"image": [1, 7, 3]}},
        "models": {
            "lowering: loop": {**figures, "ms": {"median": 2.0, "best": 1.5}, "ratio": 2.5},
            "model.tflite": {**figures, "ms": {"median": 0.8, "best": 0.7}, "ratio": 1.0},
            "stock": {"reason": "it crashed", "how": ""},
        },
        "ops": {"parts": parts, "sum_ms": 0.75, "whole_ms": 0.79},
    }


def reported(told: About, page: str, out: Path, benchmark: str) -> str:
    """The report beside a model, after a benchmark.json was written there; "" for none."""
    (out / ".work").mkdir(parents=True, exist_ok=True)
    (out / ".work" / "report.html").write_text(page, encoding="utf-8")
    (out / "model.tflite").write_bytes(write_model(told.model))
    if benchmark:
        (out / "benchmark.json").write_text(benchmark, encoding="utf-8")
    report(told.config, out)
    return (out / "report.html").read_text(encoding="utf-8")


def test_times_are_in_it_once_they_were_measured(page: str, tmp_path: Path) -> None:
    """Verify's page has no time; the report has those of this very model, and of no other."""
    out, told = tmp_path / "out", about(tmp_path)
    assert reported(told, page, out, "") == page
    assert "Latency" not in page
    assert "times differ between machines" in page
    for other in ("{", json.dumps(benchmarked(told.model, "0" * 64))):
        shown = reported(told, page, out, other)
        assert "belongs to another model" in shown
        assert "µs" not in shown
        assert "Latency" not in shown
    digest = hashlib.sha256(write_model(told.model)).hexdigest()
    shown = reported(told, page, out, json.dumps(benchmarked(told.model, digest)))
    assert "Measured on &lt;b&gt;CPU (2 processors, S a)" in shown
    assert "image 1 × 7 × 3" in shown
    assert shown.index(">model.tflite<") < shown.index("it crashed") < shown.index("2.50 ×")
    assert shown.index("500.0 µs") < shown.index("66.7%") < shown.index("250.0 µs")
    assert "Together the ops take 750.0 µs" in shown
    assert "the whole model, without copying its inputs, takes 790.0 µs." in shown


def test_only_the_section_of_times_and_its_entry_are_another(page: str, tmp_path: Path) -> None:
    """Without both, the report beside the model is verify's page to the byte."""
    told = about(tmp_path)
    digest = hashlib.sha256(write_model(told.model)).hexdigest()
    benchmark = json.dumps(benchmarked(told.model, digest))
    shown = reported(told, page, tmp_path / "out", benchmark)
    for name in ("work", "contents-work"):
        shown, before = (filled(each, name, "") for each in (shown, page))
        page = before
    assert shown == page


def test_without_a_model_the_page_stays(tmp_path: Path) -> None:
    """Times of a model that is gone are not shown."""
    (tmp_path / "benchmark.json").write_text("{}", encoding="utf-8")
    page = filled("<!--work-->counted<!--/work-->", "work", "counted")
    assert with_times(page, tmp_path) == page


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"candidates": []}'])
def test_a_search_that_tried_nothing_leaves_its_place_empty(tmp_path: Path, content: str) -> None:
    """A damaged search.json, and the one that a lock makes, add no section."""
    page = "<!--tried--><!--/tried-->"
    assert with_times(page, tmp_path) == page
    (tmp_path / "search.json").write_text(content, encoding="utf-8")
    assert with_times(page, tmp_path) == page


def test_what_a_search_tried_is_shown_with_its_entry(tmp_path: Path) -> None:
    """The section takes its place, and the table of contents names it."""
    tried = {
        "scheme": "int8",
        "skip": [],
        "bytes": 1234,
        "error": 0.01,
        "accuracy": 0.9,
        "drop": 0.0,
        "ms": 0.5,
        "pareto": True,
    }
    told = {"samples": 10, "candidates": [tried], "chosen": {"scheme": "int8", "skip": []}}
    (tmp_path / "search.json").write_text(json.dumps(told), encoding="utf-8")
    slots = "<!--contents-tried--><!--/contents-tried--><!--tried--><!--/tried-->"
    shown = with_times(slots, tmp_path)
    assert '<a href="#search">' in shown.partition("<!--tried-->")[0]
    assert "taken, not beaten" in shown.partition("<!--tried-->")[2]
