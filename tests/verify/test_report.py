"""The report: what it holds, that it is whole in itself, and what a browser makes of it."""

from __future__ import annotations

import hashlib
import json
import shutil
import struct
import subprocess
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rnnlite_pipeline.cells.recurrence import Gate, Lstm, Recurrence
from rnnlite_pipeline.config import Config
from rnnlite_pipeline.graph.build import make_op
from rnnlite_pipeline.graph.ir import Model, Op, Signature, Subgraph, Tensor
from rnnlite_pipeline.graph.write import write_model
from rnnlite_pipeline.latency import rows
from rnnlite_pipeline.lower.layer_record import leave_layers, read_layers
from rnnlite_pipeline.lower.layers import Layer
from rnnlite_pipeline.report import About, render, report, svg
from rnnlite_pipeline.report.graph import draw
from rnnlite_pipeline.verify.evidence import Check, Evidence

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome") or ""
FLAGS = [
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--hide-scrollbars", "--disable-background-networking", "--disable-component-update"),
    "--disable-sync",
]


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


def branched(width: int) -> Model:
    """As many branches of one op each, joined at the end."""
    x, y, middle = tensor("x"), tensor("y"), [tensor(f"m{i}") for i in range(width)]
    ops = [Op("TANH", [x], [m]) for m in middle] + [Op("ADD_N", [*middle], [y])]
    main = Subgraph("main", [x], [y], ops)
    return Model([main], [Signature("serving_default", main, {"x": x}, {"y": y})])


def evidence() -> Evidence:
    """Of a model that passed, but for one check of three."""
    rng = np.random.default_rng(0)
    source = rng.standard_normal((20, 7, 3)).astype(np.float32)
    found = Evidence({"name": "m", "tolerance": 1e-5, "model_sha256": "ab" * 32})
    found.facts |= {"versions": {"numpy": "2"}, "bytes": {"source": 5, "model": 20_000}}
    found.facts["ops"] = {"source": {"WHILE": 1}, "model": {"UNIDIRECTIONAL_SEQUENCE_LSTM": 1}}
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
        "became UNIDIRECTIONAL_SEQUENCE_LSTM",
        "over the source's, 420 of them",
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
    assert "no such file" in render(Evidence({"name": "m"}, broken_off="no such file"))


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


def test_times_are_in_it_once_they_were_measured(page: str, tmp_path: Path) -> None:
    """Verify's page has no time; the report has those of this very model, and of no other."""
    out, told = tmp_path / "out", about(tmp_path)
    (out / ".work").mkdir(parents=True)
    (out / ".work" / "report.html").write_text(page, encoding="utf-8")
    content = write_model(told.model)
    (out / "model.tflite").write_bytes(content)

    def reported() -> str:
        report(told.config, out)
        return (out / "report.html").read_text(encoding="utf-8")

    assert reported() == page
    assert "A time belongs to a machine" in page
    digest = hashlib.sha256(content).hexdigest()
    for other in ("{", json.dumps(benchmarked(told.model, "0" * 64))):
        (out / "benchmark.json").write_text(other, encoding="utf-8")
        assert "is of another model" in reported()
        assert "µs" not in reported()
    (out / "benchmark.json").write_text(json.dumps(benchmarked(told.model, digest)))
    shown = reported()
    assert "Measured on &lt;b&gt;CPU (2 processors, S a)" in shown
    assert "image 1 × 7 × 3" in shown
    assert shown.index("model.tflite</td>") < shown.index("it crashed") < shown.index("2.50 ×")
    assert shown.index("500.0 µs") < shown.index("66.7%") < shown.index("250.0 µs")
    assert "Together they take 750.0 µs; the whole model, without feeding it, 790.0 µs." in shown
    assert shown.partition("<section id")[0] == page.partition("<section id")[0]
    assert shown.endswith(page.partition('id="latency"')[2].partition("</section>")[2])


def test_a_curve_of_values_that_are_no_numbers() -> None:
    """Infinite and missing values are drawn at the top, and the picture stays one."""
    drawn = svg.line([1.0, float("inf"), float("nan"), -1.0], "time step", 0.5)
    assert "inf" not in drawn
    assert "nan" not in drawn
    assert 'class="limit"' in drawn


def test_a_chain_is_one_box_and_a_recurrence_stands_alone() -> None:
    """Ops that feed only the next are drawn together, up to the loop and after it."""
    drawing, _ = draw(chained(["TRANSPOSE", "WHILE", "RESHAPE", "ADD", "SOFTMAX"]))
    assert drawing.count("<rect") == 5
    assert ">RESHAPE → … → SOFTMAX<" in drawing


def test_a_large_graph_is_not_drawn() -> None:
    """Beyond what can be read, the number of ops stands in the drawing's place."""
    assert draw(branched(20))[0]
    assert draw(branched(60)) == ("", "61 ops: too many to draw; the table of ops counts them.")


@pytest.mark.skipif(not CHROMIUM, reason="there is no Chromium to look at the report with")
@pytest.mark.parametrize("width", [420, 1100])
def test_a_browser_shows_it(page: str, tmp_path: Path, width: int) -> None:
    """The picture has ink from top to bottom, and nothing is wider than the window."""
    file, picture = tmp_path / "report.html", tmp_path / "report.png"
    # The page has no script of its own; this copy measures itself.
    measure = "<script>document.title = document.documentElement.scrollWidth - innerWidth</script>"
    file.write_text(page + measure, encoding="utf-8")
    window = f"--window-size={width},1500"
    dom = browse(tmp_path, window, "--dump-dom", file.as_uri())
    assert "<title>0</title>" in dom
    browse(tmp_path, window, f"--screenshot={picture}", file.as_uri())
    thirds = np.array_split(pixels(picture.read_bytes()), 3)
    assert all(
        np.unique(third.reshape(-1, third.shape[-1]), axis=0).shape[0] > 8 for third in thirds
    )


def browse(folder: Path, *arguments: str) -> str:
    """Runs Chromium with a profile of its own."""
    command = [CHROMIUM, *FLAGS, f"--user-data-dir={folder / 'profile'}", *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=120).stdout


def pixels(png: bytes) -> np.ndarray[Any, Any]:
    """The scan lines of a PNG of 8-bit colours, [rows, columns, channels], filters not undone.

    A blank picture has the same bytes in every line under every filter, so to tell it from a
    picture the filters need not be undone.
    """
    width, _, _, colour = struct.unpack(">IIBB", png[16:26])
    place, packed = 8, b""
    while place < len(png):
        (length,) = struct.unpack(">I", png[place : place + 4])
        if png[place + 4 : place + 8] == b"IDAT":
            packed += png[place + 8 : place + 8 + length]
        place += length + 12
    channels = {2: 3, 6: 4}[colour]
    lines = np.frombuffer(zlib.decompress(packed), np.uint8).reshape(-1, 1 + width * channels)
    return lines[:, 1:].reshape(len(lines), width, channels)
