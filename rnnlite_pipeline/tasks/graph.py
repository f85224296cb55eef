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
from typing import Any

from rnnlite_pipeline.config import check_files
from rnnlite_pipeline.config.chosen import CHOSEN, Chosen
from rnnlite_pipeline.errors import StageError
from rnnlite_pipeline.files import write_atomically
from rnnlite_pipeline.tasks.batches import discard_batches, make_batches
from rnnlite_pipeline.tasks.child import COMMAND, occupied, run_stage
from rnnlite_pipeline.tasks.keys import same_imports, stage_digest
from rnnlite_pipeline.tasks.plan import BrokenPlan, Plan
from rnnlite_pipeline.tasks.search import discard_candidates, make_candidates, why_not_in_parts
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


#: Brings a stage up to date: its group, its release, what runs it here, and what has its parts
#: made, for who runs it elsewhere. Returns how it was done, for the reporter; empty where it was
#: run.
Bring = Callable[[str, Plan, Callable[[], None], Callable[[], None]], str]


def run_here(
    group: str,  # noqa: ARG001
    plan: Plan,  # noqa: ARG001
    run: Callable[[], None],
    parts: Callable[[], None],  # noqa: ARG001
) -> str:
    """Runs it."""
    run()
    return ""


@dataclass(frozen=True, eq=False)
class Means:
    """How the stages of a graph are run.

    Attributes:
        command: The command that starts a stage in a separate process.
        bring: Runs a stage, or does it in another way.
        here: Taken by each process of a stage on this machine, so that there are not too many.
        at_once: How many stages run at a time, here and elsewhere; a stage has as many of its
            parts made at a time.
        dump_passes: Where convert, which is then never up to date, writes the graph after each
            pass: DIR/NAME for each model.
    """

    command: Sequence[str] = COMMAND
    bring: Bring = run_here
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
        return cls(command, bring or run_here, here, max(jobs, elsewhere), dump_passes)


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
    run = partial(_work, name, plan, means)
    parts = partial(_make_parts, name, plan, means)
    work = partial(_copy, first, plan) if first else partial(means.bring, name, plan, run, parts)
    if dump:  # a stage that is shared, or run elsewhere, would leave nothing here
        work = run
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


def _work(name: str, plan: Plan, means: Means) -> None:
    stage = GROUPS[name]
    if name == "validate":
        check_files(plan.config, plan.out)
        return
    if name == "search" and plan.chosen:
        _take_locked(plan, plan.chosen)
        return
    _make_parts(name, plan, means)
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
    _discard_parts(name, plan)


def _make_parts(name: str, plan: Plan, means: Means) -> None:
    """Has the parts of a stage made, where it may be parted and several run at a time."""
    _discard_parts(name, plan)
    if means.at_once == 1:
        return
    if name == "search" and not why_not_in_parts(plan):
        make_candidates(plan, partial(_make, means), means.at_once)
    if name == "verify":
        make_batches(plan, partial(_make, means), means.at_once)


def _discard_parts(name: str, plan: Plan) -> None:
    if name == "search":
        discard_candidates(plan)
    if name == "verify":
        discard_batches(plan)


def _make(means: Means, name: str, plan: Plan) -> None:
    """Has a part of a stage made, as any stage."""
    run, parts = (partial(each, name, plan, means) for each in (_work, _make_parts))
    means.bring(name, plan, run, parts)


def _take_locked(plan: Plan, chosen: Chosen) -> None:
    """The choice of a lock, instead of a search."""
    plan.out.mkdir(parents=True, exist_ok=True)
    with occupied(plan.out):
        write_atomically(plan.out / CHOSEN, chosen.as_json())
        write_atomically(plan.out / "search.json", b'{"locked": true}\n')


def _copy(first: Plan, plan: Plan) -> None:
    """Take what another release imported from the same source."""
    plan.out.mkdir(parents=True, exist_ok=True)
    with occupied(plan.out):
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
