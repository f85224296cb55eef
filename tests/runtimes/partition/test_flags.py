"""`converter.select_tf_ops` and `allow_custom_ops`, from a Keras model to a verified one."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rnnlite_pipeline.config import Config, Pipeline, load_pipeline
from rnnlite_pipeline.errors import NotConvertible, VerificationFailed
from rnnlite_pipeline.stages.convert import convert
from rnnlite_pipeline.stages.import_source import import_source
from rnnlite_pipeline.stages.inspect import inspect
from rnnlite_pipeline.stages.verify import verify
from rnnlite_pipeline.toolchain import load

STEPS, FEATURES = 6, 4
FUSED = "UNIDIRECTIONAL_SEQUENCE_LSTM"

Layer = Callable[[Any], Any]


def log_sums(x: Any) -> Any:
    """An op that only TensorFlow has, and the Flex delegate with it."""
    return load("tensorflow").math.cumulative_logsumexp(x, axis=-1)


def inverse_error(x: Any) -> Any:
    """An op that neither TFLite nor the Flex delegate has."""
    tensorflow = load("tensorflow")
    return tensorflow.math.erfinv(0.9 * tensorflow.tanh(x))


def hashed(x: Any) -> Any:
    """Text between two ops of TensorFlow, and integers out of them."""
    tensorflow = load("tensorflow")
    text = tensorflow.strings.as_string(tensorflow.cast(x * 4, "int32"))
    bucket = tensorflow.strings.to_hash_bucket_fast(text, 7)
    return x + tensorflow.cast(bucket, "float32")


def spectrum(x: Any) -> Any:
    """A short-time Fourier transform and back, which needs no TensorFlow; its shape op does."""
    signal = load("tensorflow").signal
    stft = signal.stft(x, frame_length=4, frame_step=2, fft_length=4)
    y = signal.inverse_stft(stft, frame_length=4, frame_step=2, fft_length=4)
    return load("tensorflow").ensure_shape(y, x.shape)


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of SavedModels: an LSTM with ops before and after it, open batch."""
    keras, folder = load("keras"), tmp_path_factory.mktemp("models")
    for name, before, after in (
        ("flex", log_sums, hashed),
        ("custom", inverse_error, inverse_error),
        ("both", log_sums, inverse_error),
        ("stft", spectrum, log_sums),
    ):
        keras.utils.set_random_seed(1)
        width = 8 if before is spectrum else FEATURES
        x = keras.Input((STEPS, width), name="x")
        lstm = keras.layers.LSTM(5, return_sequences=True, name="lstm")
        h = lstm(keras.layers.Lambda(before, name="before")(x))
        y = keras.layers.Lambda(after, name="y")(h)
        keras.Model(x, y).export(folder / name, verbose=False)
    return folder


def config(models: Path, name: str, flags: dict[str, bool], **others: Any) -> Config:
    """The config of one of the models."""
    data = {"random": {"samples": 4, "seed": 0}}
    source = {"format": "saved_model", "path": str(models / name)}
    values = {"name": name, "source": source, "converter": flags, "verification": {"data": data}}
    return Config.model_validate(values | others)


def run(config: Config, out: Path, pipeline: Pipeline | None = None) -> dict[str, Any]:
    """Imports, converts and verifies; what verification.json says."""
    import_source(config, out)
    convert(config, out)
    verify(config, out, pipeline or Pipeline.model_validate({}))
    told: dict[str, Any] = json.loads((out / "verification.json").read_text())
    return told


