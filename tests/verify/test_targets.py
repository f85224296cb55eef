"""How a model is held to its targets, and what is said of each."""

from __future__ import annotations

from typing import Any

import pytest

from rnnlite_pipeline.config import Config, Pipeline
from rnnlite_pipeline.graph.ir import Model
from rnnlite_pipeline.graph.write import write_model
from rnnlite_pipeline.lower.unrolled import unroll
from rnnlite_pipeline.runtimes import runners, vela
from rnnlite_pipeline.verify.gates import check_npu
from rnnlite_pipeline.verify.targets import hold, runs_on
from tests.runtimes.models import a_gru, an_lstm, in_integers, lowered

needs_vela = pytest.mark.skipif(bool(vela.missing()), reason=vela.missing())


def config(*targets: str, **values: Any) -> Config:
    """A config with these targets."""
    source = {"format": "keras", "path": "m.keras"}
    named = {"targets": targets} if targets else {}
    return Config.model_validate({"name": "m", "source": source, **named, **values})


def steps(interface: str = "int8") -> Model:
    """An int8 GRU, written out."""
    model = in_integers(lowered(a_gru(), "unrolled"), "int8", interface)
    unroll(model, every=True)
    return model


def test_the_default_is_litert() -> None:
    """Without targets and runtimes a model is for the Interpreter, and is run there."""
    assert config().meant_for == runs_on(config()).names == ("litert",)


def test_runtimes_alone_are_the_targets() -> None:
    """A config that names verification.runtimes alone means them."""
    asked = config(verification={"runtimes": ("tflm",)})
    assert asked.meant_for == runs_on(asked).names == ("tflm",)
    both = config("litert-compiled", verification={"runtimes": ("tflm",)})
    assert both.meant_for == ("litert-compiled", "tflm")


def test_what_can_be_run_is_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """Targets that are run here are; one whose runtime is missing is told with the reason."""
    missing = runners.Opener(lambda: "Chromium is not installed", runners.RUNNERS["litert"].open)
    monkeypatch.setitem(runners.RUNNERS, "litert-web", missing)
    asked = config("litert-compiled", "litert-web", "qualcomm")
    found = runs_on(asked)
    assert (found.names, found.instead) == (("litert-compiled",), False)
    assert found.notes == {"litert-web": "Chromium is not installed"}
    model = lowered(a_gru(), "loop")
    held = hold(asked, model, write_model(model))
    assert held["litert-compiled"].held == "run"
    assert held["litert-web"].not_run == "Chromium is not installed"
    assert held["qualcomm"].held == "by table"
    assert not held["qualcomm"].takes
    assert "not run here" in held["qualcomm"].not_run


@pytest.mark.parametrize(
    ("targets", "instead"),
    [(("ethos-u55",), "tflm"), (("tflm-cmsis-nn",), "tflm"), (("edgetpu",), "litert")],
)
def test_numbers_come_from_a_runtime_with_the_same_ops(
    targets: tuple[str, ...], instead: str
) -> None:
    """Where no target can be run, another runtime computes the numbers, and that is said."""
    found = runs_on(config(*targets))
    assert found.instead
    assert found.names in ((instead,), ("litert",))  # without tflite-micro


@needs_vela
@pytest.mark.parametrize(("interface", "passes"), [("int8", True), ("float32", False)])
def test_the_gate_npu_share(interface: str, passes: bool) -> None:
    """Steps in int8 are wholly on the NPU; with float inputs QUANTIZE is named, and it fails."""
    model = steps(interface)
    held = hold(config("ethos-u55"), model, write_model(model))
    said = held["ethos-u55"]
    assert said.held == "compiled"
    assert said.numbers_from == runs_on(config("ethos-u55")).names
    assert said.as_json()["numbers_from"] == said.numbers_from
    assert all((said.cycles, said.sram_bytes, said.flash_bytes))
    (check,) = check_npu(Pipeline.model_validate({"gates": {"npu_share": 1.0}}), held)
    assert (check.name, check.passed) == ("gate npu_share ethos-u55", passes)
    assert passes or "QUANTIZE" in check.detail
    assert not list(check_npu(Pipeline.model_validate({}), held))


def test_the_gate_npu_share_fails_without_vela(monkeypatch: pytest.MonkeyPatch) -> None:
    """A model that was not compiled does not pass, and the command that installs Vela is said."""
    monkeypatch.setattr("rnnlite_pipeline.verify.targets.vela_missing", lambda: "no Vela: pip ...")
    model = in_integers(lowered(an_lstm(), "fused"), "int8", "int8")
    held = hold(config("ethos-u85"), model, write_model(model))
    (check,) = check_npu(Pipeline.model_validate({"gates": {"npu_share": 1.0}}), held)
    assert not check.passed
    assert "not compiled" in check.detail
    assert "no Vela" in check.detail
