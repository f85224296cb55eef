"""What the command line prints for machines: JSON, annotations, completion; and while it works."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import TypeAdapter

from rnnlite_pipeline.cli import COMMANDS, main
from rnnlite_pipeline.cli.arguments import SHELLS
from rnnlite_pipeline.cli.manual import manual
from rnnlite_pipeline.cli.output import OUTPUTS, CallErrorJson
from rnnlite_pipeline.cli.parser import COMPLETE
from rnnlite_pipeline.config.annotations import annotated
from rnnlite_pipeline.errors import ConfigError, Problem, StageError
from tests.fake.project import ROOT, Project


def test_validate_json(
    project: Project, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """`validate --json` tells of each config whether it is valid, and every problem's place."""
    monkeypatch.chdir(project.folder)
    Path("wrong.yaml").write_text("name: a\nsource: {format: kers, path: x}\n")
    assert main(["validate", "config.yaml", "wrong.yaml", "none.yaml", "--json"]) == 2
    right, wrong, none = json.loads(capsys.readouterr().out)
    assert right == {"config": "config.yaml", "valid": True, "problems": []}
    assert not wrong["valid"]
    (problem,) = wrong["problems"]
    assert (problem["file"], problem["line"], problem["column"]) == ("wrong.yaml", 2, 18)
    assert problem["key"] == "source.format"
    assert "none.yaml" in none["problems"][0]["message"]


