"""The page of a verification: what it holds, and that it is whole in itself."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from rnnlite_pipeline.report.evidence import About, Accuracy, Check, Evidence, Facts
from rnnlite_pipeline.report.page import render
from rnnlite_pipeline.report.search import TRIED
from rnnlite_pipeline.report.slots import filled, slot
from tests.report.samples import about, evidence, text


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


def passed(**facts: object) -> Evidence:
    """A verification that passed."""
    found = Evidence(Facts("m", **facts))  # type: ignore[arg-type]  # fields by name
    found.checks.append(Check("c", True, data="d", call=1, max_abs_error=1e-6, limit=1e-5))
    return found


def head(found: Evidence, told: About | None = None) -> str:
    """The text of the head of the page."""
    return text(render(found, told).partition("<header>")[2].partition("</header>")[0])


def test_the_head_has_the_verdict_and_the_largest_error() -> None:
    """With its part of the limit, and how many checks passed."""
    said = head(passed())
    assert said.startswith(" Verified m ")
    assert "checks passed 1 of 1 100%" in said
    assert "largest error 1.0e-06 10% of the limit, 1.0e-05" in said


def test_ops_that_nothing_ran_are_part_of_the_verdict() -> None:
    """A model with an op that was replaced is not called verified without a word."""
    ops = {"CUSTOM:odd": "no kernel <here>"}
    said = head(passed(unverified_ops=ops, ops_on_tensorflow=["FlexErf"]))
    assert "Verified, except CUSTOM:odd" in said
    assert "CUSTOM:odd is not verified (no kernel &lt;here&gt;)" in said
    assert "TensorFlow ran FlexErf" in said
    assert 'class="verdict bad"' in render(passed(unverified_ops=ops))
    assert 'class="verdict good"' in render(passed())


def test_what_was_not_found_has_no_tile() -> None:
    """Without a comparison there is neither an error nor a size."""
    found = Evidence(Facts("m"), [Check("a", True)])
    said = head(found)
    assert "Not verified" in said
    for title in ("largest error", "accuracy", "size"):
        assert title not in said


def test_extreme_input_does_not_give_the_largest_error() -> None:
    """An error that one rounding of the input explains is judged apart."""
    found = passed()
    found.checks.append(Check("c", True, call=1, max_abs_error=5.0, limit=9.0, rounding=9.0))
    assert "largest error 1.0e-06" in head(found)


def test_the_lowest_accuracy_is_shown_beside_its_source() -> None:
    """Of several outputs the worst one counts."""
    found = passed()
    found.accuracy += [
        Accuracy("a", "default", 10, 0.9, 0.9),
        Accuracy("b", "default", 10, 0.8, 0.75),
    ]
    assert "accuracy 75.00% source 80.00%, -5.00 points" in head(found)


@pytest.mark.parametrize(
    ("quantization", "said"),
    [
        ({}, "size 500 B 25% of the imported graph"),
        (
            {"scheme": "int8", "ops": [], "bytes": {"float": 1000, "quantized": 500}},
            "size 500 B 50% of the float model",
        ),
    ],
)
def test_the_size_is_compared_with_the_model_in_float(
    quantization: dict[str, object], said: str
) -> None:
    """A quantized model with the same in float, another one with the graph as imported."""
    sizes = {"source": 2000, "model": 500}
    assert said in head(passed(bytes=sizes, quantization=quantization))


def test_version_pipeline_and_digest_are_in_the_head(tmp_path: Path) -> None:
    """The version is the config's."""
    said = head(passed(pipeline="release", model_sha256="ab"), about(tmp_path))
    assert "m 0.0.0" in said
    assert "pipeline release · sha256 ab" in said


def test_a_search_has_its_place_on_the_page(tmp_path: Path) -> None:
    """The stage report fills it; other pages have no such place."""
    told = about(tmp_path)
    empty = slot(TRIED)
    assert empty not in render(passed(), told)
    values = {"scheme": "auto", "max_accuracy_drop": 0.01}
    config = told.config.model_validate(
        {
            "name": "m",
            "source": {"format": "keras", "path": "m.keras"},
            "quantization": values,
            "verification": {"data": {"path": "t.npz"}},
        }
    )
    asked = About(config, told.source, told.model)
    assert empty in render(passed(), asked)


def test_an_output_of_integers_has_no_agreement() -> None:
    """Its classes are compared as checks."""
    found = passed()
    found.profiles["y"] = (np.zeros(2, np.int32), np.zeros(2, np.int32))
    assert "Agreement" not in render(found)
