"""The commands: what each takes, and what it runs.

Each imports what it needs when it runs, so that `--help` and `validate` are quick.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rnnlite_pipeline.cli import arguments as given
from rnnlite_pipeline.cli.arguments import Command
from rnnlite_pipeline.cli.failure import failed
from rnnlite_pipeline.errors import ConfigError, RnnliteError

if TYPE_CHECKING:
    from rnnlite_pipeline.tasks.graph import Bring
    from rnnlite_pipeline.tasks.plan import Plan

#: What `--json` prints of a stage: the file it leaves.
RESULTS = {
    "inspect": "inspect.json",
    "verify": "verification.json",
    "benchmark": "benchmark.json",
}


def _validate(call: argparse.Namespace) -> int:
    from rnnlite_pipeline.config import check_releases, load_releases

    told: list[dict[str, Any]] = []

    def validate(path: Path) -> None:
        told.append({"config": str(path), "valid": False, "problems": []})
        try:
            check_releases(load_releases(path))
        except RnnliteError as error:
            told[-1]["problems"] = _problems(error)
            raise
        told[-1]["valid"] = True
        if not call.json:
            sys.stdout.write(f"{path}: valid\n")

    status = _each(call, validate)
    if call.json:
        _print_json(told)
    return status


def _problems(error: RnnliteError) -> list[dict[str, Any]]:
    if not isinstance(error, ConfigError) or not error.details:
        return [{"message": str(error)}]
    keys = ("line", "column", "key", "message")
    return [
        {"file": str(error.path), **{key: getattr(each, key) for key in keys}}
        for each in error.details
    ]


def _plan(call: argparse.Namespace) -> int:
    plans: dict[str, Plan] = {}
    if status := _load(call, plans):
        return status
    from rnnlite_pipeline.fleet.plan import github_matrix, plan_json, plan_text

    if call.github:
        sys.stdout.write(github_matrix(list(plans.values()), call.shards))
    elif call.json:
        _print_json(plan_json(list(plans.values())))
    else:
        sys.stdout.write(plan_text(list(plans.values())))
    return 0


def _load(call: argparse.Namespace, plans: dict[str, Plan]) -> int:
    """Fills in the releases of every config, by name; the exit status."""
    from rnnlite_pipeline.tasks.plan import plans_of, same_name

    def add(path: Path) -> None:
        for plan in plans_of(path, call.out):
            known = plans.setdefault(plan.name, plan)
            if known.reference != plan.reference:
                raise same_name(plan.name, known.reference, plan.reference)

    return _each(call, add)


def _stage(call: argparse.Namespace) -> int:
    plans: dict[str, Plan] = {}
    if status := _load(call, plans):
        return status
    call.out.mkdir(parents=True, exist_ok=True)
    models = list(plans.values())
    if not call.json:
        return _stages(call, models)
    with redirect_stdout(sys.stderr):
        status = _stages(call, models)
    _print_json([_result(call.command, plan) for plan in models])
    return status


def _stages(call: argparse.Namespace, models: Sequence[Plan]) -> int:
    from rnnlite_pipeline.tasks.child import COMMAND
    from rnnlite_pipeline.tasks.run import run_stages

    program = call.stage_program or COMMAND
    with _bringing(call, program) as (bring, jobs):

        def run(stage: str) -> int:
            return run_stages(
                stage,
                models,
                call.out,
                jobs,
                program,
                annotate=_annotates(call),
                bring=bring,
                dump_passes=call.dump_passes,
            )

        if call.command == "lock" or call.locked:
            status = _with_locks(call, models, run)
        else:
            status = run(call.command)
    if call.command in RESULTS or call.command == "package":
        _compare(models)
    if call.command == "report":
        _index(models, call.out)
    return status


def _compare(models: Sequence[Plan]) -> None:
    """A page that shows the releases of a config beside each other."""
    if not any(plan.config.variant for plan in models):
        return
    from rnnlite_pipeline.files import near
    from rnnlite_pipeline.fleet.compare import write_comparisons

    for page in write_comparisons(models):
        sys.stdout.write(f"{near(page)}\n")


@contextmanager
def _bringing(
    call: argparse.Namespace, program: Sequence[str]
) -> Iterator[tuple[Bring | None, int]]:
    """What brings stages up to date, and how many at a time: here, from a cache, on a cluster."""
    if not call.cache and not call.cluster:
        yield None, call.jobs
        return
    from rnnlite_pipeline.fleet.cache import Cache
    from rnnlite_pipeline.fleet.sharing import Shared

    if not call.cluster:
        yield Shared(Cache(call.cache)), call.jobs
        return
    from rnnlite_pipeline.fleet.cluster import Clustered, check_address, connected

    check_address(call.cluster, call.cache)
    cache = Cache(call.cache or str(call.out.absolute() / ".cache"), strict=True)
    with connected(call.cluster) as cluster:
        # One more than the workers take: a worker that ends a stage finds the next one waiting.
        yield Clustered(cluster, cache, program, call.jobs), max(cluster.slots + 1, call.jobs)


def _index(models: Sequence[Plan], folder: Path) -> None:
    """Writes the page with a row for each model, also for those that failed."""
    from rnnlite_pipeline.files import near
    from rnnlite_pipeline.report import write_index

    path = write_index([(plan.config, plan.out) for plan in models], folder)
    sys.stdout.write(f"{near(path)}\n")


def _with_locks(call: argparse.Namespace, models: Sequence[Plan], run: Callable[[str], int]) -> int:
    from rnnlite_pipeline.cli.locked import run_locked, write_locks
    from rnnlite_pipeline.config.annotations import annotated

    try:
        if call.command == "lock":
            return write_locks(models, run)
        return run_locked(call.command, models, run)
    except RnnliteError as error:
        if _annotates(call):
            sys.stderr.write(annotated(error))
        raise


def _result(stage: str, plan: Plan) -> dict[str, Any]:
    """What a stage left of a model; null where it failed before it left anything."""
    path = plan.out / RESULTS[stage]
    result = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else None
    return {"name": plan.name, "config": str(plan.path), "result": result}


def _each(call: argparse.Namespace, work: Callable[[Path], None]) -> int:
    """Do something for every config, so that all that is wrong with any is told at once."""
    from rnnlite_pipeline.config.annotations import annotated

    status = 0
    for path in call.configs:
        try:
            work(path)
        except RnnliteError as error:
            status = max(status, failed(str(error), error.exit_status))
            if _annotates(call):
                sys.stderr.write(annotated(error, path))
    return status


def _annotates(call: argparse.Namespace) -> bool:
    from rnnlite_pipeline.config.annotations import on_github

    return call.format == "github" or (call.format is None and on_github())


def _print_json(value: object) -> None:
    sys.stdout.write(json.dumps(value, indent=2, ensure_ascii=False) + "\n")


def _diff(call: argparse.Namespace) -> int:
    from rnnlite_pipeline.diff import run_diff

    return run_diff(call.first, call.second, as_json=call.json)


def _init(call: argparse.Namespace) -> int:
    from rnnlite_pipeline.cli.init import write_config

    for path in write_config(call.model, call.to, call.signature, dict(call.custom_objects)):
        sys.stdout.write(f"{path}\n")
    return 0


def _view(call: argparse.Namespace) -> int:
    from rnnlite_pipeline.cli.view import view

    return view(call.file, call.out, call.viewer)


def _sign(call: argparse.Namespace) -> int:
    from rnnlite_pipeline.cli.trust import sign_bundles

    return sign_bundles(call)


def _verify_bundle(call: argparse.Namespace) -> int:
    from rnnlite_pipeline.cli.trust import verify_bundles
    from rnnlite_pipeline.tasks.child import COMMAND
    from rnnlite_pipeline.tasks.plan import load_plan
    from rnnlite_pipeline.tasks.run import run_stages

    def build(config: Path, folder: Path) -> int:
        plan = load_plan(config, folder)
        return run_stages("package", [plan], folder, 1, call.stage_program or COMMAND)

    return verify_bundles(call, build)


def _bom(call: argparse.Namespace) -> int:
    from rnnlite_pipeline.cli.trust import write_bills

    return write_bills(call)


def _schema(call: argparse.Namespace) -> int:  # noqa: ARG001
    from rnnlite_pipeline.config import schema_text

    sys.stdout.write(schema_text())
    return 0


def _targets(call: argparse.Namespace) -> int:
    from rnnlite_pipeline.runtimes import check_names
    from rnnlite_pipeline.runtimes.text import as_json, as_text

    check_names(call.names)
    if call.json:
        _print_json(as_json(call.names))
    else:
        sys.stdout.write(as_text(call.names))
    return 0


def _completion(call: argparse.Namespace) -> int:
    from rnnlite_pipeline.cli.completion import completion

    sys.stdout.write(completion(call.shell, COMMANDS))
    return 0


_EXAMPLE = "configs/digits-bilstm.yaml"
_STAGE, _LOCKED = given.STAGE, (*given.STAGE, given.LOCKED)

#: Every command, in the order of its help.
COMMANDS = {
    "init": Command(
        "write a config from a model file, by looking into it",
        _init,
        given.INIT,
        ("rnnlite init examples/digits/models/digits-bilstm.keras -o configs/mine.yaml",),
    ),
    "validate": Command(
        "check configs and the files they name",
        _validate,
        (given.CONFIGS, given.JSON, given.FORMAT),
        (f"rnnlite validate {_EXAMPLE}", "rnnlite validate configs/*.yaml --json"),
    ),
    "inspect": Command(
        "show what a model holds and how each layer will be lowered",
        _stage,
        (*_STAGE, given.JSON),
        (f"rnnlite inspect {_EXAMPLE}", f"rnnlite inspect {_EXAMPLE} --json"),
    ),
    "convert": Command(
        "convert models to .tflite",
        _stage,
        (*_LOCKED, given.DUMP_PASSES),
        (
            f"rnnlite convert {_EXAMPLE}",
            "rnnlite convert configs/*.yaml --out /tmp/build -n 2",
            f"rnnlite convert {_EXAMPLE} --dump-passes /tmp/passes",
        ),
    ),
    "verify": Command(
        "compare converted models with their sources",
        _stage,
        (*_LOCKED, given.JSON),
        (f"rnnlite verify {_EXAMPLE}",),
    ),
    "report": Command(
        "write the report of each model, and one page that lists and compares them",
        _stage,
        _STAGE,
        ("rnnlite report configs/*.yaml",),
    ),
    "package": Command(
        "run every stage of the pipeline and make the release bundle",
        _stage,
        _LOCKED,
        (f"rnnlite package {_EXAMPLE}", f"rnnlite package {_EXAMPLE} --locked"),
    ),
    "lock": Command(
        "write what a model is built from, and what comes out, to its lock",
        _stage,
        _STAGE,
        (f"rnnlite lock {_EXAMPLE}",),
    ),
    "plan": Command(
        "list the stages of all configs and variants, each with its inputs, outputs and digest",
        _plan,
        (given.CONFIGS, given.OUT, given.JSON, given.GITHUB, given.SHARDS, given.FORMAT),
        (f"rnnlite plan {_EXAMPLE}", "rnnlite plan configs/*.yaml --github --shards 4"),
    ),
    "diff": Command(
        "compare two releases, models or configs",
        _diff,
        given.DIFF,
        ("rnnlite diff digits-1.0.0.zip digits-1.1.0.zip",),
    ),
    "sign": Command(
        "sign releases, with the statements beside them, in OpenSSF Model Signing's format",
        _sign,
        given.SIGN,
        ("rnnlite sign build/digits/dist/digits-1.0.0.zip --key private.pem",),
    ),
    "verify-bundle": Command(
        "check the signature, digests, statements and lock of releases, and build one again",
        _verify_bundle,
        given.VERIFY_BUNDLE,
        (
            "rnnlite verify-bundle digits-1.0.0.zip --key public.pem",
            "rnnlite verify-bundle digits-1.0.0.zip --key public.pem --rebuild configs/digits.yaml",
        ),
    ),
    "bom": Command(
        "write the bill of materials of releases, CycloneDX 1.6 with a model card",
        _bom,
        (given.BUNDLES,),
        ("rnnlite bom build/digits/dist/digits-1.0.0.zip",),
    ),
    "benchmark": Command(
        "measure latency, size and memory beside the stock conversion, and each op alone",
        _stage,
        (*_STAGE, given.JSON),
        (f"rnnlite benchmark {_EXAMPLE}",),
    ),
    "view": Command(
        "open a model in Model Explorer, with errors and times on its ops, or in Netron",
        _view,
        given.VIEW,
        (f"rnnlite view {_EXAMPLE}", "rnnlite view model.tflite --with netron"),
    ),
    "schema": Command(
        "print the JSON schema of a config", _schema, (), ("rnnlite schema > configs/schema.json",)
    ),
    "targets": Command(
        "print what each target takes: ops, types and sizes, with sources",
        _targets,
        given.TARGETS,
        ("rnnlite targets litert-web", "rnnlite targets --json"),
    ),
    "completion": Command(
        "print what a shell needs to complete rnnlite's arguments",
        _completion,
        given.COMPLETION,
        ("rnnlite completion bash > ~/.local/share/bash-completion/completions/rnnlite",),
    ),
}
