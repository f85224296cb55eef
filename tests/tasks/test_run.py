"""The graph run for configs: its exit status, and what is told of each stage."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from rnnlite_pipeline.errors import StageError
from rnnlite_pipeline.tasks.plan import Plan, load_plan
from rnnlite_pipeline.tasks.reporter import Telling
from rnnlite_pipeline.tasks.run import run_stages
from rnnlite_pipeline.tasks.table import GROUPS
from tests.conftest import FAKE
from tests.fake.project import Project


class Elsewhere:
    """Brings each stage up to date without a process, but those that fail."""

    def __init__(self, **failures: StageError) -> None:
        self.failures, self.done = failures, list[str]()

    def fetch(self, group: str, plan: Plan) -> str:
        """Nothing is kept anywhere."""
        del group, plan
        return ""

    def __call__(self, group: str, plan: Plan, run: Callable[[], None]) -> str:
        """Leaves empty files; validate runs here."""
        if group == "validate":
            run()
            return ""
        self.done.append(f"{group} {plan.name}")
        if error := self.failures.get(group):
            raise error
        for path in GROUPS[group].makes(plan):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(plan.name)
        return "elsewhere"


@pytest.fixture
def plans(project: Project) -> list[Plan]:
    """Two releases of two configs."""
    other = project.folder / "other.yaml"
    other.write_text("name: other\nsource: {format: keras, path: source.keras}\n")
    return [load_plan(path, project.build) for path in (project.config, other)]


def test_a_stage_with_all_it_needs(plans: list[Plan], capsys: pytest.CaptureFixture[str]) -> None:
    """Stages come after what they need, for each release; again, all is up to date."""
    bring = Elsewhere()
    run = run_stages("convert", plans, plans[0].out.parent, 1, bring=bring)
    assert run.status == 0
    for name in ("fake", "other"):
        ran = [each.split()[0] for each in bring.done if each.endswith(f" {name}")]
        assert ran == ["import", "graph", "model"]
    shown = capsys.readouterr().out
    assert "describe fake: elsewhere in" in shown
    assert shown.endswith("2 done, 0 failed\n")
    again = Elsewhere()
    run = run_stages("convert", plans, plans[0].out.parent, 1, bring=again)
    assert again.done == []
    assert {each.state for each in run.outcomes.values()} == {"up to date"}


def test_force_runs_what_is_up_to_date(plans: list[Plan]) -> None:
    """Every stage that was asked for, and each before it."""
    build = plans[0].out.parent
    run_stages("inspect", plans[:1], build, 1, bring=Elsewhere())
    bring = Elsewhere()
    run_stages("inspect", plans[:1], build, 1, bring=bring, force=True)
    assert bring.done == ["import fake", "inspect fake"]


def test_the_gravest_failure_is_the_status(
    plans: list[Plan], capsys: pytest.CaptureFixture[str]
) -> None:
    """1 where a stage failed, 2 where a config is wrong; what was not run adds nothing."""
    build = plans[0].out.parent
    bring = Elsewhere(graph=StageError("It cannot be converted."))
    run = run_stages("package", plans[:1], build, 1, bring=bring)
    assert run.status == 1
    states = {label: each.state for label, each in run.outcomes.items()}
    assert states["convert fake"] == "failed"
    assert states["package fake"] == "not run"
    plans[1].config.resolve("source.keras").unlink()
    run = run_stages("convert", plans, build, 1, bring=bring)
    assert run.status == 2
    assert "no such file" in capsys.readouterr().err


def test_one_release_fails_alone(plans: list[Plan], capsys: pytest.CaptureFixture[str]) -> None:
    """The other one is made, also with several stages at a time."""

    class One(Elsewhere):
        def __call__(self, group: str, plan: Plan, run: Callable[[], None]) -> str:
            if plan.name == "fake" and group == "import":
                raise StageError("It cannot be read.")
            return super().__call__(group, plan, run)

    run = run_stages("convert", plans, plans[0].out.parent, 2, bring=One())
    assert run.status == 1
    assert (plans[1].out / "model.tflite").read_text() == "other"
    assert "1 done, 1 failed:\n  import fake (" in capsys.readouterr().err


def test_only_the_groups_that_are_needed_are_looked_at(plans: list[Plan]) -> None:
    """A conversion does not look at a verification, or at what it reads."""
    run = run_stages("convert", plans[:1], plans[0].out.parent, 1, bring=Elsewhere())
    assert set(run.outcomes) == {
        f"{stage} fake" for stage in ("validate", "import", "convert", "describe")
    }


def test_a_stage_in_its_process(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    """Where nothing brings it otherwise it is run here, by the command that is given."""
    plan = load_plan(project.config, project.build)
    run = run_stages("inspect", [plan], project.build, 1, FAKE, telling=Telling(steps=True))
    assert run.status == 0
    assert (project.out / "inspect.json").is_file()
    assert "inspect fake: pretending (1 of 1)\n" in capsys.readouterr().out


def test_no_release_is_no_work(tmp_path: Path) -> None:
    """A run of nothing is done."""
    assert run_stages("convert", [], tmp_path, 1).outcomes == {}