def test_several_configs_end_with_a_summary(
    project: Project, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """How many are valid and which are wrong; each line of an error names its config."""
    monkeypatch.chdir(project.folder)
    Path("wrong.yaml").write_text("name: a\nsource: {format: kers, path: x}\n")
    Path("second.yaml").write_text(Path("config.yaml").read_text().replace("fake", "second"))
    assert main(["validate", "config.yaml", "second.yaml"]) == 0
    assert capsys.readouterr().out.endswith("2 valid, 0 wrong\n")
    for command, end in (("validate", ""), ("convert", "; nothing was run")):
        assert main([command, "config.yaml", "wrong.yaml", "none.yaml"]) == 2
        *lines, last = capsys.readouterr().err.splitlines()
        assert last == f"1 valid, 2 wrong: wrong.yaml, none.yaml{end}"
        names = [line.removeprefix("error: ").partition(":")[0] for line in lines]
        assert set(names) == {"wrong.yaml", "none.yaml"}
    assert main(["validate", "config.yaml"]) == 0
    assert capsys.readouterr().out == "config.yaml: valid\n"


@pytest.mark.parametrize("command", ["inspect", "verify"])
def test_stage_json(project: Project, command: str) -> None:
    """With `--json` standard output is JSON and nothing else; progress goes to standard error."""
    ended = project.run(command, "config.yaml", "--json")
    assert ended.returncode == 0
    (told,) = json.loads(ended.stdout)
    assert told["name"] == "fake"
    assert told["result"]
    assert f"{command} fake: done" in ended.stderr


def test_stage_json_of_a_failure(project: Project) -> None:
    """A stage that failed before it left anything has no result, and the run its exit status."""
    ended = project.run("inspect", "config.yaml", "--json", FAKE_TROUBLE="inspect=refused")
    assert ended.returncode == 1
    assert [each["result"] for each in json.loads(ended.stdout)] == [None]
    assert "cannot be converted" in ended.stderr


def test_annotations_of_a_config(
    project: Project, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every problem of a config is an annotation of its line, on GitHub and where asked for."""
    monkeypatch.chdir(project.folder)
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)
    Path("wrong.yaml").write_text("name: a\nsource: {format: kers, path: x}\nodd: 1\n")
    for words, setting, expected in (
        (["--format", "github"], "", 2),
        ([], "true", 2),
        (["--format", "text"], "true", 0),
        ([], "", 0),
    ):
        monkeypatch.setenv("GITHUB_ACTIONS", setting)
        assert main(["validate", "wrong.yaml", *words]) == 2
        lines = capsys.readouterr().err.splitlines()
        found = [line for line in lines if line.startswith("::error ")]
        assert len(found) == expected
        if found:
            assert found[0].startswith("::error file=wrong.yaml,line=2,col=18::source.format: ")


def test_annotation_of_a_stage(project: Project) -> None:
    """A stage that failed is an annotation of its config, in one line."""
    ended = project.run(
        "convert", "config.yaml", GITHUB_ACTIONS="true", FAKE_TROUBLE="convert=full"
    )
    (line,) = [each for each in ended.stderr.splitlines() if each.startswith("::error")]
    assert line.startswith("::error file=config.yaml::")
    assert "No space left" in line


def test_annotations_are_escaped() -> None:
    """A message or a path cannot end the command, or begin another."""
    problem = Problem(1, 2, "k", "50%\n::warning::x")
    text = annotated(ConfigError(Path("/a,b:c.yaml"), [problem]))
    assert text == "::error file=/a%2Cb%3Ac.yaml,line=1,col=2::k: 50%25%0A::warning::x\n"
    assert annotated(StageError("bad", "do this")) == "::error::bad%0A  do this\n"


def _completed(*words: str, folder: Path = ROOT) -> list[str]:
    """What is offered to a shell after `rnnlite WORDS`, the last one being typed."""
    typed = {"COMP_WORDS": " ".join(["rnnlite", *words]), "COMP_CWORD": str(len(words))}
    ended = subprocess.run(
        [sys.executable, "-m", "rnnlite_pipeline"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), COMPLETE: "bash_complete", **typed},
        capture_output=True,
        text=True,
        check=True,
    )
    assert not ended.stderr
    return [line.partition(",")[2] for line in ended.stdout.splitlines() if line]


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        (["ver"], ["verify", "verify-bundle"]),
        (["convert", "--l"], ["--locked"]),
        (["completion", "z"], ["zsh"]),
        (["validate", "--format", "g"], ["github"]),
    ],
)
def test_words_are_completed(words: list[str], offered: list[str]) -> None:
    """A shell offers commands, options and their values."""
    assert _completed(*words) == offered


def test_completion_offers_configs_only(project: Project) -> None:
    """Of a folder of YAML files the configs, and the names of those in configs/; nothing else."""
    folder = project.folder
    (folder / "configs").mkdir()
    (folder / "configs" / "one.yaml").write_text("name: first\nsource: {format: keras, path: x}\n")
    (folder / "configs" / "schema.json").write_text("{}")
    (folder / "pipelines.yaml").write_text("stages: [validate]\n")
    assert _completed("convert", "", folder=folder) == ["config.yaml", "configs/one.yaml", "first"]
    assert _completed("convert", "configs/", folder=folder) == ["configs/one.yaml"]
    assert _completed("convert", "pipe", folder=folder) == []


@pytest.mark.parametrize("shell", SHELLS)
def test_completion_is_a_script(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Each shell's script asks this program, and is one that the shell can read."""
    assert main(["completion", shell]) == 0
    script = capsys.readouterr().out
    assert COMPLETE in script
    if shutil.which(shell):
        subprocess.run([shell, "-n"], input=script, text=True, check=True)


def test_manual_is_fresh() -> None:
    """docs/cli.md is what `python -m rnnlite_pipeline.cli.manual` prints."""
    written = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
    assert written == manual(COMMANDS)


CONFIG = "name: {name}\nsource: {{format: keras, path: source.keras}}\n"


def _three(project: Project, command: str, *words: str) -> subprocess.CompletedProcess[str]:
    """A command for three configs, the conversion of one of which fails."""
    for name in ("other", "third"):
        (project.folder / f"{name}.yaml").write_text(CONFIG.format(name=name))
    (project.folder / "other.yaml").write_text(
        CONFIG.format(name="other").replace("source.keras", "none.keras")
    )
    return project.run(command, "config.yaml", "other.yaml", "third.yaml", *words)


def test_errors_name_their_config(project: Project) -> None:
    """Each line on standard error names a config; a summary says which one failed, and why."""
    ended = _three(project, "convert")
    assert ended.returncode == 2
    *errors, count, why = ended.stderr.splitlines()
    assert errors
    assert all("other.yaml" in line for line in errors)
    assert count == "2 done, 1 failed:"
    assert why.startswith("  validate other (other.yaml): ")
    assert "no such file" in why


def test_every_stage_has_json(project: Project) -> None:
    """What each stage prints fits its schema, with the error and its place of one that failed."""
    ended = _three(project, "package", "--json")
    told = TypeAdapter(OUTPUTS["package"]).validate_json(ended.stdout)
    assert [each["status"] for each in told] == ["done", "failed", "done"]
    assert told[0]["files"][0]["path"] == "build/fake/dist/fake-0.0.0.zip"
    assert told[1]["error"]["problems"][0]["line"] == 2
    assert told[1]["error"]["status"] == 2


#: Calls of the commands that run no stage.
OTHERS: tuple[tuple[str, ...], ...] = (
    ("validate", "config.yaml"),
    ("plan", "config.yaml"),
    ("diff", "BUNDLE", "BUNDLE"),
    ("verify-bundle", "BUNDLE", "--unsigned"),
    ("schema",),
    ("targets", "litert"),
    ("completion", "bash"),
    ("help", "convert"),
    ("help",),
)


def test_outputs_of_other_commands(
    project: Project, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the other commands print with `--json` fits its schema; so does the error of a call."""
    monkeypatch.chdir(project.folder)
    project.package()
    bundle = str(project.bundle)
    for words in OTHERS:
        assert main([*(bundle if each == "BUNDLE" else each for each in words), "--json"]) == 0
        TypeAdapter(OUTPUTS[words[0]]).validate_json(capsys.readouterr().out, strict=True)
    for call in (["sign", bundle], ["frobnicate"], ["convert"], ["view", "none.tflite"]):
        assert main([*call, "--json"]) != 0, call
        TypeAdapter(CallErrorJson).validate_json(capsys.readouterr().out)


def test_output_of_bom(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    """What `bom --json` prints fits its schema."""
    pytest.importorskip("cyclonedx", reason="the extra `trust` is not installed")
    project.package()
    assert main(["bom", str(project.bundle), "--json"]) == 0
    TypeAdapter(OUTPUTS["bom"]).validate_json(capsys.readouterr().out, strict=True)


#: The commands that run a stage; `package` has a test of its own.
STAGES = ("inspect", "convert", "verify", "report", "lock", "benchmark")


@pytest.mark.parametrize("command", STAGES)
def test_output_of_each_stage(project: Project, command: str) -> None:
    """What a stage that succeeds prints with `--json` fits its schema, type for type."""
    ended = project.run(command, "config.yaml", "--json")
    (told,) = TypeAdapter(OUTPUTS[command]).validate_json(ended.stdout, strict=True)
    assert (ended.returncode, told["status"], told["error"]) == (0, "done", None)
    assert all(each["bytes"] > 0 for each in told["files"])


def test_the_output_of_every_command_is_tested() -> None:
    """A new command with `--json` needs a test of what it prints."""
    elsewhere = {
        "bom",
        "package",
        "sign",
        "init",
        "view",
    }  # here, tests/trust, test_init, test_view
    assert {*STAGES, *elsewhere, *(words[0] for words in OTHERS)} == set(OUTPUTS)


def test_every_command_has_json_with_a_schema(capsys: pytest.CaptureFixture[str]) -> None:
    """Every command takes `--json`, and `schema output` says what it prints."""
    assert main(["schema", "output"]) == 0
    defs = json.loads(capsys.readouterr().out)["$defs"]
    for name, command in COMMANDS.items():
        assert any("--json" in each.opts for each in command.arguments), name
        assert name in defs


#: The commands whose result is what they print.
PRINTING = {"plan", "diff", "view", "schema", "targets", "completion", "help"}


def test_every_command_that_works_on_files_can_be_quiet(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """All take `-q` but those whose result is what they print; errors are printed all the same."""
    for name, command in COMMANDS.items():
        assert any("-q" in each.opts for each in command.arguments) == (name not in PRINTING)
    config = tmp_path / "none.yaml"
    for words in (["validate"], ["convert"], ["bom"], ["verify-bundle", "--unsigned"], ["init"]):
        assert main([*words, str(config), "-q"]) != 0
        told = capsys.readouterr()
        assert (told.out, bool(told.err)) == ("", True)


def test_a_command_that_is_quiet_prints_nothing(
    project: Project, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It makes the same files."""
    monkeypatch.chdir(project.folder)
    assert project.run("package", "config.yaml", "-q").stdout == ""
    bundle = str(project.bundle)
    for words in (["validate", "config.yaml"], ["verify-bundle", bundle, "--unsigned"]):
        assert main([*words, "-q"]) == 0
        assert capsys.readouterr() == ("", "")
