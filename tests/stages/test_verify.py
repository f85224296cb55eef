"""The stage verify: right models pass, and every kind of wrong one fails."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rnnlite_pipeline.config import Config, Pipeline
from rnnlite_pipeline.errors import VerificationFailed
from rnnlite_pipeline.graph.ir import Model, Op, Signature, Subgraph, Tensor
from rnnlite_pipeline.graph.write import write_model
from rnnlite_pipeline.stages.verify import verify

UNITS, FEATURES = 4, 3
RANDOM = {"random": {"samples": 4, "seed": 0}}
Weights = list[np.ndarray[Any, Any]]


@pytest.fixture(scope="module")
def trained(keras: Any, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Weights]:
    """A `.keras` file of one SimpleRNN with open length, and data with labels beside it."""
    folder = tmp_path_factory.mktemp("trained")
    keras.utils.set_random_seed(0)
    rnn = keras.layers.SimpleRNN(UNITS, activation="relu", return_sequences=True, name="y")
    model = keras.Sequential([keras.Input((None, FEATURES), batch_size=1, name="x"), rnn])
    model.save(folder / "m.keras")
    x = np.random.default_rng(0).standard_normal((5, 6, FEATURES)).astype("f") * 0.1
    labels = np.concatenate([np.argmax(model(x[i : i + 1]), -1) for i in range(5)])
    np.savez(folder / "data.npz", x=x, labels=labels)
    return folder, [np.asarray(w) for w in model.get_weights()]


def converted(weights: Weights, *, reset: bool = True, activation: str = "RELU") -> Model:
    """The fused op with these weights; its state is written at every call if `reset`."""
    kernel, recurrent, bias = (np.ascontiguousarray(w.T, np.float32) for w in weights)
    x = Tensor("x", "FLOAT32", (1, -1, FEATURES))
    y = Tensor("y", "FLOAT32", (1, -1, UNITS))
    state = Tensor("state", "FLOAT32", (1, UNITS), is_variable=True)
    inputs: list[Tensor | None] = [
        x,
        Tensor.constant("kernel", kernel),
        Tensor.constant("recurrent", recurrent),
        Tensor.constant("bias", bias),
        state,
    ]
    options = {"time_major": False, "fused_activation_function": activation}
    rnn = Op("UNIDIRECTIONAL_SEQUENCE_RNN", inputs, [y], options, "SequenceRNNOptions")
    shape = Tensor.constant("shape", np.array([1, UNITS], np.int32))
    zero = Tensor.constant("zero", np.array(0, np.float32))
    fill = Op("FILL", [shape, zero], [state], {}, "FillOptions")
    main = Subgraph("main", [x], [y], [fill, rnn] if reset else [rnn])
    return Model([main], [Signature("serving_default", main, {"x": x}, {"y": y})])


def stage(
    trained: tuple[Path, Weights],
    out: Path,
    model: Model,
    gates: Any = None,
    quantization: Any = None,
    **own: Any,
) -> dict[str, Any]:
    """Verifies a model against the trained one; gives what verification.json says."""
    folder, _ = trained
    (out / ".work").mkdir(parents=True, exist_ok=True)
    (out / ".work" / "source.tflite").write_bytes(write_model(model))
    (out / "model.tflite").write_bytes(write_model(model))
    values = {
        "name": "rnn",
        "source": {"format": "keras", "path": str(folder / "m.keras")},
        "quantization": quantization or {},
        "verification": {"data": {"path": str(folder / "data.npz")}, **own},
    }
    verify(Config.model_validate(values), out, Pipeline.model_validate({"gates": gates or {}}))
    told: dict[str, Any] = json.loads((out / "verification.json").read_text())
    return told


def test_a_right_model_passes(trained: tuple[Path, Weights], tmp_path: Path) -> None:
    """Both kernels, both calls, data and extremes are in verification.json, the same each time."""
    good = converted(trained[1])
    told = stage(trained, tmp_path / "a", good, min_accuracy=1.0, max_accuracy_drop=0.0)
    assert told["passed"]
    assert told["max_abs_error"] < 1e-6
    runs = {(c["kernels"], c["call"]) for c in told["checks"] if "call" in c}
    assert runs == {(k, call) for k in ("reference", "default") for call in (1, 2)}
    assert {c["data"] for c in told["checks"] if "data" in c} >= {"data", "times 100", "300 steps"}
    assert {a["litert"] for a in told["accuracy"]} == {1.0}
    assert told["interpreters"]["interpreters"] >= 50
    assert told["interpreters"]["calls"] >= 2 * told["interpreters"]["interpreters"]
    assert told["interpreters"]["wrong"] == 0
    stage(trained, tmp_path / "b", good, min_accuracy=1.0, max_accuracy_drop=0.0)
    for name in ("verification.json", "report.html"):
        content = (tmp_path / "a" / name).read_bytes()
        assert content == (tmp_path / "b" / name).read_bytes()
        assert str(tmp_path).encode() not in content
    assert (tmp_path / "a" / "model.tflite").exists()
    assert not (tmp_path / "a" / "model.failed.tflite").exists()


def leaking(weights: Weights) -> Model:
    """State is kept from one call to the next."""
    return converted(weights, reset=False)


def perturbed(weights: Weights) -> Model:
    """One recurrent weight is 0.1 % off."""
    kernel, recurrent, bias = weights
    recurrent = recurrent.copy()
    recurrent[0, 0] *= 1.001
    return converted([kernel, recurrent, bias])


def saturating(weights: Weights) -> Model:
    """Right on all of the data; wrong only where activations pass 6."""
    return converted(weights, activation="RELU6")


def renamed(weights: Weights) -> Model:
    """The output has another name."""
    model = converted(weights)
    model.main.outputs[0].name = "Identity"
    return model


def closed(weights: Weights) -> Model:
    """The open length was fixed."""
    model = converted(weights)
    model.main.inputs[0].shape = (1, 6, FEATURES)
    return model


@pytest.mark.parametrize(
    ("wrong", "check", "right_on_data"),
    [
        (leaking, "the second call equals the first", False),
        (perturbed, "equals the source", False),
        (saturating, "equals the source", True),
        (renamed, "outputs as in the source", True),
        (closed, "inputs as in the source", True),
    ],
)
def test_a_wrong_model_fails(
    trained: tuple[Path, Weights],
    tmp_path: Path,
    wrong: Callable[[Weights], Model],
    check: str,
    right_on_data: bool,
) -> None:
    """It loses its name, and both the error and verification.json say what is wrong."""
    with pytest.raises(VerificationFailed, match=r"failed \d+ of \d+ checks"):
        stage(trained, tmp_path, wrong(trained[1]))
    assert not (tmp_path / "model.tflite").exists()
    assert (tmp_path / "model.failed.tflite").exists()
    assert "Not verified" in (tmp_path / "report.html").read_text()
    told = json.loads((tmp_path / "verification.json").read_text())
    assert not told["passed"]
    failed = [c for c in told["checks"] if not c["passed"]]
    assert check in {c["name"] for c in failed}
    assert right_on_data == ("data" not in {c.get("data") for c in failed})


def test_without_data_a_quantized_model_is_held_to_its_calibration(
    trained: tuple[Path, Weights], tmp_path: Path
) -> None:
    """Ranges say nothing of random input, so the samples they come from are what is compared."""
    folder, weights = trained
    np.savez(tmp_path / "calibration.npz", x=np.load(folder / "data.npz")["x"])
    quantization = {
        "scheme": "int8",
        "calibration": {"path": str(tmp_path / "calibration.npz"), "samples": 4},
    }
    told = stage(
        trained, tmp_path / "a", converted(weights), quantization=quantization, data=RANDOM
    )
    assert told["max_abs_error"] < 1e-6
    compared = {c["data"] for c in told["checks"] if c["name"] == "equals the source"}
    assert compared == {"calibration"}
    kernel, recurrent, bias = weights
    wrong = converted([kernel, -recurrent, bias])
    with pytest.raises(VerificationFailed, match='"calibration" input'):
        stage(trained, tmp_path / "b", wrong, quantization=quantization, data=RANDOM)


@pytest.mark.parametrize(
    ("gates", "said"),
    [
        ({"max_bytes": 10}, "gate max_bytes"),
        ({"forbid_ops": ("FILL",)}, "the model holds 1 FILL"),
        ({"require_ops": {"BIDIRECTIONAL_SEQUENCE_RNN": True}}, "at least one required"),
    ],
)
def test_a_missed_gate_fails(
    trained: tuple[Path, Weights], tmp_path: Path, gates: Any, said: str
) -> None:
    """A right model that misses a gate of the pipeline is not released."""
    with pytest.raises(VerificationFailed, match=said):
        stage(trained, tmp_path, converted(trained[1]), gates)
    assert not (tmp_path / "model.tflite").exists()


def test_the_stricter_tolerance_holds(trained: tuple[Path, Weights], tmp_path: Path) -> None:
    """What the config tolerates, the pipeline's gate need not."""
    off = perturbed(trained[1])
    assert stage(trained, tmp_path, off, max_abs_error=1.0)["passed"]
    with pytest.raises(VerificationFailed, match=r"error \S+ \(.+ of its scale\), at most 1e-05"):
        stage(trained, tmp_path, off, {"max_abs_error": 1e-5}, max_abs_error=1.0)


