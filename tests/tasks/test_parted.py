"""What stages that may be made in parts have in common."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from rnnlite_pipeline.config.part import Part
from rnnlite_pipeline.errors import StageError
from rnnlite_pipeline.tasks import graph
from rnnlite_pipeline.tasks.graph import GROUPS, Means
from rnnlite_pipeline.tasks.parted import Make, Parted
from rnnlite_pipeline.tasks.plan import Plan

FOLDER = Path(".work") / "parts"


def _made(plan: Plan, *names: str) -> list[Path]:
    folder = plan.out / FOLDER
    folder.mkdir(parents=True)
    for name in names:
        (folder / name).write_bytes(b"")
    return sorted(folder.iterdir())


def test_files_of_parts_are_listed_without_logs(plan: Plan) -> None:
    """Nothing is there before a part was made; a log or a folder is no file of one."""
    parted = Parted(FOLDER, lambda *_: None)
    assert parted.left(plan) == []
    made = _made(plan, "2.npz", "1.npz", "1.log")
    (plan.out / FOLDER / "folder.npz").mkdir()
    assert parted.left(plan) == [made[1], made[2]]


def test_what_is_there_is_discarded(plan: Plan) -> None:
    """Also where nothing is there; what stands beside the folder stays."""
    parted = Parted(FOLDER, lambda *_: None)
    parted.discard(plan)
    _made(plan, "1.npz")
    (plan.out / "model.tflite").write_bytes(b"")
    parted.discard(plan)
    assert not (plan.out / FOLDER).exists()
    assert (plan.out / "model.tflite").exists()


class Kept:
    """Brings stages up to date without running any; what is kept, is kept by its group."""

    def __init__(self, *kept: str, fails: str = "") -> None:
        self.kept, self.fails = kept, fails
        self.done: list[str] = []

    def fetch(self, group: str, plan: Plan) -> str:
        """Takes what is kept."""
        del plan
        return "kept" if group in self.kept else ""

    def __call__(self, group: str, plan: Plan, run: Callable[[], None]) -> str:
        """Does nothing but note it."""
        del run
        self.done.append(f"{group} {plan.part}" if plan.part else group)
        if group == self.fails:
            raise StageError("it failed")
        if plan.part:
            _made_at(plan, f"{plan.part.called}.npz")
        else:
            self.found = Parted(FOLDER, lambda *_: None).left(plan)
        return "elsewhere"


def _made_at(plan: Plan, name: str) -> None:
    (plan.out / FOLDER).mkdir(parents=True, exist_ok=True)
    (plan.out / FOLDER / name).write_bytes(b"")


def _in_two(plan: Plan, make: Make, at_once: int) -> None:
    assert at_once == 3
    for number in range(2):
        make("batch", replace(plan, part=Part(number, 2)))


@pytest.fixture(autouse=True)
def _verify_in_two(monkeypatch: pytest.MonkeyPatch) -> None:
    """The stage verify has two parts."""
    stage = replace(GROUPS["verify"], parted=Parted(FOLDER, _in_two))
    monkeypatch.setitem(GROUPS, "verify", stage)


def _do(plan: Plan, bring: Kept, at_once: int = 3) -> str:
    (task,) = graph.group("verify", [plan], Means(bring=bring, at_once=at_once))
    how: str = task["actions"][0][1][0]()
    return how


def test_parts_are_made_before_their_stage(plan: Plan) -> None:
    """What stood there before is gone, the stage finds what they left, and then that is gone."""
    _made(plan, "stale.npz")
    bring = Kept()
    assert _do(plan, bring) == "elsewhere"
    assert bring.done == ["batch 1/2", "batch 2/2", "verify"]
    assert [path.name for path in bring.found] == ["001-of-002.npz", "002-of-002.npz"]
    assert not (plan.out / FOLDER).exists()


def test_a_stage_that_is_kept_needs_no_parts(plan: Plan) -> None:
    """It is taken, and no part is asked for."""
    bring = Kept("verify")
    assert _do(plan, bring) == "kept"
    assert bring.done == []


def test_one_stage_at_a_time_has_no_parts(plan: Plan) -> None:
    """The stage does all of it itself, and finds nothing of an earlier run."""
    _made(plan, "stale.npz")
    bring = Kept()
    assert _do(plan, bring, at_once=1) == "elsewhere"
    assert bring.done == ["verify"]
    assert bring.found == []


def test_parts_of_a_stage_that_fails_stay(plan: Plan) -> None:
    """Their logs are there to read; the next run begins without them."""
    with pytest.raises(StageError, match="it failed"):
        _do(plan, Kept(fails="verify"))
    assert len(list((plan.out / FOLDER).iterdir())) == 2
    assert _do(plan, Kept(), at_once=1) == "elsewhere"
    assert not (plan.out / FOLDER).exists()
