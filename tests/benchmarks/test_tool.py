"""What the tool itself costs: what the benchmark measures is what it says."""

from __future__ import annotations

from pathlib import Path

from benchmarks.tool import COLD, Asked, _Noted, _up_to_date
from rnnlite_pipeline.tasks.plan import plans_of
from rnnlite_pipeline.tasks.reporter import Telling
from rnnlite_pipeline.tasks.run import run_stages


def test_the_configs_of_the_no_op_are_up_to_date(tmp_path: Path) -> None:
    """All stages of a conversion are noted as done: a second run only looks at them."""
    names = Asked(tmp_path, 1, 1, COLD).names(2)
    _up_to_date(tmp_path, names)
    build = tmp_path / "build"
    plans = [plan for name in names for plan in plans_of(tmp_path / f"{name}.yaml", build)]
    run = run_stages("convert", plans, build, 1, telling=Telling(quiet=True), bring=_Noted())
    states = {outcome.label: outcome.state for outcome in run.outcomes.values()}
    assert states == {
        f"{stage} {name}": "up to date"
        for stage in ("validate", "import", "convert", "describe")
        for name in names
    }
