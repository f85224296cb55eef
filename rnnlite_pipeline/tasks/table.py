"""The stages as the graph sees them: what each reads and makes, and which stages come before it.

    validate ─▶ import ┄┬─▶ inspect ─────────────────────────────────┐
                        └─▶ convert ─▶ describe ─┬─▶ verify ─▶ report ─┴─▶ package
                                                 └─▶ benchmark ┄┄┄┘

If `quantization.scheme` is auto, the stage search comes after import and before all others.
Its candidates (`search.py`) may be made as stages of their own, with a digest and files, but
without a task. So may parts of verify: the stage batch runs a part of a large data set
(`batches.py`).

A stage is given the keys of the config that its entry names, and the others' defaults
(`Config.only`): so it is made again only when one of them changes.

The group of the stage describe, which leaves the model, is called `model`, and that of the stage
convert `graph`: `doit convert` is a command (`command.py`), and doit does not let a task and a
command share a name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from rnnlite_pipeline.config import associated_files, check_files
from rnnlite_pipeline.config.chosen import ANSWERS, CANDIDATES, CHOSEN, IN_FLOAT
from rnnlite_pipeline.config.part import BATCHES
from rnnlite_pipeline.files import moment_of_release
from rnnlite_pipeline.release.ci import variables
from rnnlite_pipeline.tasks import summary
from rnnlite_pipeline.tasks.batches import make_batches
from rnnlite_pipeline.tasks.parted import Parted
from rnnlite_pipeline.tasks.plan import Plan
from rnnlite_pipeline.tasks.search import make_candidates, take_locked


@dataclass(frozen=True)
class Stage:
    """A stage as the graph sees it.

    Args:
        name: The stage, as `rnnlite_pipeline.stages.process` and the user know it.
        after: Stages that come first.
        reads: The files it reads.
        makes: The files it must leave.
        may_make: Further files that it may write.
        may_read: The files it reads if they are there; nothing is run to make them.
        summary: What to tell the user who asked for this stage, once it is done.
        settings: Other inputs of its result, as JSON values.
        keys: The keys of the config that it is given, `section.key` for one of a section; `source`
            is among them. Where empty, it is given all of them and the pipeline.
        spoils: Files of other stages that are no longer valid once this one starts.
        applies: Whether a release has this stage.
        told: Further arguments of its process, besides the config and the folder.
        called: Its name in the release's folder where it may run there several times at once.
        frameworks: Whether it runs the source's framework, TensorFlow.
        condemns: The files that are renamed if it fails, with their new names.
        within: Does it in this process, where it needs none of its own.
        parted: What of it may be made beforehand, as stages of their own.
    """

    name: str
    after: tuple[str, ...]
    reads: Callable[[Plan], Iterable[Path | None]]
    makes: Callable[[Plan], Iterable[Path]]
    may_make: Callable[[Plan], Iterable[Path]] = lambda _: ()
    may_read: Callable[[Plan], Iterable[Path]] = lambda _: ()
    summary: Callable[[Plan], str] | None = None
    settings: Callable[[], Mapping[str, Any]] = dict
    keys: tuple[str, ...] = ()
    condemns: Callable[[Plan], Mapping[Path, Path]] = lambda _: {}
    spoils: Callable[[Plan], Iterable[Path]] = lambda _: ()
    applies: Callable[[Plan], bool] = lambda _: True
    told: Callable[[Plan], tuple[str, ...]] = lambda _: ()
    called: Callable[[Plan], str] = lambda _: ""
    frameworks: Callable[[Plan], bool] = lambda _: False
    within: Callable[[Plan], Callable[[], None] | None] = lambda _: None
    parted: Parted | None = None

    def options(self, plan: Plan) -> tuple[str, ...]:
        """Arguments of its process besides the config and the folder (stages/process.py)."""
        return (*(("--keys", ",".join(self.keys)) if self.keys else ()), *self.told(plan))

    def log(self, plan: Plan) -> Path:
        """The file of everything that it prints."""
        return plan.out / f"{self.called(plan) or self.name}.log"


def _named_files(plan: Plan) -> list[Path | None]:
    return [*_source(plan), _calibration(plan), _data(plan), *_associated(plan), *_included(plan)]


def _source(plan: Plan) -> list[Path]:
    """The source, and its weights where they have a file of their own."""
    source = plan.config.source
    return [plan.config.resolve(path) for path in (source.path, source.weights) if path]


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
    return [plan.out / ".work/source.tflite", plan.out / ".work/source.json"]


def _in_tensorflow(plan: Plan) -> bool:
    """Whether the source is opened in TensorFlow."""
    return plan.config.source.format != "tflite"


def _searches(plan: Plan) -> bool:
    return plan.config.quantization.scheme == "auto"


def _chosen(plan: Plan) -> list[Path]:
    """What a search chose, where there is one."""
    return [plan.out / CHOSEN] if _searches(plan) else []


def _candidate(plan: Plan) -> str:
    """The path of a candidate in the release's folder, without a suffix; empty without one."""
    return (CANDIDATES / plan.candidate.called).as_posix() if plan.candidate else ""


