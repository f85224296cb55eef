"""The table of commands, and the commands that need no config."""

from __future__ import annotations

import inspect
import json
from pathlib import Path
from typing import Any

import click
import pytest

from rnnlite_pipeline.cli.arguments import SCHEMAS, SHELLS, Call
from rnnlite_pipeline.cli.commands import COMMANDS
from rnnlite_pipeline.cli.output import OUTPUTS
from rnnlite_pipeline.cli.stages import RESULTS, stage
from rnnlite_pipeline.config import schema_text
from rnnlite_pipeline.errors import CallError
from rnnlite_pipeline.tasks.table import GROUP_OF


def call(command: str, **arguments: Any) -> int:
    """Runs a command with these arguments."""
    defaults = {"json": False, "quiet": False, "stage_program": None, "command": command}
    return COMMANDS[command].run(Call(**{**defaults, **arguments}))


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_can_be_called_as_its_examples_are(name: str) -> None:
    """Each example parses: it names the command, and takes only what the command has."""
    command = COMMANDS[name]
    assert command.examples
    parser = click.Command(name, params=list(command.arguments))
    for example in command.examples:
        program, first, *words = example.partition(" > ")[0].split()
        assert (program, first) == ("rnnlite", name)
        with parser.make_context(name, words) as context:
            assert context.params.keys() == {each.name for each in command.arguments}


def test_what_a_command_does_is_one_line_without_a_full_stop() -> None:
    """The help makes sentences of it."""
    for name, command in COMMANDS.items():
        assert command.help[:1].islower(), name
        assert not command.help.endswith("."), name
        assert "\n" not in command.help, name


def test_every_stage_can_be_asked_for() -> None:
    """A command that runs a stage is called as the stage is, or locks one."""
    stages = {name for name, command in COMMANDS.items() if command.run is stage}
    assert stages - {"lock"} <= set(GROUP_OF)
    assert set(RESULTS) <= stages <= set(OUTPUTS)


@pytest.mark.parametrize("of", SCHEMAS)
def test_schemas_are_printed_as_json(of: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Each is a schema with a title."""
    assert call("schema", of=of) == 0
    assert json.loads(capsys.readouterr().out)["title"].startswith("rnnlite")


def test_the_schema_of_a_config_is_the_default(capsys: pytest.CaptureFixture[str]) -> None:
    """To the byte, so that it can be written to a file."""
    assert call("schema", of="config") == 0
    assert capsys.readouterr().out == schema_text()


@pytest.mark.parametrize("names", [(), ("litert",), ("tflm", "qualcomm")])
def test_targets_are_told_in_words_and_as_json(
    names: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    """Those that are named, or all."""
    assert call("targets", names=names) == 0
    text = capsys.readouterr().out
    assert all(name in text for name in names)
    assert text
    assert call("targets", names=names, json=True) == 0
    told = json.loads(capsys.readouterr().out)
    assert len(told) == len(names) or (not names and len(told) > 10)


def test_an_unknown_target_is_a_wrong_call() -> None:
    """With the closest one."""
    with pytest.raises(CallError, match="litert"):
        call("targets", names=("litrt",))


@pytest.mark.parametrize("shell", SHELLS)
def test_completion_scripts(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    """As they are, or in JSON with the name of the shell."""
    assert call("completion", shell=shell) == 0
    script = capsys.readouterr().out
    assert call("completion", shell=shell, json=True) == 0
    assert json.loads(capsys.readouterr().out) == {"shell": shell, "script": script}


def test_help_is_of_one_command_or_of_all(capsys: pytest.CaptureFixture[str]) -> None:
    """The first word counts; each has to be a command."""
    assert call("help", topic=()) == 0
    assert "Commands:" in capsys.readouterr().out
    assert call("help", topic=("plan", "help")) == 0
    assert capsys.readouterr().out.startswith("Usage: rnnlite plan")
    with pytest.raises(CallError) as caught:
        call("help", topic=("plan", "Convert"))
    assert str(caught.value) == "There is no command Convert.\n  Did you mean convert?"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, "Say how to sign."),
        ({"key": Path("k.pem"), "sigstore": True}, "Say how to sign."),
        ({"sigstore": True, "certificate": Path("c.pem")}, "needs its private key"),
        ({"sigstore": True, "chain": (Path("r.pem"),)}, "Add --certificate FILE."),
        ({"key": Path("k.pem"), "chain": (Path("r.pem"),)}, "Add --certificate FILE."),
    ],
)
def test_a_signature_is_asked_for_in_one_way(given: dict[str, Any], said: str) -> None:
    """An option that would have no effect is a wrong call, and not left out without a word."""
    options = {"key": None, "sigstore": False, "certificate": None, "chain": (), **given}
    with pytest.raises(CallError) as caught:
        call("sign", bundles=(Path("m.zip"),), **options)
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, "Say whose signature you trust."),
        ({"key": Path("k.pem"), "unsigned": True}, "Say whose signature you trust."),
        ({"roots": (Path("r.pem"),), "identity": "me"}, "Say whose signature you trust."),
        ({"identity": "me"}, "Give --identity and --issuer."),
        ({"issuer": "https://i"}, "Give --identity and --issuer."),
        ({"unsigned": True, "bundles": 2, "lock": Path("l")}, "are about one bundle"),
        ({"unsigned": True, "bundles": 2, "rebuild": Path("c")}, "are about one bundle"),
    ],
)
def test_trust_is_given_in_one_way(given: dict[str, Any], said: str) -> None:
    """A key, certificates, an identity with its issuer, or none: exactly one of them."""
    options: dict[str, Any] = {"key": None, "roots": (), "identity": "", "issuer": ""}
    options |= {"unsigned": False, "lock": None, "rebuild": None, **given}
    bundles = (Path("m.zip"),) * options.pop("bundles", 1)
    with pytest.raises(CallError) as caught:
        call("verify-bundle", bundles=bundles, **options)
    assert said in str(caught.value)


@pytest.mark.parametrize("as_json", [False, True])
def test_diff_of_two_equal_files(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], as_json: bool
) -> None:
    """The command hands both files on, and says what it found in words or as JSON."""
    path = tmp_path / "c.yaml"
    path.write_text("name: m\nsource: {format: keras, path: m.keras}\n")
    assert call("diff", first=path, second=path, json=as_json) == 0
    out = capsys.readouterr().out
    assert isinstance(json.loads(out), dict) if as_json else out


def test_no_command_imports_what_another_needs() -> None:
    """Each imports in its own function, so that `--help` and `validate` are quick."""
    from rnnlite_pipeline.cli import commands

    top = inspect.getsource(commands).partition("\ndef ")[0]
    for heavy in ("trust", "diff", "runtimes", "tasks", "numpy"):
        imported = [
            line
            for line in top.splitlines()
            if line.startswith(("import ", "from ")) and heavy in line
        ]
        assert imported == []
