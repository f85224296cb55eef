"""The generated JavaScript, in headless Chromium: it loads the model and gives its numbers."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from rnnlite_pipeline.errors import StageError
from rnnlite_pipeline.graph.build import make_op
from rnnlite_pipeline.graph.ir import Model, Quantization, Signature, Subgraph, Tensor
from rnnlite_pipeline.runtimes.interpreter import Runner
from rnnlite_pipeline.runtimes.web import WebRunner
from tests.release.deployed import counter, counting, deployed, write
from tests.runtimes.models import a_gru, in_integers, lowered, sample
from tests.runtimes.test_web import in_browser

NAMED = "name: m\nsource: {format: keras, path: m}\n"


def in_page(folder: Path, model: Model, text: str = NAMED) -> WebRunner:
    """The deployed module of a model, run by tests/release/run.mjs."""
    deployment, content = deployed(folder, model, text, "targets: [litert-web]\n")
    write(folder, deployment, content)
    shutil.copy(Path(__file__).with_name("run.mjs"), folder / "web" / "run.mjs")
    return WebRunner(content, folder / "web")


@in_browser
@pytest.mark.parametrize("scheme", ["none", "int8"])
def test_the_javascript_gives_the_interpreters_numbers(tmp_path: Path, scheme: str) -> None:
    """A loop in float and in integers, three calls in a row; wrong inputs are clear errors."""
    model = lowered(a_gru(), "loop")
    model = in_integers(model) if scheme == "int8" else model
    runner = in_page(tmp_path, model)
    interpreter = Runner((tmp_path / "model.tflite").read_bytes(), "reference")
    for seed in range(3):
        given = sample(model, seed)
        want = interpreter.run(given)
        got = runner.run(given)
        for name, array in want.items():
            np.testing.assert_allclose(got[name], array.ravel(), atol=1e-6)
    with pytest.raises(StageError, match=r"x takes 30 values, \[1,5,6\]; given were 2"):
        runner.run({"x": np.zeros(2, np.float32)})


@in_browser
@pytest.mark.parametrize("state", ["persist", "explicit"])
def test_the_javascript_keeps_and_resets_states(tmp_path: Path, state: str) -> None:
    """A state goes on from call to call, by the runtime or by the class Stream, and starts anew."""
    runner = in_page(tmp_path, counter(state), counting(state))
    given = {"x": np.array([[1, 2]], np.float32)}
    assert [runner.run(given)["y"].tolist() for _ in range(2)] == [[6, 7], [7, 9]]
    runner.reset()
    assert runner.run(given)["y"].tolist() == [6, 7]
    with pytest.raises(StageError, match=r"the inputs are x.*; given were"):
        runner.run({})


@in_browser
def test_the_javascript_quantizes(tmp_path: Path) -> None:
    """Real values go in and come out of a model of uint8, saturated at its bounds."""
    units = Quantization((0.5,), (3,))
    x, y = (Tensor(name, "UINT8", (1, 4), quantization=units) for name in "xy")
    kept = Tensor.constant("shape", np.array([1, 4], np.int32))
    main = Subgraph("main", [x], [y], [make_op("RESHAPE", [x, kept], [y])])
    model = Model([main], [Signature("serving_default", main, {"x": x}, {"y": y})])
    runner = in_page(tmp_path, model)
    given = {"x": np.array([1.0, -0.5, 0.2, 1e9], np.float32)}
    assert runner.run(given)["y"].tolist() == [1.0, -0.5, 0.0, 126.0]
    runner.close()