def _part(plan: Plan) -> str:
    """The path of a part of the data in the release's folder, without a suffix; or empty."""
    return (BATCHES / plan.part.called).as_posix() if plan.part else ""


def _in_float(plan: Plan) -> list[Path]:
    """What the stage reference leaves."""
    if not plan.candidate:
        return []
    stored = plan.out / CANDIDATES / IN_FLOAT.called
    return [stored.with_suffix(".json"), stored.with_suffix(".tflite"), plan.out / ANSWERS]


def _of_candidate(plan: Plan, suffix: str) -> list[Path]:
    """A file of the stage candidate."""
    return [plan.out / f"{_candidate(plan)}{suffix}"] if plan.candidate else []


def _searched(plan: Plan) -> list[Path | None]:
    """What a search and each candidate read."""
    return [*_imported(plan), _calibration(plan), _data(plan)]


def _measured(plan: Plan) -> list[Path]:
    """What was measured on this machine."""
    names = ("benchmark.json", *(("search.json",) if _searches(plan) else ()))
    return [plan.out / name for name in names]


def _beside_model(plan: Plan) -> list[Path]:
    """What convert leaves for the stages that judge the model; the last two if it quantizes."""
    names = ("layers.json", "float.tflite", "quantization.json")
    return [plan.out / f".work/{name}" for name in names]


def _converted(plan: Plan) -> Path:
    return plan.out / ".work/converted.tflite"


def _model(plan: Plan) -> list[Path]:
    """The model, and what verify leaves of it where it fails: describe starts over then."""
    return [plan.out / name for name in ("model.tflite", "model.failed.tflite")]


def _page(plan: Plan) -> Path:
    return plan.out / ".work/report.html"


def _bundle(plan: Plan) -> Path:
    return plan.out / "dist" / f"{plan.name}-{plan.config.version}.zip"


def _release(plan: Plan) -> list[Path]:
    """The bundle, and the files beside it."""
    bundle = _bundle(plan)
    beside = (f"{bundle.name}.sha256", f"{bundle.stem}.provenance.json")
    names = (*beside, f"{bundle.stem}.test-result.json")
    return [bundle, *(bundle.with_name(name) for name in names)]


#: The keys of a config that a conversion depends on.
_CONVERSION = (
    "source",
    "targets",
    "recurrent",
    "quantization",
    "converter",
    "verification.runtimes",
)

#: Those that what runs the data depends on besides.
_DATA = ("verification.data", *_CONVERSION)

