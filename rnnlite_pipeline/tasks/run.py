"""Runs the graph for configs from anywhere: doit without a dodo.py."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from doit.cmd_base import ModuleTaskLoader
from doit.doit_cmd import DoitMain
from doit.exceptions import BaseFail, TaskFailed, UnmetDependency

from rnnlite_pipeline.tasks.child import COMMAND
from rnnlite_pipeline.tasks.graph import GROUP_OF, Bring, namespace
from rnnlite_pipeline.tasks.outcome import Run
from rnnlite_pipeline.tasks.plan import Plan
from rnnlite_pipeline.tasks.reporter import Progress, Telling
from rnnlite_pipeline.tasks.settings import BACKEND, doit_settings
from rnnlite_pipeline.tasks.table import needed_groups


class _Statuses(Progress):
    """Progress that remembers the gravest failure.

    doit counts a task that was not run, as what it needs failed, as an error of its own.
    """

    worst = 0

    def add_failure(self, task: Any, fail: BaseFail) -> None:
        """A task failed, or cannot run."""
        super().add_failure(task, fail)
        if not isinstance(fail, UnmetDependency):
            self.worst = max(self.worst, 1 if isinstance(fail, TaskFailed) else 2)


def run_stages(
    stage: str,
    plans: Sequence[Plan],
    build: Path,
    jobs: int,
    command: Sequence[str] = COMMAND,
    *,
    telling: Telling | None = None,
    force: bool = False,
    bring: Bring | None = None,
    dump_passes: Path | None = None,
) -> Run:
    """Bring one stage of each plan up to date, with all it needs.

    Args:
        stage: A stage as the user knows it.
        plans: The models; no two of one name.
        build: The folder DIR.
        jobs: How many stages may run at a time.
        command: What starts a stage in a process of its own.
        telling: How much is told; the usual where None.
        force: Whether stages are run that are up to date.
        bring: What does the stages; each is run here where None.
        dump_passes: The folder for the graphs after each pass, DIR/NAME for each model.

    Returns:
        The exit status, and what became of each stage.
    """
    reporter = _Statuses(sys.stdout)
    reporter.telling = telling or Telling()
    settings = {
        **doit_settings(build),
        "reporter": reporter,
        "continue": True,  # what is wrong with one model does not stop the others
    }
    groups = {name for plan in plans for name in needed_groups(GROUP_OF[stage], plan)}
    creators = namespace(plans, command, bring, dump_passes, groups)
    tasks = {**creators, "DOIT_CONFIG": settings}
    main = DoitMain(
        ModuleTaskLoader(tasks), config_filenames=(), extra_config={"BACKEND": dict(BACKEND)}
    )
    options = ["-n", str(jobs)] if jobs > 1 else []
    options += ["--always-execute"] if force else []
    names = [f"{GROUP_OF[stage]}:{plan.name}" for plan in plans]
    status: int = main.run(["run", *options, *names])
    return Run(reporter.worst or status, reporter.outcomes)
