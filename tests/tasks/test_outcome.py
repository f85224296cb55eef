"""What became of each stage, and the summary of a run."""

from __future__ import annotations

from pathlib import Path

import pytest

from rnnlite_pipeline.errors import ConfigError, StageError, named
from rnnlite_pipeline.tasks.outcome import Outcome, State, cause, shown, summary


def _outcome(label: str, state: State, message: str = "") -> Outcome:
    error = StageError(message, "Mend it.") if message else None
    release = label.split()[1]
    return Outcome(label, release, f"{release}.yaml", state, error=error)


@pytest.mark.parametrize(
    ("state", "well"), [("done", True), ("up to date", True), ("failed", False), ("not run", False)]
)
def test_whether_files_are_there(state: State, well: bool) -> None:
    """A stage that did not run has not left its files."""
    assert _outcome("convert a", state).well is well


def test_the_cause_of_a_stage_that_was_not_run() -> None:
    """It is the failure of the same release; a failure of another one is not."""
    asked = _outcome("package a", "not run")
    other, own = _outcome("import b", "failed", "b"), _outcome("import a", "failed", "a")
    assert cause(asked, [other, own, asked]) is own
    assert cause(asked, [other, asked]) is asked
    earlier = _outcome("validate a", "failed", "earlier")
    assert cause(own, [other, earlier, own]) is own


def test_a_summary_names_each_failure() -> None:
    """With its stage, config and the first line of the error, in the order that was asked for."""
    failed = _outcome("verify b", "failed", "It differs.\nMuch.")
    asked = [_outcome("package a", "done"), _outcome("package b", "not run")]
    assert summary(asked, [*asked, failed]) == (
        "1 done, 1 failed:\n  verify b (b.yaml): It differs.\n"
    )
    assert summary([asked[1]], [asked[1]]) == "0 done, 1 failed:\n  package b (b.yaml): not run\n"
    assert summary([], []) == "0 done, 0 failed\n"


def test_a_wrong_config_is_one_line_of_a_summary() -> None:
    """However many problems it has."""
    error = ConfigError(Path("a.yaml"), ["1:1: first", "2:1: second"])
    outcome = Outcome("validate a", "a", "a.yaml", "failed", error=error)
    assert summary([outcome], []).splitlines()[1:] == ["  validate a (a.yaml): a.yaml:1:1: first"]


def test_each_line_of_a_message_has_the_config() -> None:
    """Once; a run of one config has none, and a line that begins with it is left as it is."""
    assert named("", "one\n  two") == "one\n  two"
    assert named("a.yaml", "a.yaml:3:1: wrong\n  mend it") == "a.yaml:3:1: wrong\na.yaml:   mend it"


def test_a_config_as_the_user_names_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Below the working folder it is relative; a task without a config has no name for it."""
    monkeypatch.chdir(tmp_path)
    assert shown(None) == ""
    assert shown(tmp_path / "configs" / "a.yaml") == "configs/a.yaml"
    assert shown(Path("/elsewhere/a.yaml")) == "/elsewhere/a.yaml"
