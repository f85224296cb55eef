"""The task graph: pure functions from plans to doit's task dictionaries; the stages: `table.py`.

The report shows what the benchmark measured, if there is one: it is made again after each
benchmark, and waits for it if the pipeline lists it. A release has verify's own page, which has no
times (`report/`).
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from rnnlite_pipeline.errors import StageError
from rnnlite_pipeline.files import write_atomically
from rnnlite_pipeline.tasks.child import COMMAND, occupied, run_stage
from rnnlite_pipeline.tasks.keys import same_imports, stage_digest
from rnnlite_pipeline.tasks.parted import Parted
from rnnlite_pipeline.tasks.plan import BrokenPlan, Plan
from rnnlite_pipeline.tasks.state import Fresh
from rnnlite_pipeline.tasks.table import (
    GROUP_OF,
    GROUPS,
    Stage,
    groups_before,
    makes,
    may_make,
    may_read,
    reads,
)
from rnnlite_pipeline.tasks.work import Task, failure, task

__all__ = ["GROUPS", "GROUP_OF", "Stage", "group", "namespace"]


class Bring(Protocol):
    """Brings stages up to date in another way than to run each of them here."""

    def fetch(self, group: str, plan: Plan) -> str:
        """Takes a stage from where it is kept.

        Returns:
            How that was done, for the reporter; empty where it is kept nowhere.
        """

    def __call__(self, group: str, plan: Plan, run: Callable[[], None]) -> str:
        """Takes a stage from where it is kept, or has it run.

        Args:
            group: A key of `GROUPS`.
            plan: The release.
            run: Runs it here.

        Returns:
            How it was done, for the reporter; empty where it was run.
        """


@dataclass(frozen=True, eq=False)
class Means:
    """How the stages of a graph are run.

    Attributes:
        command: The command that starts a stage in a separate process.
        bring: What does a stage in another way; each is run here where None.
        here: Taken by each process of a stage on this machine, so that there are not too many.
        at_once: How many stages run at a time, here and elsewhere; a stage has as many of its
            parts made at a time.
        dump_passes: Where convert, which is then never up to date, writes the graph after each
            pass: DIR/NAME for each model.
    """

    command: Sequence[str] = COMMAND
    bring: Bring | None = None
    here: AbstractContextManager[object] | None = None
    at_once: int = 1
    dump_passes: Path | None = None

    @classmethod
    def of(
        cls,
        command: Sequence[str],
        bring: Bring | None,
        jobs: int,
        elsewhere: int,
        dump_passes: Path | None,
    ) -> Means:
        """The means of a run with `jobs` processes here, and stages `elsewhere`."""
        here = threading.BoundedSemaphore(jobs)
        return cls(command, bring, here, max(jobs, elsewhere), dump_passes)


def group(name: str, plans: Sequence[Plan | BrokenPlan], means: Means = Means()) -> Iterator[Task]:
    """The tasks of one stage, one for each plan.

    Args:
        name: A key of `GROUPS`.
        plans: Each model to work on.
        means: How they are run.
    """
    imported = same_imports(plans) if name == "import" else {}
    for plan in plans:
        if isinstance(plan, BrokenPlan):
            yield {"basename": name, **_broken_task(name, plan)}
        elif GROUPS[name].applies(plan):
            yield _task(name, plan, means, imported.get(plan.name))


def namespace(
    plans: Sequence[Plan | BrokenPlan], means: Means, groups: Iterable[str] = tuple(GROUPS)
) -> dict[str, Callable[[], Iterator[Task]]]:
    """The task creators of the graph, under the names doit looks for.

    Args:
        plans: Each model to work on.
        means: As of `group`.
        groups: The groups that are needed, in any order; all of them where left out.
    """

    def creator(name: str) -> Callable[[], Iterator[Task]]:
        return lambda: group(name, plans, means)

    return {f"task_{name}": creator(name) for name in GROUPS if name in groups}


def _task(name: str, plan: Plan, means: Means, first: Plan | None) -> Task:
    """A task; `first` is the release whose import is this one's too."""
    stage = GROUPS[name]
    targets = makes(name, plan)
    known = (*targets, *may_make(name, plan))
    digest = partial(stage_digest, name, plan)
    dump = means.dump_passes if stage.name == "convert" else None
    always = dump is not None
    fresh = Fresh(digest, reads(name, plan), known, may_read(name, plan), always=always)
    work = partial(_copy, first, plan) if first else partial(_brought, name, plan, means)
    if dump:  # a stage that is shared, or run elsewhere, would leave nothing here
        work = partial(_run, name, plan, means)
    meta: dict[str, Any] = {
        "config": str(plan.path),
        "reference": str(plan.reference),
        "log": stage.log(plan),
    }
    if summarize := stage.summary:
        meta["summary"] = partial(summarize, plan)
    return {
        "basename": name,
        **task(
            plan.name,
            work,
            fresh,
            label=f"{stage.name} {plan.name}",
            targets=targets,
            meta=meta,
        ),
        "task_dep": [
            *(f"{before}:{plan.name}" for before in groups_before(name, plan)),
            *([f"{name}:{first.name}"] if first else ()),
        ],
    }


