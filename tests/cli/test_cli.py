"""The `rnnlite` command: its help, its errors, and its exit status."""

from __future__ import annotations

import subprocess
import sys

import pytest

from rnnlite_pipeline.cli import COMMANDS, main
from tests.fake.project import ROOT, Project

MODULE = (sys.executable, "-m", "rnnlite_pipeline")


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Each command explains itself with an example, and is in the help and the README."""
    assert main([command, "--help"]) == 0
    text = capsys.readouterr().out
    assert f":\n    rnnlite {command}" in text
    assert main(["help", command]) == 0
    assert capsys.readouterr().out == text
    assert main(["--help"]) == 0
    assert f"\n  {command} " in capsys.readouterr().out
    assert f"rnnlite {command}" in (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["vaildate", "config.yaml"], "Did you mean validate?"),
        (["frobnicate"], "There are benchmark, bom, completion,"),
        (["convert"], "rnnlite convert needs CONFIG.\n  See `rnnlite help convert`.\n"),
        (["help", "convrt"], "Did you mean convert?"),
        (["convert", "fak"], "Did you mean fake?"),
        (["convert", "--cache", "x", "--force", "config.yaml"], "Leave one of them out."),
        (["convert", "confg.yaml"], "config.yaml"),
        (
            ["convert", "config.yaml", "--outt", "x"],
            "Did you mean --out? See `rnnlite help convert`",
        ),
        (["convert", "config.yaml", "-n", "0"], "Invalid value for -n: 0"),
        (["convert", "config.yaml", "-n", "x"], "Invalid value for -n: x"),
        (["convert", "."], "."),
        (["validate", "config.yaml", "other.yaml"], "other.yaml"),
        ([], "Usage: rnnlite [OPTIONS] COMMAND"),
    ],
)
def test_wrong_call(
    project: Project,
    words: list[str],
    message: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A wrong call ends with 2, and says on standard error what would be right."""
    monkeypatch.chdir(project.folder)
    assert main(words) == 2
    captured = capsys.readouterr()
    assert message in captured.err
    assert "Traceback" not in captured.err


def test_all_wrong_configs_are_told(
    project: Project, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is wrong with several configs is told at once, before any of them is worked on."""
    monkeypatch.chdir(project.folder)
    for name in ("a", "b"):
        (project.folder / f"{name}.yaml").write_text(f"name: {name}\n", encoding="utf-8")
    assert main(["convert", "a.yaml", "config.yaml", "b.yaml"]) == 2
    errors = capsys.readouterr().err
    assert "a.yaml:1:1" in errors
    assert "b.yaml:1:1" in errors
    assert not project.build.exists()


def test_two_configs_of_one_name(
    project: Project, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two configs that would write to one folder are refused; one named twice is not."""
    monkeypatch.chdir(project.folder)
    (project.folder / "copy.yaml").write_bytes(project.config.read_bytes())
    assert main(["convert", "config.yaml", "copy.yaml"]) == 2
    assert "both named fake" in capsys.readouterr().err
    assert project.run("convert", "config.yaml", "./config.yaml").returncode == 0


def test_validate_says_what_is_valid(
    project: Project, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """`validate` names each valid config and leaves nothing."""
    monkeypatch.chdir(project.folder)
    assert main(["validate", "config.yaml"]) == 0
    assert capsys.readouterr().out == "config.yaml: valid\n"
    assert not project.build.exists()


def test_validate_tells_all_at_once(
    project: Project, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every file that is missing is told at once, each with its place."""
    monkeypatch.chdir(project.folder)
    project.write_config("verification: {data: {path: none.npz}}\npackage: {include: [none.md]}\n")
    assert main(["validate", "config.yaml"]) == 2
    errors = capsys.readouterr().err
    assert "config.yaml:3:" in errors
    assert "config.yaml:4:" in errors


def test_inspect_prints_its_table(project: Project) -> None:
    """`inspect` prints the table, also when there is nothing to do."""
    for _ in range(2):
        ended = project.run("inspect", "config.yaml")
        assert ended.stdout.endswith("a table of first\n")


def test_schema_of_a_pipeline_is_the_checked_in_one(capsys: pytest.CaptureFixture[str]) -> None:
    """`schema pipeline` prints pipelines/schema.json, which every pipeline here names."""
    assert main(["schema", "pipeline"]) == 0
    folder = ROOT / "pipelines"
    assert capsys.readouterr().out == (folder / "schema.json").read_text(encoding="utf-8")
    for path in folder.glob("*.yaml"):
        first = path.read_text(encoding="utf-8").splitlines()[0]
        assert first == "# yaml-language-server: $schema=./schema.json", path


def test_reader_may_stop_early() -> None:
    """A closed pipe is no error: `rnnlite schema | head -1`."""
    command = (
        f"{sys.executable} -m rnnlite_pipeline schema | head -c 1; echo; exit ${{PIPESTATUS[0]}}"
    )
    ended = subprocess.run(
        ["bash", "-c", command], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (ended.returncode, ended.stderr) == (0, "")


def test_report_lists_every_model(project: Project) -> None:
    """One page for all configs that are named, those that failed among them; exit 1 if one did."""
    other = project.folder / "other.yaml"
    other.write_text(project.config.read_text(encoding="utf-8").replace("fake", "other"))
    ended = project.run("report", "config.yaml", "other.yaml")
    assert ended.returncode == 0, ended.stderr
    page = (project.build / "index.html").read_text(encoding="utf-8")
    assert "2 models, 2 verified" in page
    assert 'href="fake/report.html"' in page
    project.write_source(b"changed")
    ended = project.run("report", "config.yaml", "other.yaml", FAKE_TROUBLE="convert=refused")
    assert ended.returncode == 1
    assert "build/index.html" in ended.stdout
    page = (project.build / "index.html").read_text(encoding="utf-8")
    assert "2 models, 0 verified, 2 without results" in page
