"""What the command line prints for machines: JSON, annotations, completion; and while it works."""

from __future__ import annotations

import io
import json
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from rnnlite_pipeline.cli import COMMANDS, main
from rnnlite_pipeline.cli.completion import completion
from rnnlite_pipeline.cli.manual import manual
from rnnlite_pipeline.config.annotations import annotated
from rnnlite_pipeline.errors import ConfigError, Problem, StageError
from rnnlite_pipeline.tasks.live import LiveLine
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


def _completed(*words: str) -> list[str]:
    """What bash offers after `rnnlite WORDS`, the last one being typed."""
    typed = " ".join(f"'{word}'" for word in ("rnnlite", *words))
    script = f"""{completion("bash", COMMANDS)}
compopt() {{ :; }}
COMP_WORDS=({typed}); COMP_CWORD={len(words)}
_rnnlite
printf '%s\\n' "${{COMPREPLY[@]}}"
"""
    ended = subprocess.run(
        ["bash", "-c", script], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert not ended.stderr
    return ended.stdout.split()


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        (["ver"], ["verify", "verify-bundle"]),
        (["convert", "--l"], ["--locked"]),
        (["convert", "configs/sche"], ["configs/schema.json"]),
        (["completion", "z"], ["zsh"]),
        (["view", "x", "--with", ""], ["netron", "model-explorer"]),
        (["validate", "--format", "g"], ["github"]),
        (["convert", "--out", "tests/fu"], ["tests/fuzz"]),
    ],
)
def test_bash_completes(words: list[str], offered: list[str]) -> None:
    """bash offers commands, options, their values, files and folders."""
    assert _completed(*words) == offered


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_knows_every_option(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Each shell's script has every command and option, and is one that the shell can read."""
    assert main(["completion", shell]) == 0
    script = capsys.readouterr().out
    for name, command in COMMANDS.items():
        assert name in script
        for each in command.arguments:
            if each.names[0].startswith("-"):
                assert each.names[0].lstrip("-") in script
    if shutil.which(shell):
        subprocess.run([shell, "-n"], input=script, text=True, check=True)


def test_manual_is_fresh() -> None:
    """docs/cli.md is what `python -m rnnlite_pipeline.cli.manual` prints."""
    written = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
    assert written == manual(COMMANDS)


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_line_lives_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a terminal the running stage and its seconds are shown, and erased at the end."""
    monkeypatch.setattr("rnnlite_pipeline.tasks.live.SECONDS", 0.01)
    out, running = _Terminal(), {"convert digits": time.monotonic() - 7}
    line = LiveLine(out, running)
    deadline = time.monotonic() + 5
    while "convert digits 7 s" not in out.getvalue() and time.monotonic() < deadline:
        time.sleep(0.01)
    line.write("verify digits: start\n")
    line.close()
    text = out.getvalue()
    assert "\r\033[Kconvert digits 7 s" in text
    assert "\r\033[Kverify digits: start\n" in text
    assert text.endswith("\r\033[K")


def test_plain_elsewhere() -> None:
    """Where standard output is no terminal nothing but whole lines is written."""
    out = io.StringIO()
    line = LiveLine(out, {"convert digits": 0.0})
    line.write("a line\n")
    line.close()
    assert out.getvalue() == "a line\n"
