"""The index of all models: a row for each, and the forms of one source beside each other."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from pathlib import Path
from typing import Any

from rnnlite_pipeline.config import Config
from rnnlite_pipeline.report.index import write_index

_MACHINE = {"processor": "CPU", "architecture": "a", "processors": 2, "system": "S"}


def config(name: str, scheme: str = "none") -> Config:
    """A config of version 1.0.0."""
    return Config.model_validate(
        {
            "name": name,
            "version": "1.0.0",
            "source": {"format": "keras", "path": "m.keras"},
            "quantization": {"scheme": scheme}
            | ({"calibration": {"path": "c.npz"}} if scheme == "int8" else {}),
        }
    )


def leave(
    folder: Path, size: int, ms: float | None, *, scheme: str = "none", passed: bool = True
) -> None:
    """What the stages leave of a model."""
    (folder / ".work").mkdir(parents=True)
    (folder / "dist").mkdir()
    (folder / "dist" / f"{folder.name}-1.0.0.zip").write_bytes(b"zip")
    (folder / ".work" / "source.tflite").write_bytes(b"the same source")
    (folder / "report.html").write_text("<p>", encoding="utf-8")
    model = folder / ("model.tflite" if passed else "model.failed.tflite")
    model.write_bytes(folder.name.encode())
    digest = hashlib.sha256(folder.name.encode()).hexdigest()
    check: dict[str, Any] = {"name": "equals the source", "passed": passed, "output": "y"}
    told: dict[str, Any] = {
        "passed": passed,
        "pipeline": "release",
        "model_sha256": digest,
        "bytes": {"source": 1, "model": size},
        "max_abs_error": 0.02,
        "accuracy": [{"output": "y", "kernels": "default", "litert": 0.75, "source": 0.8}],
        "checks": [
            check | {"max_abs_error": 0.02, "limit": 0.1 if passed else 0.001, "snr_db": 31.4},
            {"name": "gate max_bytes", "passed": True},
        ],
    }
    if scheme != "none":
        told["quantization"] = {"scheme": scheme, "bytes": {"float": 20_000, "quantized": size}}
    (folder / "verification.json").write_text(json.dumps(told), encoding="utf-8")
    if ms is not None:
        times = {"ms": {"median": ms}, "ratio": 1.0}
        benchmark = {
            "model_sha256": digest,
            "machine": _MACHINE,
            "settings": {"data": "random", "rounds": 3},
            "models": {"model.tflite": times, "stock": {"reason": "it crashed"}},
        }
        (folder / "benchmark.json").write_text(json.dumps(benchmark), encoding="utf-8")


def page_of_three(folder: Path) -> str:
    """A float model, its int8 form, which failed, and one without results."""
    build = folder / "build"
    leave(build / "b-int8", 9_000, 2.0, scheme="int8", passed=False)
    leave(build / "a", 20_000, 1.0)
    models = [config("b-int8", "int8"), config("a"), config("gone")]
    path = write_index([(each, build / each.name) for each in models], build)
    return path.read_text(encoding="utf-8")


def rows(page: str) -> dict[str, str]:
    """The text of each row of the first table, by the model's name."""
    body = page.partition("<tbody>")[2].partition("</tbody>")[0]
    texts = [re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", row)) for row in body.split("<tr>")[1:]]
    return {text.split()[1 if text.split()[0] in "✓✗" else 0]: text for text in texts}


def test_a_row_for_each_model(tmp_path: Path) -> None:
    """Verdict, gates, error, accuracy, size, time: each absolute figure with a relative one."""
    found = rows(page_of_three(tmp_path))
    assert list(found) == ["b-int8", "a", "gone"]
    for said in ("✓", "1.0.0", "2 of 2", "100%", "release", "1 of 1 gate", "2.0e-02"):
        assert said in found["a"], said
    for said in (
        "20% of the limit, 31 dB signal to noise",
        "75.00%",
        "-5.00 points",
        "20.0 kB",
        "1.00 ms",
    ):
        assert said in found["a"], said
    for said in ("✗", "int8", "1 of 2", "9,000 B", "45% of a", "2.00 ms", "2.00 × a"):
        assert said in found["b-int8"], said
    assert found["gone"].split() == ["✗", "gone", "1.0.0", "none"]


def test_what_was_not_measured_has_no_column(tmp_path: Path) -> None:
    """Without a benchmark there are no columns of times; a size has its part of that in float."""
    build = tmp_path / "build"
    leave(build / "a", 9_000, None, scheme="int8")
    page = write_index([(config("a", "int8"), build / "a")], build).read_text(encoding="utf-8")
    assert "stock conversion" not in page.partition("<tbody>")[0]
    assert "45% of the size in float" in rows(page)["a"]


def test_where_no_release_was_made_there_is_no_column(tmp_path: Path) -> None:
    """Other columns stay."""
    build = tmp_path / "build"
    leave(build / "a", 9_000, None)
    for made in (True, False):
        page = write_index([(config("a"), build / "a")], build).read_text(encoding="utf-8")
        head = page.partition("<tbody>")[0].partition("<thead>")[2]
        assert ("release" in head) == made
        assert "size" in head
        shutil.rmtree(build / "a" / "dist", ignore_errors=True)


def test_a_release_is_linked_where_it_was_verified(tmp_path: Path) -> None:
    """The bundle of a model that failed since is no release."""
    page = page_of_three(tmp_path)
    assert 'href="a/dist/a-1.0.0.zip"' in page
    assert 'href="a/report.html"' in page
    assert 'href="b-int8/report.html"' in page
    assert "b-int8-1.0.0.zip" not in page


def test_what_failed_is_told_first(tmp_path: Path) -> None:
    """In words, with the figures, before the table."""
    page = page_of_three(tmp_path)
    said = page.index("equals the source, output “y”: error 2.0e-02, at most 1.0e-03 passes")
    assert said < page.index("<table")
    assert "3 models, 1 verified, 1 failed, 1 without results" in page


def test_forms_of_one_source_stand_beside_each_other(tmp_path: Path) -> None:
    """Float first; a model of another source is not among them."""
    page = page_of_three(tmp_path)
    section = page.partition("a, float and quantized</h2>")[2]
    assert section.index(">a<") < section.index(">b-int8<")
    assert page.count("float and quantized</h2>") == 1
    build = tmp_path / "build"
    (build / "a" / ".work" / "source.tflite").write_bytes(b"another")
    models = [config("b-int8", "int8"), config("a")]
    path = write_index([(each, build / each.name) for each in models], build)
    text = path.read_text(encoding="utf-8")
    assert "float and quantized</h2>" not in text
    assert "of a<" not in text


def test_times_of_two_machines_are_not_compared(tmp_path: Path) -> None:
    """A ratio of times is told only where machine and input are the same."""
    page_of_three(tmp_path)
    file = tmp_path / "build" / "b-int8" / "benchmark.json"
    told = json.loads(file.read_text())
    told["machine"] = _MACHINE | {"processor": "other"}
    file.write_text(json.dumps(told))
    models = [config("b-int8", "int8"), config("a")]
    build = tmp_path / "build"
    page = write_index([(each, build / each.name) for each in models], build).read_text()
    assert "2.00 × a" not in page
    assert "2.00 ms" in page
    assert "on CPU (2 processors, S a)" in page
    assert "on other (2 processors, S a)" in page


def test_a_time_of_another_model_is_not_shown(tmp_path: Path) -> None:
    """A benchmark.json that was left from a model before does not count."""
    page_of_three(tmp_path)
    file = tmp_path / "build" / "a" / "benchmark.json"
    file.write_text(file.read_text().replace('"model_sha256": "', '"model_sha256": "0'))
    build = tmp_path / "build"
    page = write_index([(config("a"), build / "a")], build).read_text()
    assert "1.00 ms" not in page


def test_a_verdict_on_another_model_does_not_count(tmp_path: Path) -> None:
    """Once the model is gone or another one, it is a model without results."""
    page_of_three(tmp_path)
    build = tmp_path / "build"
    model = build / "a" / "model.tflite"
    for content in (b"another", None):
        model.unlink()
        if content is not None:
            model.write_bytes(content)
        page = write_index([(config("a"), build / "a")], build).read_text()
        assert "1 without results" in page
        assert "✓" not in page
        assert "a-1.0.0.zip" not in page


def test_the_page_stands_alone(tmp_path: Path) -> None:
    """Nothing is loaded from elsewhere; its one script is part of it."""
    page = page_of_three(tmp_path)
    for never in ("http:", "https:", "src=", "<link", "url(", "@import"):
        assert never not in page, never
    assert page.count("<script>") == 1
