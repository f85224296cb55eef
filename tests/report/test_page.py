"""The report: what it holds, and that it is whole in itself."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rnnlite_pipeline.cells.gate import Gate
from rnnlite_pipeline.cells.lstm import Lstm
from rnnlite_pipeline.cells.recurrence import Recurrence
from rnnlite_pipeline.config import Config
from rnnlite_pipeline.graph.build import make_op
from rnnlite_pipeline.graph.ir import Model, Signature, Subgraph, Tensor
from rnnlite_pipeline.graph.write import write_model
from rnnlite_pipeline.latency import rows
from rnnlite_pipeline.lower.layer_record import leave_layers, read_layers
from rnnlite_pipeline.lower.layers import Layer
from rnnlite_pipeline.report.evidence import About, Check, Evidence, Facts
from rnnlite_pipeline.report.page import render
from rnnlite_pipeline.report.slots import filled
from rnnlite_pipeline.report.stage import report


def tensor(name: str) -> Tensor:
    """A real value of open batch and length."""
    return Tensor(name, "FLOAT32", (-1, -1, 3))


def chained(codes: list[str], name: str = "image") -> Model:
    """Ops one after the other."""
    values = [tensor(name), *(tensor(f"t{i}") for i in range(len(codes)))]
    options = {"UNIDIRECTIONAL_SEQUENCE_LSTM": {"time_major": False}}
    ops = [
        make_op(c, [values[i]], [values[i + 1]], **options.get(c, {})) for i, c in enumerate(codes)
    ]
    main = Subgraph("main", values[:1], values[-1:], ops)
    signature = Signature("serving_default", main, {name: values[0]}, {"y": values[-1]})
    return Model([main], [signature])


def evidence() -> Evidence:
    """Of a model that passed, but for one check of three."""
    rng = np.random.default_rng(0)
    source = rng.standard_normal((20, 7, 3)).astype(np.float32)
    found = Evidence(Facts("m", model_sha256="ab" * 32, tolerance=1e-5))
    found.facts.versions, found.facts.bytes = {"numpy": "2"}, {"source": 5, "model": 20_000}
    found.facts.ops = {"source": {"WHILE": 1}, "model": {"UNIDIRECTIONAL_SEQUENCE_LSTM": 1}}
    found.profiles["y"] = (source, source + np.float32(1e-6))
    for data in ("data", "zeros", "ones"):
        run: dict[str, Any] = {"data": data, "kernels": "default", "output": "y"}
        figures: dict[str, Any] = {"call": 1, "max_abs_error": 1e-6, "limit": 1e-5}
        found.checks.append(Check("equals the source", True, **run, **figures))
        found.checks.append(Check("the second call equals the first", True, **run))
    found.checks.append(Check("gate max_bytes", False, "<20,000> bytes, at most 10 pass"))
    return found


def about(tmp_path: Path) -> About:
    """A model of one LSTM, with hostile text wherever text can be."""
    weights = np.ones((2, 3)), np.ones((2, 2)), np.array([1.0, 0.0])
    gate = Gate(*weights)
    recurrence = Recurrence("rows", Lstm(gate, gate, gate, gate))
    layers = [
        Layer("rows", recurrence, "UNIDIRECTIONAL_SEQUENCE_LSTM"),
        Layer("<b>", None, "WHILE", "its <i>state</i> is odd"),
    ]
    leave_layers(tmp_path, layers)
    config = Config.model_validate(
        {
            "name": "m",
            "source": {"format": "keras", "path": "m.keras"},
            "metadata": {"description": "tells <script>alert(1)</script> apart"},
        }
    )
    source = chained(["TRANSPOSE", "WHILE", "RESHAPE", "SOFTMAX"])
    model = chained(["UNIDIRECTIONAL_SEQUENCE_LSTM", "SOFTMAX"])
    return About(config, source, model, read_layers(tmp_path), {"the source": "cd" * 32})


@pytest.fixture
def page(tmp_path: Path) -> str:
    """The report of `evidence` and `about`."""
    return render(evidence(), about(tmp_path))


def test_it_tells_all_of_the_model(page: str) -> None:
    """Interface, both graphs, equations, lowering, agreement, sizes and digests are there."""
    for said in (
        "Not verified",
        "a .keras archive of Keras 3, m.keras",
        "? × ? × 3",
        "a loop of 0 ops",
        "i = σ(W<sub>i</sub> x + R<sub>i</sub> h + b<sub>i</sub>)",
        "rows (forward)",
        "LSTM · 3 features · states of 2 · became UNIDIRECTIONAL_SEQUENCE_LSTM",
        "over the source&#39;s, 420 of them",
        "20.0 kB",
        "cd" * 32,
    ):
        assert said in page, said


def test_it_stands_alone(page: str) -> None:
    """No script, no address, nothing that is loaded; text of the model stays text."""
    for never in ("<script", "http:", "https:", "src=", "<link", "url(", "@import", "<i>", "<b>:"):
        assert never not in page, never
    assert "tells &lt;script&gt;alert(1)" in page


def test_it_is_the_same_every_time(tmp_path: Path) -> None:
    """Two renderings of one verification are equal to the byte."""
    assert render(evidence(), about(tmp_path)) == render(evidence(), about(tmp_path))


def test_checks_that_say_the_same_share_a_row(page: str) -> None:
    """Three passed checks of one name are one row; a failed one stands with its words."""
    assert page.count("the second call equals the first") == 1
    assert "data, zeros, ones" in page
    assert "&lt;20,000&gt; bytes, at most 10 pass" in page


def test_without_a_model_it_still_says_what_failed() -> None:
    """A verification that broke off before the model was read has a page as well."""
    assert "no such file" in render(Evidence(Facts("m"), broken_off="no such file"))


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


def test_a_model_cannot_write_a_place_of_the_page() -> None:
    """Text that looks like the place of the times is escaped, so it is never filled."""
    hostile = "<!--work-->"
    text = render(Evidence(Facts(hostile), broken_off=hostile))
    assert hostile not in text
    assert filled(text, "work", "times") == text


def test_the_contents_name_every_section(page: str) -> None:
    """Each section has an anchor, and the table of contents leads to each, in their order."""
    sections = re.findall(r'<section id="([^"]+)"', page)
    assert len(sections) >= 8
    assert re.findall(r'<li><a href="#([^"]+)"', page) == sections
