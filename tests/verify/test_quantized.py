"""What verification does differently for a quantized model."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from rnnlite_pipeline.config import Config
from rnnlite_pipeline.graph.build import Builder
from rnnlite_pipeline.graph.extract import extract
from rnnlite_pipeline.graph.ir import Quantization, Tensor
from rnnlite_pipeline.graph.write import write_model
from rnnlite_pipeline.sources.model import TensorSpec
from rnnlite_pipeline.verify.cases import Case
from rnnlite_pipeline.verify.quantized import interface, is_judged, open_runners


def config(format_: str = "keras", **values: Any) -> Config:
    """A config with these sections."""
    source = {"format": format_, "path": "m.tflite" if format_ == "tflite" else "m.keras"}
    return Config.model_validate({"name": "m", "source": source, **values})


CALIBRATED = {"scheme": "int8", "calibration": {"path": "c.npz"}}
RANDOM, DATA = Case("random", (), drawn=True), Case("data", ())
ZEROS = Case("zeros", (), extreme=True, drawn=True)


@pytest.mark.parametrize(
    ("quantization", "judged"),
    [
        ({"scheme": "none"}, [RANDOM, DATA, ZEROS]),
        ({"scheme": "dynamic_range"}, [RANDOM, DATA]),
        (CALIBRATED, [DATA]),
    ],
)
def test_what_an_error_says(quantization: dict[str, Any], judged: list[Case]) -> None:
    """Extreme input says nothing of a quantized model, nor random input of measured ranges."""
    asked = config(quantization=quantization)
    assert [case for case in (RANDOM, DATA, ZEROS) if is_judged(case, asked)] == judged


def test_the_interface_in_integers() -> None:
    """Float inputs become what is asked for; indices stay as they are."""
    specs = [TensorSpec("x", "float32", (None, 3)), TensorSpec("n", "int64", ())]
    assert interface(specs, "int8") == [TensorSpec("x", "int8", (None, 3)), specs[1]]
    assert interface(specs, "float32") == specs


def content() -> bytes:
    """y = x + x in int8, of scale 0.5."""
    build, half = Builder("m"), Quantization((0.5,), (0,))
    x = Tensor("x", "INT8", (1, 2), quantization=half)
    y = build.binary("ADD", x, x)
    y.quantization = half
    build.ops[-1].version = 2
    return write_model(extract({"x": x}, {"y": y}, build.ops))


@pytest.mark.parametrize(
    ("asked", "dtype", "wanted"),
    [
        (config(quantization=CALIBRATED), np.float32, [[2.0, -3.0]]),
        (config("tflite"), np.int8, [[4, -6]]),
    ],
)
def test_a_model_on_every_set_of_kernels(asked: Config, dtype: Any, wanted: Any) -> None:
    """A model that was quantized gives real numbers; integers of a source file are its own."""
    runners = open_runners(content(), asked)
    assert [runner.kernels for runner in runners] == ["reference", "default"]
    x = np.array([[1.0, -1.5]], np.float32) if dtype is np.float32 else np.array([[2, -3]], np.int8)
    for runner in runners:
        found = runner.run({"x": x})["y"]
        assert found.dtype == dtype
        np.testing.assert_array_equal(found, np.array(wanted))


def test_a_runtime_that_is_a_target_runs_it_too() -> None:
    """Each runtime that the config names is one more set of kernels."""
    pytest.importorskip("tflite_micro", reason="the extra `tflm` is not installed")
    asked = config(targets=("litert", "tflm"), quantization=CALIBRATED)
    kernels = [runner.kernels for runner in open_runners(content(), asked)]
    assert kernels == ["reference", "default", "tflm"]
