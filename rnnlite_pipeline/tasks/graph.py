"""The task graph: pure functions from plans to doit's task dictionaries; the stages: `table.py`.

The report shows what the benchmark measured, if there is one: it is made anew after each, and
waits for it where the pipeline lists it. What goes into a release is verify's own page, which has
no times (`report/`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from rnnlite_pipeline.config import check_files
from rnnlite_pipeline.config.chosen import CHOSEN, Chosen
from rnnlite_pipeline.errors import StageError
from rnnlite_pipeline.files import write_atomically
from rnnlite_pipeline.tasks.child import COMMAND, occupied, run_stage
from rnnlite_pipeline.tasks.keys import same_imports, stage_digest
from rnnlite_pipeline.tasks.plan import BrokenPlan, Plan
from rnnlite_pipeline.tasks.state import Fresh
from rnnlite_pipeline.tasks.table import GROUP_OF, GROUPS, Stage, groups_before
from rnnlite_pipeline.tasks.work import Task, failure, task

__all__ = ["GROUPS", "GROUP_OF", "Stage", "group", "namespace"]


#: Brings a stage up to date: its group, its release, and what runs it here. Returns how it was
#: done, for the reporter; empty where it was run.
Bring = Callable[[str, Plan, Callable[[], None]], str]


def run_here(group: str, plan: Plan, run: Callable[[], None]) -> str:  # noqa: ARG001
    """Runs it."""
    run()
    return ""


def group(
    name: str,
    plans: Sequence[Plan | BrokenPlan],
    command: Sequence[str] = COMMAND,
    bring: Bring | None = None,
    dump_passes: Path | None = None,
) -> Iterator[Task]:
    """The tasks of one stage, one for each plan.

    Args:
        name: A key of `GROUPS`.
        plans: Each model to work on.
        command: What starts a stage in a process of its own.
        bring: Runs a stage, or does it in another way; `run_here` where None.
        dump_passes: Where convert, which is then never up to date, writes the graph after each
            pass: DIR/NAME for each model.
    """
    imported = same_imports(plans) if name == "import" else {}
    for plan in plans:
        if isinstance(plan, BrokenPlan):
            yield {"basename": name, **_broken_task(name, plan)}
        elif GROUPS[name].applies(plan):
            first = imported.get(plan.name)
            dump = dump_passes if GROUPS[name].name == "convert" else None
            bring = bring or run_here
            yield _task(name, plan, command, first=first, bring=bring, dump_passes=dump)


def namespace(
    plans: Sequence[Plan | BrokenPlan],
    command: Sequence[str] = COMMAND,
    bring: Bring | None = None,
    dump_passes: Path | None = None,
    groups: Iterable[str] = tuple(GROUPS),
) -> dict[str, Callable[[], Iterator[Task]]]:
    """The task creators of the graph, under the names doit looks for.

    Args:
        plans: Each model to work on.
        command: As of `group`.
        bring: As of `group`.
        dump_passes: As of `group`.
        groups: The groups that are needed, in any order; all of them where left out.
    """

    def creator(name: str) -> Callable[[], Iterator[Task]]:
        return lambda: group(name, plans, command, bring, dump_passes)

    return {f"task_{name}": creator(name) for name in groups}


def _task(
    name: str,
    plan: Plan,
    command: Sequence[str],
    *,
    first: Plan | None,
    bring: Bring,
    dump_passes: Path | None,
) -> Task:
    """A task; `first` is the release whose import is this one's too."""
    stage = GROUPS[name]
    reads = tuple(path for path in stage.reads(plan) if path)
    makes = tuple(stage.makes(plan))
    known = (*makes, *stage.may_make(plan))
    digest = partial(stage_digest, name, plan)
    may_read = tuple(stage.may_read(plan))
    fresh = Fresh(digest, reads, known, may_read, always=dump_passes is not None)
    dump = ("--dump-passes", str(dump_passes.absolute() / plan.name)) if dump_passes else ()
    options = (*stage.options, *dump)
    run = partial(_work, stage, plan, command, options)
    work = partial(_copy, first, plan) if first else partial(bring, name, plan, run)
    if dump_passes:  # a stage that is shared, or run elsewhere, would leave nothing here
        work = run
    meta: dict[str, Any] = {
        "config": str(plan.path),
        "reference": str(plan.reference),
        "log": plan.out / f"{stage.name}.log",
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
            targets=makes,
            meta=meta,
        ),
        "task_dep": [
            *(f"{before}:{plan.name}" for before in groups_before(name, plan)),
            *([f"{name}:{first.name}"] if first else ()),
        ],
    }


def _work(stage: Stage, plan: Plan, command: Sequence[str], options: Sequence[str]) -> None:
    if stage.name == "validate":
        check_files(plan.config, plan.out)
        return
    makes = tuple(stage.makes(plan))
    if stage.name == "search" and plan.chosen:
        _take_locked(plan, plan.chosen)
        return
    run_stage(
        stage.name,
        plan.reference,
        plan.out,
        command,
        stale=(*makes, *stage.may_make(plan), *stage.spoils(plan)),
        condemned=stage.condemns(plan),
        options=options,
        tensorflow=stage.frameworks(plan),
    )
    for missing in (path for path in makes if not path.exists()):
        raise StageError(
            f"{stage.name} of {plan.name} ended with status 0, but did not write {missing.name}."
        )


def _take_locked(plan: Plan, chosen: Chosen) -> None:
    """What a lock says in the place of a search."""
    plan.out.mkdir(parents=True, exist_ok=True)
    with occupied(plan.out):
        write_atomically(plan.out / CHOSEN, chosen.as_json())
        write_atomically(plan.out / "search.json", b'{"locked": true}\n')


def _copy(first: Plan, plan: Plan) -> None:
    """Take what another release imported from the same source."""
    makes = GROUPS["import"].makes
    plan.out.mkdir(parents=True, exist_ok=True)
    with occupied(plan.out):
        for theirs, own in zip(makes(first), makes(plan), strict=True):
            write_atomically(own, theirs.read_bytes())


def _broken_task(name: str, plan: BrokenPlan) -> Task:
    label = f"{GROUPS[name].name} {plan.name}"
    return {
        "name": plan.name,
        "doc": f"{label}: its config is wrong",
        "actions": [(failure, [plan.error])],
        "meta": {"label": label, "config": str(plan.path), "reference": str(plan.path)},
    }