#: The stages by doit group, in the order in which they run.
GROUPS: dict[str, Stage] = {
    "validate": Stage(
        "validate",
        (),
        _named_files,
        lambda _: (),
        within=lambda p: partial(check_files, p.config, p.out),
    ),
    "import": Stage(
        "import",
        ("validate",),
        _source,
        _imported,
        keys=("source", "converter"),
        frameworks=_in_tensorflow,
    ),
    "reference": Stage(
        "reference",
        ("import",),
        _searched,
        _in_float,
        keys=_DATA,
        applies=lambda p: p.candidate is not None,
        called=_candidate,
    ),
    "candidate": Stage(
        "candidate",
        ("reference",),
        lambda p: [*_searched(p), *_in_float(p)],
        lambda p: _of_candidate(p, ".json"),
        lambda p: _of_candidate(p, ".tflite"),
        keys=_DATA,
        applies=lambda p: p.candidate is not None,
        told=lambda p: ("--candidate", p.candidate.as_json().decode()) if p.candidate else (),
        called=_candidate,
    ),
    "search": Stage(
        "search",
        ("import",),
        _searched,
        lambda p: [p.out / CHOSEN, p.out / "search.json"],
        keys=_DATA,
        applies=_searches,
        within=lambda p: partial(take_locked, p, p.chosen) if p.chosen else None,
        parted=Parted(CANDIDATES, make_candidates, stays=True),
    ),
    "inspect": Stage(
        "inspect",
        ("import", "search"),
        lambda p: [*_imported(p), *_chosen(p)],
        lambda p: [p.out / "inspect.json", p.out / "inspect.txt"],
        summary=summary.inspection,
        keys=("name", *_CONVERSION),
    ),
    "graph": Stage(
        "convert",
        ("import", "search"),
        lambda p: [*_imported(p), *_chosen(p), _calibration(p)],
        lambda p: [_converted(p)],
        _beside_model,
        keys=_CONVERSION,
        spoils=_model,
    ),
    "model": Stage(
        "describe",
        ("graph",),
        lambda p: [*_imported(p), *_chosen(p), _converted(p), *_associated(p)],
        lambda p: [p.out / "model.tflite"],
        lambda p: [p.out / "model.failed.tflite"],
        may_read=_beside_model,
        summary=summary.conversion,
        keys=("name", "version", "source", "recurrent", "metadata"),
    ),
    "batch": Stage(
        "batch",
        ("model",),
        lambda p: [
            p.out / "model.tflite",
            *(*_imported(p), *_chosen(p), *_source(p), _data(p)),
        ],
        lambda p: [p.out / f"{_part(p)}.npz"] if p.part else [],
        keys=_DATA,
        applies=lambda p: p.part is not None,
        told=lambda p: ("--part", str(p.part)) if p.part else (),
        called=_part,
        frameworks=_in_tensorflow,
    ),
    "verify": Stage(
        "verify",
        ("model",),
        lambda p: [
            p.out / "model.tflite",
            *(*_imported(p), *_chosen(p), *_source(p), _calibration(p), _data(p), *_associated(p)),
        ],
        lambda p: [p.out / "verification.json", _page(p)],
        may_read=_beside_model,
        frameworks=_in_tensorflow,
        condemns=lambda p: {p.out / "model.tflite": p.out / "model.failed.tflite"},
        parted=Parted(BATCHES, make_batches),
    ),
    "report": Stage(
        "report",
        ("verify",),
        lambda p: [_page(p), p.out / "model.tflite", *_chosen(p)],
        lambda p: [p.out / "report.html"],
        may_read=lambda p: [*_measured(p), *_beside_model(p)],
        summary=summary.verification,
    ),
    "package": Stage(
        "package",
        ("inspect", "model", "verify", "report"),
        lambda p: [
            *(p.out / name for name in ("model.tflite", "verification.json", "inspect.json")),
            _page(p),
            *_imported(p),
            *_chosen(p),
            *_named_files(p),  # the lock has their digests
        ],
        _release,
        summary=summary.packaging,
        settings=lambda: {"moment": moment_of_release(), "ci": variables()},
    ),
    "benchmark": Stage(
        "benchmark",
        ("model",),
        lambda p: [
            p.out / "model.tflite",
            *(*_imported(p), *_chosen(p), *_source(p), _calibration(p), _data(p)),
        ],
        lambda p: [p.out / "benchmark.json", p.out / "benchmark.txt"],
        summary=summary.benchmark,
        keys=("name", "verification", *_CONVERSION),
        frameworks=_in_tensorflow,
    ),
}

#: The doit group of each stage. Who asks for convert asks for the model with its metadata, and who
#: asks for verify for its report.
GROUP_OF = {stage.name: group for group, stage in GROUPS.items()} | {
    "convert": "model",
    "verify": "report",
}


def reads(group: str, plan: Plan) -> Sequence[Path]:
    """The files and folders that a stage of a release reads."""
    return plan.once(("reads", group), lambda: (*filter(None, GROUPS[group].reads(plan)),))


def may_read(group: str, plan: Plan) -> Sequence[Path]:
    """The files that it reads if they are there."""
    return plan.once(("may read", group), lambda: (*GROUPS[group].may_read(plan),))


def makes(group: str, plan: Plan) -> Sequence[Path]:
    """The files that it leaves."""
    return plan.once(("makes", group), lambda: (*GROUPS[group].makes(plan),))


def may_make(group: str, plan: Plan) -> Sequence[Path]:
    """The files that it may leave or not."""
    return plan.once(("may make", group), lambda: (*GROUPS[group].may_make(plan),))


def groups_before(group: str, plan: Plan) -> list[str]:
    """The groups that come first.

    A release needs every stage its pipeline lists, whether it reads their files or not; a report
    needs the benchmark that is listed.
    """
    stage, listed = GROUPS[group], list[str]()
    if stage.name == "package":
        listed = [GROUP_OF[name] for name in plan.pipeline.stages if name != "package"]
    elif stage.name == "report":
        listed = [name for name in plan.pipeline.stages if name == "benchmark"]
    before = dict.fromkeys((*stage.after, *listed))
    return [name for name in before if GROUPS[name].applies(plan)]


def needed_groups(group: str, plan: Plan) -> set[str]:
    """The group itself, and all groups before it."""
    return {group}.union(*(needed_groups(each, plan) for each in groups_before(group, plan)))