def _brought(name: str, plan: Plan, means: Means) -> str:
    """Brings a stage up to date, its parts before it; how, for the reporter."""
    if parted := GROUPS[name].parted:
        return _brought_in_parts(parted, name, plan, means)
    return _brought_whole(name, plan, means)


def _brought_in_parts(parted: Parted, name: str, plan: Plan, means: Means) -> str:
    plan.out.mkdir(parents=True, exist_ok=True)
    with occupied(plan.out):
        parted.discard(plan)
        if means.at_once > 1:
            if means.bring and (how := means.bring.fetch(name, plan)):
                return how
            parted.make(plan, lambda group, part: _brought(group, part, means), means.at_once)
        how = _brought_whole(name, plan, means)
        parted.discard(plan)
    return how


def _brought_whole(name: str, plan: Plan, means: Means) -> str:
    run = partial(_run, name, plan, means)
    if means.bring:
        return means.bring(name, plan, run)
    run()
    return ""


def _run(name: str, plan: Plan, means: Means) -> None:
    """Runs a stage here."""
    stage = GROUPS[name]
    if within := stage.within(plan):
        within()
        return
    dump = means.dump_passes if stage.name == "convert" else None
    dumping = ("--dump-passes", str(dump.absolute() / plan.name)) if dump else ()
    targets = makes(name, plan)
    with means.here or nullcontext():
        run_stage(
            stage.name,
            plan.reference,
            plan.out,
            means.command,
            stale=(*targets, *may_make(name, plan), *stage.spoils(plan)),
            condemned=stage.condemns(plan),
            options=(*stage.options(plan), *dumping),
            called=stage.called(plan),
            tensorflow=stage.frameworks(plan),
        )
    for missing in (path for path in targets if not path.exists()):
        raise StageError(
            f"{stage.name} of {plan.name} ended with status 0, but did not write {missing.name}."
        )


def _copy(first: Plan, plan: Plan) -> None:
    """Take what another release imported from the same source.

    Another run may be about to import it again: its files are not there meanwhile. Both folders
    are locked in the order of their names, as every run does it, so no two wait for each other.
    """
    plan.out.mkdir(parents=True, exist_ok=True)
    one, two = sorted((first.out, plan.out))
    with occupied(one), occupied(two):
        for theirs, own in zip(*(makes("import", each) for each in (first, plan)), strict=True):
            write_atomically(own, theirs.read_bytes())


def _broken_task(name: str, plan: BrokenPlan) -> Task:
    label = f"{GROUPS[name].name} {plan.name}"
    return {
        "name": plan.name,
        "doc": f"{label}: its config is wrong",
        "actions": [(failure, [plan.error])],
        "meta": {"label": label, "config": str(plan.path), "reference": str(plan.path)},
    }
