"""What each command prints with `--json`."""

from __future__ import annotations

from pathlib import Path

import pytest

from rnnlite_pipeline.cli.commands import COMMANDS
from rnnlite_pipeline.cli.output import (
    OUTPUTS,
    error_json,
    files_json,
    output_schema,
    output_schema_text,
    problems_json,
)
from rnnlite_pipeline.errors import ConfigError, Problem, RnnliteError, StageError


@pytest.mark.parametrize(
    ("error", "problems"),
    [
        (StageError("It failed."), []),
        (ConfigError(Path("c.yaml"), ["1:1: as text"]), []),
        (
            ConfigError(Path("c.yaml"), [Problem(3, 5, "a.b", "wrong", "excerpt")]),
            [{"file": "c.yaml", "line": 3, "column": 5, "key": "a.b", "message": "wrong"}],
        ),
    ],
)
def test_problems_have_their_places(error: RnnliteError, problems: list[object]) -> None:
    """Those of a config in parts; another error has none."""
    assert problems_json(error) == problems


def test_an_error_has_its_message_remedy_and_status() -> None:
    """Apart from each other."""
    assert error_json(StageError("It failed.", "Do this.")) == {
        "message": "It failed.",
        "remedy": "Do this.",
        "status": 1,
        "problems": [],
    }


def test_files_are_those_that_are_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As the user would type them, with their sizes; folders and missing files are left out."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a").write_bytes(b"123")
    (tmp_path / "empty").touch()
    paths = [tmp_path / "a", tmp_path / "none", tmp_path, tmp_path / "empty"]
    assert files_json(paths) == [{"path": "a", "bytes": 3}, {"path": "empty", "bytes": 0}]


def test_every_command_has_its_schema() -> None:
    """And one more for the error of a call; every reference leads to a definition."""
    defs = output_schema()["$defs"]
    assert set(OUTPUTS) | {"error"} <= set(defs)
    assert set(OUTPUTS) <= set(COMMANDS)
    text = output_schema_text()
    references = {part.partition('"')[0] for part in text.split('"#/$defs/')[1:]}
    assert references
    assert references <= set(defs)
    assert text.endswith("}\n")


def test_no_key_of_an_output_is_optional() -> None:
    """So that a program can rely on each; what is not known is null, empty or 0."""
    for name, each in output_schema()["$defs"].items():
        if each.get("properties"):
            assert set(each["required"]) == set(each["properties"]), name
