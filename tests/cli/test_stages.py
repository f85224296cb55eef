"""The commands that work on configs, without running a stage."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from rnnlite_pipeline.cli.arguments import Call
from rnnlite_pipeline.cli.stages import _result, plan, stage, validate
from rnnlite_pipeline.errors import CallError, StageError
from rnnlite_pipeline.tasks.outcome import Outcome
from rnnlite_pipeline.tasks.plan import Plan, load_plan
from tests.fake.project import Project


def call(*configs: str, command: str = "validate", **arguments: Any) -> Call:
    """What was called, for some configs."""
    given = {
        "command": command,
        "configs": [Path(each) for each in configs],
        "out": Path("build"),
        "json": False,
        "quiet": False,
        "verbose": False,
        "format": "text",
        "force": False,
        "cache": "",
        "cluster": "",
        "locked": False,
        "github": False,
        "shards": 8,
    }
    return Call(**{**given, **arguments})


@pytest.fixture(autouse=True)
def inside(project: Project, monkeypatch: pytest.MonkeyPatch) -> Project:
    """The working folder is a project with a right config and a wrong one."""
    monkeypatch.chdir(project.folder)
    Path("wrong.yaml").write_text("name: a\nsource: {format: kers, path: x}\nodd: 1\n")
    return project


def test_every_config_is_checked(capsys: pytest.CaptureFixture[str]) -> None:
    """Also those behind a wrong one; the worst status counts."""
    assert validate(call("wrong.yaml", "config.yaml", "none.yaml")) == 2
    captured = capsys.readouterr()
    assert "config.yaml: valid\n" in captured.out
    assert "wrong.yaml:2:18: source.format: expected keras" in captured.err
    assert "none.yaml: no such file" in captured.err


def test_quiet_tells_errors_only(capsys: pytest.CaptureFixture[str]) -> None:
    """A valid config is no news."""
    assert validate(call("config.yaml", quiet=True)) == 0
    assert validate(call("config.yaml", "wrong.yaml", quiet=True)) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "wrong.yaml:2:18" in captured.err


def test_json_has_every_config_in_its_order(capsys: pytest.CaptureFixture[str]) -> None:
    """A config that is not there is one problem without a place."""
    assert validate(call("wrong.yaml", "config.yaml", "none.yaml", json=True)) == 2
    wrong, right, none = json.loads(capsys.readouterr().out)
    assert [each["valid"] for each in (wrong, right, none)] == [False, True, False]
    assert [each["line"] for each in wrong["problems"]] == [2, 3]
    (problem,) = none["problems"]
    assert (problem["line"], problem["column"], problem["key"]) == (0, 0, "")
    assert problem["message"].startswith("none.yaml: no such file")


@pytest.mark.parametrize(
    ("format_", "on_github", "annotations"),
    [("github", "", 2), (None, "true", 2), (None, "", 0), ("text", "true", 0)],
)
def test_problems_are_annotations_on_github(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    format_: str | None,
    on_github: str,
    annotations: int,
) -> None:
    """One for each, where it is asked for, or where the environment says so."""
    monkeypatch.setenv("GITHUB_ACTIONS", on_github)
    assert validate(call("wrong.yaml", format=format_)) == 2
    found = [line for line in capsys.readouterr().err.splitlines() if line.startswith("::error ")]
    assert len(found) == annotations


def test_a_plan_is_of_right_configs_only(capsys: pytest.CaptureFixture[str]) -> None:
    """If one is wrong, nothing is planned; with `--json` the error is the value."""
    assert plan(call("config.yaml", "wrong.yaml")) == 2
    assert capsys.readouterr().out == ""
    assert plan(call("config.yaml", "wrong.yaml", json=True)) == 2
    told = json.loads(capsys.readouterr().out)
    assert [each["line"] for each in told["error"]["problems"]] == [2, 3]


def test_a_plan_has_three_forms(capsys: pytest.CaptureFixture[str]) -> None:
    """For people, for programs, and as the matrix of a workflow."""
    assert plan(call("config.yaml")) == 0
    assert "fake" in capsys.readouterr().out
    assert plan(call("config.yaml", json=True)) == 0
    assert json.loads(capsys.readouterr().out)["releases"][0]["name"] == "fake"
    assert plan(call("config.yaml", github=True)) == 0
    assert "=" in capsys.readouterr().out


def test_a_config_that_is_named_twice_is_one(capsys: pytest.CaptureFixture[str]) -> None:
    """By its file, however it is named; another file of the same name is refused."""
    assert plan(call("config.yaml", "./config.yaml", json=True)) == 0
    assert len(json.loads(capsys.readouterr().out)["releases"]) == 1
    Path("copy.yaml").write_bytes(Path("config.yaml").read_bytes())
    assert plan(call("config.yaml", "copy.yaml")) == 2
    assert "both named fake" in capsys.readouterr().err


@pytest.mark.parametrize("elsewhere", [{"cache": "c"}, {"cluster": "local[2]"}])
def test_force_runs_here(elsewhere: dict[str, str]) -> None:
    """What would be taken from a cache cannot be forced."""
    with pytest.raises(CallError, match="--cache and --cluster do not"):
        stage(call("config.yaml", command="convert", force=True, **elsewhere))


def test_a_stage_runs_for_right_configs_only(capsys: pytest.CaptureFixture[str]) -> None:
    """Otherwise no folder is made, and each wrong config has its JSON."""
    words = ("config.yaml", "wrong.yaml", "none.yaml")
    assert stage(call(*words, command="convert", json=True)) == 2
    told = json.loads(capsys.readouterr().out)
    assert [each["config"] for each in told] == ["wrong.yaml", "none.yaml"]
    assert [(each["name"], each["status"], each["result"]) for each in told] == [
        (None, "failed", None)
    ] * 2
    assert not Path("build").exists()


@pytest.fixture
def fake(project: Project) -> Plan:
    """The release of the config, with what earlier runs left."""
    made = load_plan(project.config, project.build)
    made.out.mkdir(parents=True)
    for name in ("inspect", "verification", "benchmark"):
        (made.out / f"{name}.json").write_text(json.dumps({"of": name}))
    return made


def outcomes(**states: Any) -> Mapping[str, Outcome]:
    """What became of some stages of the release; of one that failed, the error."""
    found = {}
    for name, state in states.items():
        error = StageError(f"{name} failed.") if state == "failed" else None
        found[f"{name} fake"] = Outcome(
            f"{name} fake", "fake", "config.yaml", state, 1.23456, error
        )
    return found


def test_the_json_of_a_stage_that_is_done(fake: Plan) -> None:
    """Its status, its files, and the content of its result."""
    told = _result("inspect", fake, outcomes(inspect="done"))
    assert (told["name"], told["config"], told["status"]) == ("fake", "config.yaml", "done")
    assert (told["seconds"], told["error"]) == (1.235, None)
    assert "build/fake/inspect.json" in {each["path"] for each in told["files"]}
    assert told["result"] == {"of": "inspect"}


def test_a_stage_that_was_not_run_has_the_error_before_it(fake: Plan) -> None:
    """And no result: what an earlier run left is not of this source."""
    told = _result("inspect", fake, outcomes(**{"import": "failed", "inspect": "not run"}))
    assert told["status"] == "failed"
    assert told["error"] is not None
    assert told["error"]["message"] == "import failed."
    assert (told["files"], told["result"]) == ([], None)


@pytest.mark.parametrize(
    ("verify", "report", "result"),
    [
        ("failed", "not run", {"of": "verification"}),
        ("up to date", "done", {"of": "verification"}),
        ("not run", "not run", None),
    ],
)
def test_a_verification_that_failed_has_its_result(
    fake: Plan, verify: Any, report: Any, result: object
) -> None:
    """It is the stage verify that leaves it, though the command waits for the report."""
    told = _result("verify", fake, outcomes(verify=verify, report=report))
    assert told["result"] == result


def test_a_stage_without_a_result_has_none(fake: Plan) -> None:
    """`convert` leaves files only; a lock is one of its files."""
    assert _result("convert", fake, outcomes(describe="up to date"))["result"] is None
    lock = fake.config.path.with_suffix(".lock.json")
    lock.write_text("{}")
    paths = {each["path"] for each in _result("lock", fake, outcomes(describe="done"))["files"]}
    assert "config.lock.json" in paths
