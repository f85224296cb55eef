"""The messages of a command that failed, and its JSON."""

from __future__ import annotations

import json

import pytest

from rnnlite_pipeline.cli.failure import failed, print_json


def test_a_failure_is_one_message_on_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    """The status is handed on."""
    assert failed("no such file\n  Name another.", 2) == 2
    captured = capsys.readouterr()
    assert captured.err == "error: no such file\n  Name another.\n"
    assert captured.out == ""


def test_json_is_read_by_people_too(capsys: pytest.CaptureFixture[str]) -> None:
    """Indented, with letters as they are, and a line break at its end."""
    print_json({"name": "é", "files": []})
    text = capsys.readouterr().out
    assert text == '{\n  "name": "é",\n  "files": []\n}\n'
    assert json.loads(text) == {"name": "é", "files": []}
