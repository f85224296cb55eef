"""The task graph: pure functions from plans to doit's task dictionaries.

    validate ─▶ import ─┬─▶ inspect ─────────────────────┐
                        └─▶ convert ─┬─▶ verify ─▶ report ─┴─▶ package
                                     └─▶ benchmark ┄┄┄┘

The report shows what the benchmark measured, if there is one: it is made anew after each, and
waits for it where the pipeline lists it. What goes into a release is verify's own page, which has
no times (`verify/report/`).

The group of the stage convert is called `model`: `doit convert` is a command (`command.py`), and
doit does not let a task and a command share a name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from rnnlite_pipeline.config import associated_files, check_files
from rnnlite_pipeline.errors import StageError
from rnnlite_pipeline.metadata.archive import moment_of_release
from rnnlite_pipeline.tasks import summary
from rnnlite_pipeline.tasks.child import COMMAND, run_stage
from rnnlite_pipeline.tasks.plan import BrokenPlan, Plan
from rnnlite_pipeline.tasks.state import Fresh
from rnnlite_pipeline.tasks.work import Task, failure, task


@dataclass(frozen=True)
class Stage:
    """A stage as the graph sees it.

    Args:
        name: The stage, as `rnnlite_pipeline.stages.process` and the user know it.
        after: Stages that come first.
        reads: The files it reads.
        makes: The files it must leave.
        may_make: The files it may leave besides.
        may_read: The files it reads if they are there; nothing is run to make them.
        summary: What to tell the user who asked for this stage, once it is done.
        settings: What else its outcome depends on, as JSON values.
        condemns: The files that lose their names where it fails, and what they are called then.
    """

    name: str
    after: tuple[str, ...]
    reads: Callable[[Plan], Iterable[Path | None]]
    makes: Callable[[Plan], Iterable[Path]]
    may_make: Callable[[Plan], Iterable[Path]] = lambda _: ()
    may_read: Callable[[Plan], Iterable[Path]] = lambda _: ()
    summary: Callable[[Plan], str] | None = None
    settings: Callable[[], Mapping[str, Any]] = dict
    condemns: Callable[[Plan], Mapping[Path, Path]] = lambda _: {}


def _named_files(plan: Plan) -> list[Path | None]:
    sources = [_source(plan), _weights(plan)]
    return [*sources, _calibration(plan), _data(plan), *_associated(plan), *_included(plan)]


def _source(plan: Plan) -> Path | None:
    path = plan.config.source.path
    return plan.config.resolve(path) if path else None


def _weights(plan: Plan) -> Path | None:
    path = plan.config.source.weights
    return plan.config.resolve(path) if path else None


def _calibration(plan: Plan) -> Path | None:
    calibration = plan.config.quantization.calibration
    return plan.config.resolve(calibration.path) if calibration else None


def _data(plan: Plan) -> Path | None:
    path = plan.config.verification.data.path
    return plan.config.resolve(path) if path else None


def _associated(plan: Plan) -> list[Path]:
    return [plan.config.resolve(named) for _, named in associated_files(plan.config)]


def _included(plan: Plan) -> list[Path]:
    return [plan.config.resolve(path) for path in plan.config.package.include]


def _imported(plan: Plan) -> list[Path]:
    return [plan.out / ".work" / "source.tflite", plan.out / ".work" / "source.json"]


def _page(plan: Plan) -> Path:
    return plan.out / ".work" / "report.html"


def _bundle(plan: Plan) -> Path:
    return plan.out / "dist" / f"{plan.name}-{plan.config.version}.zip"


def _release(plan: Plan) -> list[Path]:
    """The bundle, and what stands beside it."""
    bundle = _bundle(plan)
    beside = (f"{bundle.name}.sha256", f"{bundle.stem}.provenance.json")
    names = (*beside, f"{bundle.stem}.test-result.json")
    return [bundle, *(bundle.with_name(name) for name in names)]


#: The stages by doit group, in the order in which they run.
GROUPS: dict[str, Stage] = {
    "validate": Stage("validate", (), _named_files, lambda _: ()),
    "import": Stage("import", ("validate",), lambda p: [_source(p)], _imported),
    "inspect": Stage(
        "inspect",
        ("import",),
        _imported,
        lambda p: [p.out / "inspect.json", p.out / "inspect.txt"],
        summary=summary.inspection,
    ),
    "model": Stage(
        "convert",
        ("import",),
        lambda p: [*_imported(p), _calibration(p), *_associated(p)],
        lambda p: [p.out / "model.tflite"],
        lambda p: [p.out / "model.failed.tflite"],  # verify leaves it, so convert starts over
        summary=summary.conversion,
    ),
    "verify": Stage(
        "verify",
        ("model",),
        lambda p: [p.out / "model.tflite", *_imported(p), _source(p), _data(p), *_associated(p)],
        lambda p: [p.out / "verification.json", _page(p)],
        condemns=lambda p: {p.out / "model.tflite": p.out / "model.failed.tflite"},
    ),
    "report": Stage(
        "report",
        ("verify",),
        lambda p: [_page(p), p.out / "model.tflite"],
        lambda p: [p.out / "report.html"],
        may_read=lambda p: [p.out / "benchmark.json"],
        summary=summary.verification,
    ),
    "package": Stage(
        "package",
        ("inspect", "model", "verify", "report"),
        lambda p: [
            *(p.out / name for name in ("model.tflite", "verification.json", "inspect.json")),
            _page(p),
            *_imported(p),
            *_named_files(p),  # the lock tells their digests
        ],
        _release,
        summary=summary.packaging,
        settings=lambda: {"moment": moment_of_release()},
    ),
    "benchmark": Stage(
        "benchmark",
        ("model",),
        lambda p: [p.out / "model.tflite", *_imported(p), _source(p), _calibration(p), _data(p)],
        lambda p: [p.out / "benchmark.json", p.out / "benchmark.txt"],
        summary=summary.benchmark,
    ),
}

#: The doit group of each stage. Who asks for verify asks for its report.
GROUP_OF = {stage.name: group for group, stage in GROUPS.items()} | {"verify": "report"}


def group(
    name: str, plans: Sequence[Plan | BrokenPlan], command: Sequence[str] = COMMAND
) -> Iterator[Task]:
    """The tasks of one stage, one for each plan.

    Args:
        name: A key of `GROUPS`.
        plans: Each model to work on.
        command: What starts a stage in a process of its own.
    """
    for plan in plans:
        if isinstance(plan, BrokenPlan):
            yield {"basename": name, **_broken_task(name, plan)}
        else:
            yield _task(name, plan, command)


def namespace(
    plans: Sequence[Plan | BrokenPlan], command: Sequence[str] = COMMAND
) -> dict[str, Callable[[], Iterator[Task]]]:
    """The task creators of the whole graph, under the names doit looks for."""

    def creator(name: str) -> Callable[[], Iterator[Task]]:
        return lambda: group(name, plans, command)

    return {f"task_{name}": creator(name) for name in GROUPS}


def _task(name: str, plan: Plan, command: Sequence[str]) -> Task:
    stage = GROUPS[name]
    reads = tuple(path for path in stage.reads(plan) if path)
    makes = tuple(stage.makes(plan))
    settings = {**plan.settings, **stage.settings()}
    known = (*makes, *stage.may_make(plan))
    fresh = Fresh(settings, reads, known, may_read=tuple(stage.may_read(plan)))
    meta: dict[str, Any] = {"config": str(plan.path)}
    if summarize := stage.summary:
        meta["summary"] = partial(summarize, plan)
    return {
        "basename": name,
        **task(
            plan.name,
            partial(_work, stage, plan, command),
            fresh,
            label=f"{stage.name} {plan.name}",
            targets=makes,
            meta=meta,
        ),
        "task_dep": [f"{before}:{plan.name}" for before in _before(stage, plan)],
    }


def _before(stage: Stage, plan: Plan) -> list[str]:
    """The groups that come first.

    A release needs every stage its pipeline lists, whether it reads their files or not; a report
    needs the benchmark that is listed.
    """
    listed: list[str] = []
    if stage.name == "package":
        listed = [GROUP_OF[name] for name in plan.pipeline.stages if name != "package"]
    elif stage.name == "report":
        listed = [name for name in plan.pipeline.stages if name == "benchmark"]
    return list(dict.fromkeys((*stage.after, *listed)))


def _work(stage: Stage, plan: Plan, command: Sequence[str]) -> None:
    if stage.name == "validate":
        check_files(plan.config)
        return
    makes = tuple(stage.makes(plan))
    run_stage(
        stage.name,
        plan.path,
        plan.out,
        command,
        stale=(*makes, *stage.may_make(plan)),
        condemned=stage.condemns(plan),
    )
    for missing in (path for path in makes if not path.exists()):
        raise StageError(f"{stage.name} of {plan.name} ended well, but left no {missing.name}.")


def _broken_task(name: str, plan: BrokenPlan) -> Task:
    label = f"{GROUPS[name].name} {plan.name}"
    return {
        "name": plan.name,
        "doc": f"{label}: its config is wrong",
        "actions": [(failure, [plan.error])],
        "meta": {"label": label, "config": str(plan.path)},
    }