@pytest.mark.parametrize(
    ("name", "flags", "on_tensorflow"),
    [
        (
            "flex",
            {"select_tf_ops": True},
            ["FlexAsString", "FlexCumulativeLogsumexp", "FlexStringToHashBucketFast"],
        ),
        (
            "flex",
            {"allow_custom_ops": True},
            ["AsString", "CumulativeLogsumexp", "StringToHashBucketFast"],
        ),
        ("custom", {"allow_custom_ops": True}, ["Erfinv"]),
        (
            "both",
            {"allow_custom_ops": True, "select_tf_ops": True},
            ["Erfinv", "FlexCumulativeLogsumexp"],
        ),
        ("stft", {"select_tf_ops": True}, ["FlexCumulativeLogsumexp", "FlexEnsureShape"]),
    ],
)
def test_ops_that_litert_lacks_stay_and_are_verified(
    models: Path, tmp_path: Path, name: str, flags: dict[str, bool], on_tensorflow: list[str]
) -> None:
    """The LSTM is fused, the ops stay, and every batch and call is right on both kernels."""
    told = run(config(models, name, flags), tmp_path)
    assert told["passed"]
    assert told["ops"]["model"][FUSED] == 1
    assert told["ops_on_tensorflow"] == on_tensorflow
    assert "unverified_ops" not in told
    compared = [c for c in told["checks"] if c["name"] == "equals the source"]
    reference = "no_delegate" if "reference kernels" in told["skipped"] else "reference"
    assert {c["kernels"] for c in compared} == {reference, "default"}
    assert {b for c in compared for b in c["batch"]} >= {1, 3, 17}
    assert {c["call"] for c in compared} == {1, 2}
    assert "Flex delegate" in (tmp_path / "report.html").read_text()


@pytest.mark.parametrize(
    ("name", "flags", "said"),
    [
        (
            "both",
            {},
            r"Erfinv \(output_0\), CumulativeLogsumexp \(.*before.*\)[\s\S]*custom_ops: true and",
        ),
        ("both", {"select_tf_ops": True}, r"no op for Erfinv \([\s\S]*with converter.allow_cus"),
        ("custom", {"select_tf_ops": True}, r"no op for Erfinv \("),
    ],
)
def test_without_its_flag_an_op_is_refused(
    models: Path, tmp_path: Path, name: str, flags: dict[str, bool], said: str
) -> None:
    """The error names each op, where the source has it, and the flag that would keep it."""
    asked = config(models, name, flags)
    import_source(asked, tmp_path)
    with pytest.raises(NotConvertible, match=said):
        convert(asked, tmp_path)


def test_inspect_names_the_flag(models: Path, tmp_path: Path) -> None:
    """Each op that the runtime lacks is listed with its places and with what would keep it."""
    asked = config(models, "both", {})
    import_source(asked, tmp_path)
    inspect(asked, tmp_path)
    missing = json.loads((tmp_path / "inspect.json").read_text())["missing_ops"]
    assert [(each["op"], each["kept_by"]) for each in missing] == [
        ("Erfinv", "converter.allow_custom_ops"),
        ("CumulativeLogsumexp", "converter.select_tf_ops"),
    ]
    assert "converter.select_tf_ops would keep it" in (tmp_path / "inspect.txt").read_text()


def test_a_release_holds_no_such_op(models: Path, tmp_path: Path) -> None:
    """What the config lets stay, the pipeline `release` still forbids, by name."""
    asked = config(models, "both", {"allow_custom_ops": True, "select_tf_ops": True})
    with pytest.raises(
        VerificationFailed, match=r"Flex\*[\s\S]*CUSTOM:\*: the model holds 1 CUSTOM"
    ):
        run(asked, tmp_path, load_pipeline("release", tmp_path))


@pytest.mark.parametrize(
    "scheme",
    [*(pytest.param(x, marks=pytest.mark.slow) for x in ("float16", "dynamic_range")), "int8"],
)
def test_quantization_leaves_them_in_float(models: Path, tmp_path: Path, scheme: str) -> None:
    """Each scheme quantizes the LSTM between the ops of TensorFlow, which stay as they are."""
    x = np.random.default_rng(0).normal(size=(64, STEPS, FEATURES)).astype("f")
    np.savez(tmp_path / "x.npz", x=x)
    quantization: dict[str, Any] = {"scheme": scheme}
    if scheme == "int8":
        quantization["calibration"] = {"path": str(tmp_path / "x.npz")}
    data = {"data": {"path": str(tmp_path / "x.npz")}, "max_abs_error": 0.1}
    asked = config(
        models, "custom", {"allow_custom_ops": True}, quantization=quantization, verification=data
    )
    told = run(asked, tmp_path / "out")
    assert told["passed"]
    assert told["ops_on_tensorflow"] == ["Erfinv"]
    assert {each["became"] for each in told["quantization"]["ops"]} - {"float"}
