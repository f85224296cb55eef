"""Runs the graph for configs from anywhere: doit without a dodo.py."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from doit.cmd_base import ModuleTaskLoader
from doit.cmd_run import Run as RunCommand
from doit.doit_cmd import DoitMain
from doit.exceptions import BaseFail, TaskFailed, UnmetDependency
from doit.plugin import PluginDict

from rnnlite_pipeline.tasks.child import COMMAND
from rnnlite_pipeline.tasks.graph import GROUP_OF, Bring, Means, namespace
from rnnlite_pipeline.tasks.outcome import Run
from rnnlite_pipeline.tasks.plan import Plan
from rnnlite_pipeline.tasks.reporter import Progress, Telling
from rnnlite_pipeline.tasks.settings import doit_settings
from rnnlite_pipeline.tasks.state import StateFolder
from rnnlite_pipeline.tasks.table import needed_groups


class _Statuses(Progress):
    """Progress that remembers the gravest failure.

    doit counts a task that was not run because another task failed as another error.
    """

    worst = 0

    def add_failure(self, task: Any, fail: BaseFail) -> None:
        """A task failed, or cannot run."""
        super().add_failure(task, fail)
        if not isinstance(fail, UnmetDependency):
            self.worst = max(self.worst, 1 if isinstance(fail, TaskFailed) else 2)


class _Run(RunCommand):
    """doit's `run` with our database and reporter, which the settings name.

    doit looks through every installed package for others, three times.
    """

    def get_backends(self) -> dict[str, Any]:
        """The database, by its name in the settings."""
        return {"folder": StateFolder}

    def get_reporters(self) -> dict[str, Any]:
        """None by name: the settings have ours itself."""
        return {}


class _Main(DoitMain):
    """doit with one command; none of an installed package's."""

    def get_cmds(self) -> PluginDict:
        """The command, by its name."""
        commands = PluginDict()
        commands["run"] = _Run
        return commands


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
    elsewhere: int = 0,
    dump_passes: Path | None = None,
) -> Run:
    """Bring one stage of each plan up to date, with all it needs.

    Args:
        stage: A stage as the user knows it.
        plans: The models; no two of one name.
        build: The folder DIR.
        jobs: How many stages may run on this machine at a time.
        command: The command that starts a stage in a separate process.
        telling: How much is printed; the usual where None.
        force: Whether stages are run that are up to date.
        bring: What does the stages; each is run here where None.
        elsewhere: How many stages it may have run on other machines at a time.
        dump_passes: The folder for the graphs after each pass, DIR/NAME for each model.

    Returns:
        The exit status, and what became of each stage.
    """
    reporter = _Statuses(sys.stdout)
    reporter.telling = telling or Telling()
    settings = {
        **doit_settings(build),
        "reporter": reporter,
        "continue": True,  # an error of one model does not stop the others
    }
    means = Means.of(command, bring, jobs, elsewhere, dump_passes)
    groups = {name for plan in plans for name in needed_groups(GROUP_OF[stage], plan)}
    tasks = {**namespace(plans, means, groups), "DOIT_CONFIG": settings}
    main = _Main(ModuleTaskLoader(tasks), config_filenames=())
    options = ["-n", str(means.at_once)] if means.at_once > 1 else []
    options += ["--always-execute"] if force else []
    names = [f"{GROUP_OF[stage]}:{plan.name}" for plan in plans]
    status: int = main.run(["run", *options, *names])
    return Run(reporter.worst or status, reporter.outcomes)
