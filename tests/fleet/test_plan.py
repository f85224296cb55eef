"""`rnnlite plan`: what it lists, that its digests decide, and the workflow that uses it."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from rnnlite_pipeline.cli import COMMANDS, main
from rnnlite_pipeline.cli.parser import make_group
from tests.fake.project import ROOT, Project

VARIANTS = "variants:\n  split: {recurrent: {bidirectional: split}}\n"


@pytest.fixture
def told(
    project: Project, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Any:
    """Gives what `rnnlite plan --json` says now, the stages by id."""
    project.write_config(VARIANTS)
    monkeypatch.chdir(project.folder)

    def plan(*words: str) -> dict[str, Any]:
        assert main(["plan", "config.yaml", "--json", *words]) == 0
        said: dict[str, Any] = json.loads(capsys.readouterr().out)
        return said | {"stages": {stage["id"]: stage for stage in said["stages"]}}

    return plan


def test_every_stage_of_every_release(told: Any) -> None:
    """Each release has the stages of its pipeline; inputs come from a file or an earlier stage."""
    said = told()
    assert [each["reference"] for each in said["releases"]] == [
        "config.yaml/base",
        "config.yaml/split",
    ]
    for release in said["releases"]:
        assert [id_.split(":")[0] for id_ in release["stages"]] == [
            "validate",
            "import",
            "inspect",
            "convert",
            "describe",
            "verify",
            "report",
            "package",
        ]
    for stage in said["stages"].values():
        assert len(stage["digest"]) == 64
        for each in stage["inputs"]:
            assert ("sha256" in each) != ("from" in each)
            if "from" in each:
                assert each["path"] in said["stages"][each["from"]]["outputs"]
    convert = said["stages"]["convert:fake-split"]
    assert {"path": "build/fake-split/.work/source.tflite", "from": "import:fake-split"} in convert[
        "inputs"
    ]


def test_the_import_of_one_source_has_one_digest(told: Any) -> None:
    """Releases that differ behind the import share it; all else is theirs alone."""
    stages = told()["stages"]
    assert stages["import:fake"]["digest"] == stages["import:fake-split"]["digest"]
    assert stages["convert:fake"]["digest"] != stages["convert:fake-split"]["digest"]


def test_digests_follow_what_counts(told: Any, project: Project, tmp_path: Path) -> None:
    """They change with the source, in every stage, and not with the folder DIR or the time."""
    before = told()["stages"]
    os.utime(project.source)
    assert told("--out", str(tmp_path / "else"))["stages"].keys() == before.keys()
    again = told("--out", str(tmp_path / "else"))["stages"]
    assert {k: v["digest"] for k, v in again.items()} == {k: v["digest"] for k, v in before.items()}
    project.write_source(b"second")
    changed = told()["stages"]
    assert all(changed[key]["digest"] != before[key]["digest"] for key in before)


def test_the_matrix(
    project: Project, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every release is in one shard, and there are no more shards than releases."""
    project.write_config("variants: {a: {}, b: {}, c: {}}\n")
    monkeypatch.chdir(project.folder)
    for shards, sizes in ((3, [1, 1, 2]), (99, [1, 1, 1, 1]), (1, [4])):
        assert main(["plan", "config.yaml", "--github", "--shards", str(shards)]) == 0
        line = capsys.readouterr().out
        assert line.count("\n") == 1
        include = json.loads(line.removeprefix("matrix="))["include"]
        assert sorted(len(each["releases"].split()) for each in include) == sizes
        assert [each["shard"] for each in include] == list(range(1, len(sizes) + 1))
        configs = [word for each in include for word in shlex.split(each["configs"])]
        assert configs == [f"config.yaml/{name}" for name in ("base", "a", "b", "c")]
        for each in include:
            assert main(["validate", *shlex.split(each["configs"])]) == 0
        capsys.readouterr()


def test_a_wrong_config_is_told_as_everywhere(
    project: Project, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With its place and status 2; what is printed is an error, and no plan."""
    project.write_config("nonsense: 1\n")
    monkeypatch.chdir(project.folder)
    assert main(["plan", "config.yaml", "--json"]) == 2
    said = capsys.readouterr()
    assert json.loads(said.out)["error"]["problems"][0]["line"] == 3
    assert "config.yaml:3:1: nonsense: unknown key" in said.err


def test_a_plan_imports_no_tensorflow(project: Project) -> None:
    """Neither TensorFlow nor NumPy is loaded to make one."""
    script = (
        "import sys; from rnnlite_pipeline.cli import main\n"
        "assert main(['plan', 'config.yaml', '--json']) == 0\n"
        "assert not {'tensorflow', 'keras', 'numpy', 'distributed'} & set(sys.modules)"
    )
    ended = subprocess.run(
        [sys.executable, "-c", script],
        cwd=project.folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr


def test_the_example_workflow() -> None:
    """It is YAML, its jobs depend as they say, and each rnnlite command in it parses."""
    text = (ROOT / "examples" / "fleet" / "release.yml").read_text(encoding="utf-8")
    jobs = yaml.safe_load(text)["jobs"]
    assert jobs["build"]["needs"] in jobs
    assert "needs.plan.outputs.matrix" in jobs["build"]["strategy"]["matrix"]
    assert "steps.plan.outputs.matrix" in jobs["plan"]["outputs"]["matrix"]
    runs = [step["run"] for job in jobs.values() for step in job["steps"] if "run" in step]
    commands = [run for run in runs if run.startswith("rnnlite ")]
    assert [command.split()[1] for command in commands] == ["plan", "package"]
    for command in commands:
        words = command.replace("${{ matrix.configs }}", "a.yaml").split(" >> ")[0]
        name, *given = shlex.split(words)[1:]
        make_group(COMMANDS).commands[name].make_context(name, given)
