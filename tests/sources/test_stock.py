"""What TensorFlow's own converter is asked for, and how its answer is kept."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from rnnlite_pipeline.config import Config, load_config
from rnnlite_pipeline.errors import StageError
from rnnlite_pipeline.graph.build import Builder
from rnnlite_pipeline.graph.extract import extract
from rnnlite_pipeline.graph.ir import OPEN, Tensor
from rnnlite_pipeline.graph.write import write_model
from rnnlite_pipeline.sources import stock
from rnnlite_pipeline.sources.model import SourceModel


def file(*names: str) -> bytes:
    """A model of inputs of these names: their sum."""
    build = Builder("m")
    inputs = {name: Tensor(name, "FLOAT32", (OPEN, 3)) for name in names}
    y = build.op("ADD_N", [*inputs.values()], "FLOAT32", (OPEN, 3))
    return write_model(extract(inputs, {"y": y}, build.ops))


@pytest.mark.parametrize(
    ("own", "source", "named"),
    [
        (["b", "a"], ["a", "b"], {"b": "b", "a": "a"}),
        (["args_0", "args_1"], ["a", "b"], {"args_0": "a", "args_1": "b"}),
        (["a", "args_1"], ["b", "a"], {"a": "b", "args_1": "a"}),
    ],
)
def test_names_of_inputs(own: list[str], source: list[str], named: dict[str, str]) -> None:
    """Those that the converter kept are their own; else the place counts."""
    found = stock._named(file(*own), source)
    assert found == named
    assert list(found) == own


def config(folder: Path, text: str = "") -> Path:
    """A config of a .tflite file, which the converter hands on."""
    (folder / "m.tflite").write_bytes(file("x"))
    path = folder / "m.yaml"
    path.write_text(f"name: m\nsource: {{format: tflite, path: m.tflite}}\n{text}")
    return path


def test_a_file_is_its_own_stock_conversion(tmp_path: Path) -> None:
    """It is written beside its names, and no reason why not is given."""
    out = tmp_path / "out"
    (out / ".work").mkdir(parents=True)
    assert stock._written(config(tmp_path), out, "builtins", {"x": [1, 3]}) == ""
    assert (out / ".work" / "stock.tflite").read_bytes() == (tmp_path / "m.tflite").read_bytes()
    assert json.loads((out / ".work" / "stock.json").read_text()) == {"x": "x"}


def test_why_there_is_none(tmp_path: Path) -> None:
    """What is raised is the answer, in one line, and nothing is written."""
    path = config(tmp_path)
    (tmp_path / "m.tflite").write_bytes(b"no model")
    told = stock._written(path, tmp_path, "builtins", {})
    assert "m.tflite" in told
    assert "\n" not in told
    assert not (tmp_path / ".work").exists()
    assert "nowhere.yaml" in stock._written(tmp_path / "nowhere.yaml", tmp_path, "builtins", {})


def test_in_a_process_of_its_own(tmp_path: Path) -> None:
    """Its answer comes back: no reason why there is none."""
    (tmp_path / ".work").mkdir()
    path = config(tmp_path)
    assert stock.stock(path, tmp_path, "builtins", {"x": (1, None)}) == ""
    assert (tmp_path / ".work" / "stock.tflite").is_file()


class Converters:
    """The ways to a converter; each says which it was."""

    @staticmethod
    def from_keras_model(model: Any) -> Any:
        """That of Keras."""
        return ("keras", model)

    @staticmethod
    def from_concrete_functions(functions: Any, owner: Any) -> Any:
        """That of functions."""
        return (functions, owner)


def test_what_is_converted() -> None:
    """A model of Keras 3, or the traced function; another source is no model of Keras."""
    source = SourceModel((), (), lambda: "traced", lambda _: {}, keras_model=lambda: "model")
    assert stock._converter(source, "keras", Converters) == ("keras", "model")
    for attempt in ("builtins", "fixed", "select_tf_ops"):
        assert stock._converter(source, attempt, Converters) == (["traced"], "traced")
    other = SourceModel((), (), lambda: None, lambda _: {})
    with pytest.raises(StageError, match="no model of Keras 3"):
        stock._converter(other, "keras", Converters)


LITE = SimpleNamespace(
    Optimize=SimpleNamespace(DEFAULT="default"),
    OpsSet=SimpleNamespace(EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8="16x8"),
)


def asked(folder: Path, quantization: str) -> tuple[Any, Config]:
    """A converter after it was asked for a quantization, and the config."""
    converter = SimpleNamespace(target_spec=SimpleNamespace())
    path = config(folder, f"quantization: {quantization}\n" if quantization else "")
    loaded = load_config(path)
    stock._quantize(converter, loaded, LITE, ["b", "a"])
    return converter, loaded


def test_nothing_is_quantized(tmp_path: Path) -> None:
    """Without a scheme the converter is left as it is."""
    converter, _ = asked(tmp_path, "")
    assert vars(converter) == {"target_spec": SimpleNamespace()}


def test_weights_are_quantized(tmp_path: Path) -> None:
    """A dynamic range needs no data."""
    converter, _ = asked(tmp_path, "{scheme: dynamic_range}")
    assert converter.optimizations == ["default"]
    assert not hasattr(converter, "representative_dataset")


@pytest.mark.parametrize("scheme", ["int8", "int16x8"])
def test_calibration_data_is_given_sample_by_sample(tmp_path: Path, scheme: str) -> None:
    """In the order of the source's inputs, and as many as the config says."""
    a, b = np.arange(15.0).reshape(5, 3), np.arange(5.0)
    np.savez(tmp_path / "c.npz", a=a, b=b)
    quantization = f"{{scheme: {scheme}, calibration: {{path: c.npz, samples: 2}}}}"
    converter, _ = asked(tmp_path, quantization)
    samples = list(converter.representative_dataset())
    assert len(samples) == 2
    np.testing.assert_array_equal(samples[1][0], b[1:2])
    np.testing.assert_array_equal(samples[1][1], a[1:2])
    ops = getattr(converter.target_spec, "supported_ops", None)
    assert ops == (["16x8"] if scheme == "int16x8" else None)
    rows = stock._samples(tmp_path / "c.npz", ["a"], 99)
    assert len(list(rows)) == 5
