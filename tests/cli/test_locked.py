"""The command lock, and the flag --locked, without running a stage."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from rnnlite_pipeline.cli.locked import run_locked, with_choice, write_locks
from rnnlite_pipeline.errors import StageError
from rnnlite_pipeline.graph.ir import Model, Subgraph
from rnnlite_pipeline.graph.write import write_model
from rnnlite_pipeline.release.lock import build_lock, input_lock, lock_bytes, lock_path
from rnnlite_pipeline.tasks.plan import Plan, load_plan
from tests.fake.project import Project

AUTO = (
    "quantization: {scheme: auto, max_accuracy_drop: 0.01}\n"
    "verification: {data: {path: test.npz}}\n"
)


@pytest.fixture
def fake(project: Project) -> Plan:
    """A release, converted."""
    plan = load_plan(project.config, project.build)
    (plan.out / ".work").mkdir(parents=True)
    (plan.out / "model.tflite").write_bytes(write_model(Model([Subgraph("main")])))
    (plan.out / ".work" / "source.tflite").write_bytes(b"imported")
    return plan


class Runs:
    """Notes the stages that are run; their status."""

    def __init__(self, status: int = 0) -> None:
        self.status, self.stages = status, list[str]()

    def __call__(self, stage: str) -> int:
        """Runs a stage."""
        self.stages.append(stage)
        return self.status


def locked(plan: Plan, **changed: str) -> Path:
    """Writes the lock of what is there, with some entries changed."""
    lock = build_lock(plan.config, plan.pipeline, plan.out)
    path = lock_path(plan.config)
    path.write_bytes(lock_bytes({**lock, **changed}))
    return path


def test_a_lock_is_written_once_the_model_is_there(
    fake: Plan, capsys: pytest.CaptureFixture[str]
) -> None:
    """After the conversion, beside the config; its name is printed."""
    runs = Runs()
    assert write_locks([fake], runs) == 0
    assert runs.stages == ["convert"]
    written = lock_path(fake.config)
    assert written.read_bytes() == lock_bytes(build_lock(fake.config, fake.pipeline, fake.out))
    assert capsys.readouterr().out.endswith("config.lock.json\n")


def test_a_conversion_that_failed_writes_no_lock(fake: Plan) -> None:
    """Its status is that of the command."""
    assert write_locks([fake], Runs(1)) == 1
    assert not lock_path(fake.config).exists()


@pytest.mark.parametrize(
    ("stage", "stages"), [("convert", ["convert"]), ("package", ["convert", "package"])]
)
def test_a_build_that_matches_goes_on(
    fake: Plan, capsys: pytest.CaptureFixture[str], stage: str, stages: list[str]
) -> None:
    """The conversion is not run twice."""
    locked(fake)
    runs = Runs()
    assert run_locked(stage, [fake], runs) == 0
    assert runs.stages == stages
    assert capsys.readouterr().out.endswith("config.lock.json: matches\n")


def test_inputs_are_compared_before_anything_runs(fake: Plan) -> None:
    """A source that changed is found at once."""
    key = next(key for key in input_lock(fake.config, fake.pipeline) if key.startswith("source"))
    locked(fake, **{key: "0" * 64})
    runs = Runs()
    with pytest.raises(StageError, match="is not the one that"):
        run_locked("package", [fake], runs)
    assert runs.stages == []


def test_another_model_is_not_packaged(fake: Plan) -> None:
    """The model is compared once it is converted, and before the next stage."""
    locked(fake, **{"model.semantic": "0" * 64})
    runs = Runs()
    with pytest.raises(StageError, match="is not the one that"):
        run_locked("package", [fake], runs)
    assert runs.stages == ["convert"]


def test_a_conversion_that_failed_is_not_compared(fake: Plan) -> None:
    """Its own error was told."""
    locked(fake, **{"model.semantic": "0" * 64})
    assert run_locked("package", [fake], Runs(1)) == 1


def test_without_a_lock_nothing_is_run(fake: Plan) -> None:
    """The error says how to write it."""
    runs = Runs()
    with pytest.raises(StageError, match="There is no lock") as caught:
        run_locked("convert", [fake], runs)
    assert "rnnlite lock" in caught.value.remedy
    assert runs.stages == []


def test_a_config_with_a_scheme_needs_no_choice(fake: Plan) -> None:
    """Its plan stays as it is, without reading a lock."""
    assert with_choice(fake) is fake


def test_a_choice_comes_from_the_lock(project: Project) -> None:
    """So that a locked build does not search again; a lock without one is refused."""
    np.savez(project.folder / "test.npz", x=np.zeros(2))
    plan = load_plan(project.write_config(AUTO).config, project.build)
    path = lock_path(plan.config)
    with pytest.raises(StageError, match="There is no lock"):
        with_choice(plan)
    path.write_text(json.dumps({"lock": "1"}))
    with pytest.raises(StageError, match=r"does not say what quantization\.scheme auto chose"):
        with_choice(plan)
    entries = {"config.quantization.scheme": "float16", "config.quantization.skip[0]": "dense"}
    path.write_text(json.dumps({"lock": "1", **entries}))
    chosen = with_choice(plan).chosen
    assert chosen is not None
    settled = chosen.settle(plan.config).quantization
    assert (settled.scheme, settled.skip) == ("float16", ("dense",))