def test_a_verification_that_breaks_off_has_failed(
    trained: tuple[Path, Weights], tmp_path: Path
) -> None:
    """Data that cannot be read leaves no model, and a verification.json that says why."""
    with pytest.raises(VerificationFailed, match="cannot be read"):
        stage(trained, tmp_path, converted(trained[1]), data={"path": str(tmp_path / "no.npz")})
    assert not (tmp_path / "model.tflite").exists()
    told = json.loads((tmp_path / "verification.json").read_text())
    assert not told["passed"]
    assert "no.npz cannot be read" in told["broken_off"]


def test_an_interrupted_verification_has_failed(
    trained: tuple[Path, Weights], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Interrupted after checks that all passed, it does not leave a verdict of passed."""

    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("rnnlite_pipeline.stages.verify._compare", interrupt)
    with pytest.raises(KeyboardInterrupt):
        stage(trained, tmp_path, converted(trained[1]))
    assert not (tmp_path / "model.tflite").exists()
    assert not json.loads((tmp_path / "verification.json").read_text())["passed"]


def test_without_a_model_there_is_nothing_to_verify(tmp_path: Path) -> None:
    """A missing model is a failure with what to run, and leaves no old verdict behind."""
    (tmp_path / "verification.json").write_text('{"passed": true}')
    config = Config.model_validate({"name": "m", "source": {"format": "keras", "path": "m.keras"}})
    with pytest.raises(VerificationFailed, match=r"There is no .*\n.*rnnlite convert"):
        verify(config, tmp_path, Pipeline())
    assert not (tmp_path / "verification.json").exists()
