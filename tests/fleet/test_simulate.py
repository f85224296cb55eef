"""The simulation of a plan on many workers."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from examples.fleet.simulate import main, makespan
from rnnlite_pipeline.fleet.plan import plan_json
from rnnlite_pipeline.tasks.plan import plans_of
from tests.fake.project import Project

SECONDS = {"validate": 0.0, "import": 6.0, "convert": 4.0, "verify": 8.0}


def test_the_bounds_of_a_schedule(project: Project) -> None:
    """One worker takes the sum, endless workers the longest chain, and more are never slower."""
    many = "".join(f"  v{i}: {{annotations: {{n: '{i}'}}}}\n" for i in range(20))
    project.write_config(f"variants:\n{many}")
    stages = plan_json(plans_of(project.config, project.build))["stages"]
    once = {stage["digest"]: SECONDS.get(stage["stage"], 1.0) for stage in stages}
    assert makespan(stages, SECONDS, 1) == sum(once.values())
    chain = sum(SECONDS.get(name, 1.0) for name in ("import", "convert", "verify"))
    assert makespan(stages, SECONDS, 1000) == chain + 3  # describe, report and package
    times = [makespan(stages, SECONDS, n) for n in (1, 2, 4, 8, 16)]
    assert times == sorted(times, reverse=True)
    assert times[0] / times[1] > 1.8


def test_it_says_that_it_simulates(
    project: Project, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nobody takes its figures for measured ones."""
    plan = tmp_path / "plan.json"
    plan.write_text(json.dumps(plan_json(plans_of(project.config, project.build))))
    main([str(plan), "--seconds", "import=6"])
    assert capsys.readouterr().out.startswith("simulated: 8 stages\n  1 workers")
