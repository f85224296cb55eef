"""Errors as GitHub's workflow commands."""

from __future__ import annotations

from pathlib import Path

import pytest

from rnnlite_pipeline.config.annotations import annotated, annotation, on_github
from rnnlite_pipeline.errors import ConfigError, Problem, StageError


def test_a_command_with_its_place() -> None:
    """Parts that are not known are left out."""
    path = Path("configs/a.yaml")
    assert annotation("no", path, 3, 5) == "::error file=configs/a.yaml,line=3,col=5::no"
    assert annotation("no", path) == "::error file=configs/a.yaml::no"
    assert annotation("no") == "::error::no"


def test_nothing_of_a_message_is_a_command() -> None:
    """Line breaks and percent signs are escaped, in a path colons and commas as well."""
    shown = annotation("50%\r\n::error::b", Path("a,b:c.yaml"))
    assert shown == "::error file=a%2Cb%3Ac.yaml::50%25%0D%0A::error::b"


def test_each_problem_of_a_config_is_a_line() -> None:
    """With the config's path and the key, where there is one."""
    problems = [Problem(1, 2, "name", "wrong"), Problem(3, 4, "", "damaged")]
    shown = annotated(ConfigError(Path("a.yaml"), problems), Path("other.yaml"))
    assert shown.splitlines() == [
        "::error file=a.yaml,line=1,col=2::name: wrong",
        "::error file=a.yaml,line=3,col=4::damaged",
    ]


def test_another_error_is_one_line_with_the_config_it_belongs_to() -> None:
    """Its remedy is part of it."""
    shown = annotated(StageError("It failed.", "Try again."), Path("a.yaml"))
    assert shown.count("\n") == 1
    assert shown.startswith("::error file=a.yaml::It failed.")
    assert "Try again." in shown


@pytest.mark.parametrize(("value", "on"), [("true", True), ("false", False), ("", False)])
def test_only_github_says_true(monkeypatch: pytest.MonkeyPatch, value: str, on: bool) -> None:
    """The variable that GitHub sets."""
    monkeypatch.setenv("GITHUB_ACTIONS", value)
    assert on_github() == on
