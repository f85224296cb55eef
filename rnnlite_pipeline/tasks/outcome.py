"""What became of each stage of a run, and the summary of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from rnnlite_pipeline.errors import RnnliteError

State = Literal["done", "up to date", "failed", "not run"]


@dataclass(frozen=True)
class Outcome:
    """What became of one stage of one release.

    Attributes:
        label: The stage and the release, `convert digits`.
        release: The release's name.
        config: The config as the user would name it; empty where the task has none.
        state: "not run" is a stage whose need failed.
        seconds: How long it took.
        error: Why it failed.
    """

    label: str
    release: str
    config: str
    state: State
    seconds: float = 0.0
    error: RnnliteError | None = None

    @property
    def well(self) -> bool:
        """Whether the stage's files are there."""
        return self.state in ("done", "up to date")


@dataclass(frozen=True)
class Run:
    """What became of a run.

    Attributes:
        status: The exit status.
        outcomes: Of every stage that was looked at, by its label.
    """

    status: int
    outcomes: dict[str, Outcome]


def cause(asked: Outcome, outcomes: Sequence[Outcome]) -> Outcome:
    """The outcome itself, or the failure of the same release because of which it was not run."""
    if asked.state != "not run":
        return asked
    failed = [each for each in outcomes if each.release == asked.release and each.error]
    return failed[0] if failed else asked


def summary(asked: Sequence[Outcome], outcomes: Sequence[Outcome]) -> str:
    r"""How many of the stages that were asked for are done, and which failed, and why.

    >>> done = Outcome("convert a", "a", "a.yaml", "done")
    >>> summary([done, done], [done])
    '2 done, 0 failed\n'
    """
    failed = [cause(each, outcomes) for each in asked if not each.well]
    lines = [f"{len(asked) - len(failed)} done, {len(failed)} failed{':' * bool(failed)}"]
    lines += [f"  {each.label} ({each.config}): {_why(each)}" for each in failed]
    return "".join(f"{line}\n" for line in lines)


def _why(outcome: Outcome) -> str:
    return str(outcome.error.message).split("\n")[0] if outcome.error else outcome.state


def shown(path: Path | None) -> str:
    """A config as the user would name it."""
    from rnnlite_pipeline.files import near

    return str(near(path)) if path else ""
