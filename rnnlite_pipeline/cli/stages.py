"""The commands on configs: validate, plan, and a command for each stage."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rnnlite_pipeline.cli.arguments import Call
from rnnlite_pipeline.cli.configs import found_config
from rnnlite_pipeline.cli.failure import failed, print_json
from rnnlite_pipeline.cli.output import (
    ProblemJson,
    StageJson,
    error_json,
    files_json,
    problems_json,
)
from rnnlite_pipeline.errors import CallError, RnnliteError, named
from rnnlite_pipeline.files import near

if TYPE_CHECKING:
    from rnnlite_pipeline.tasks.graph import Bring
    from rnnlite_pipeline.tasks.outcome import Outcome
    from rnnlite_pipeline.tasks.plan import Plan

#: The file that `--json` includes in the output of a stage.
RESULTS = {
    "inspect": "inspect.json",
    "verify": "verification.json",
    "benchmark": "benchmark.json",
}


def validate(call: Call) -> int:
    """Checks each config and its files."""
    from rnnlite_pipeline.config import check_releases, load_releases

    told: list[dict[str, Any]] = []

    def check(path: Path) -> None:
        check_releases(load_releases(path), call.out)
        told.append({"config": str(path), "valid": True, "problems": []})
        if not call.json and not call.quiet:
            sys.stdout.write(f"{path}: valid\n")

    def wrong(path: Path, error: RnnliteError) -> None:
        whole: ProblemJson = {
            "file": str(path),
            "line": 0,
            "column": 0,
            "key": "",
            "message": str(error),
        }
        problems = problems_json(error) or [whole]
        told.append({"config": str(path), "valid": False, "problems": problems})

    status = _each(call, check, wrong)
    if call.json:
        print_json(told)
    elif not status and not call.quiet and len(call.configs) > 1:
        sys.stdout.write(f"{len(call.configs)} valid, 0 wrong\n")
    return status


def plan(call: Call) -> int:
    """Lists every stage of every release."""
    plans, wrong = _loaded(call)
    if wrong:
        if call.json:
            print_json({"error": error_json(wrong[0][1])})
        return _worst(wrong)
    from rnnlite_pipeline.fleet.plan import github_matrix, plan_json, plan_text

    if call.github:
        sys.stdout.write(github_matrix(plans, call.shards))
    elif call.json:
        print_json(plan_json(plans))
    else:
        sys.stdout.write(plan_text(plans))
    return 0


def stage(call: Call) -> int:
    """Brings the stage of this command up to date for each config."""
    if call.force and (call.cache or call.cluster):
        raise CallError(
            "--force runs every stage again on this machine; --cache and --cluster do not.",
            "Leave one of them out.",
        )
    plans, wrong = _loaded(call)
    if wrong:
        if call.json:
            print_json([_unread(path, error) for path, error in wrong])
        return _worst(wrong)
    if call.locked:
        from rnnlite_pipeline.cli.locked import with_choice

        plans = [with_choice(each) for each in plans]
    call.out.mkdir(parents=True, exist_ok=True)
    if not call.json:
        return _run(call, plans)[0]
    with redirect_stdout(sys.stderr):
        status, outcomes = _run(call, plans)
    print_json([_result(call.command, plan, outcomes) for plan in plans])
    return status


def _loaded(call: Call) -> tuple[list[Plan], list[tuple[Path, RnnliteError]]]:
    """The releases of all configs, and the wrong configs, whose errors are printed."""
    from rnnlite_pipeline.tasks.plan import plans_of, same_name

    plans: dict[str, Plan] = {}
    wrong: list[tuple[Path, RnnliteError]] = []

    def add(path: Path) -> None:
        for plan in plans_of(path, call.out):
            known = plans.setdefault(plan.name, plan)
            if known.reference != plan.reference:
                raise same_name(plan.name, known.reference, plan.reference)

    _each(call, add, lambda path, error: wrong.append((path, error)))
    return list(plans.values()), wrong


def _worst(wrong: Sequence[tuple[Path, RnnliteError]]) -> int:
    return max(error.exit_status for _, error in wrong)


def _run(call: Call, models: Sequence[Plan]) -> tuple[int, dict[str, Outcome]]:
    """The exit status, and the outcome of each stage by its label."""
    from rnnlite_pipeline.tasks.child import COMMAND
    from rnnlite_pipeline.tasks.reporter import Telling
    from rnnlite_pipeline.tasks.run import run_stages

    program = call.stage_program or COMMAND
    outcomes: dict[str, Outcome] = {}
    with _bringing(call, program) as (bring, elsewhere):

        def run(stage: str) -> int:
            last = call.command in (stage, "lock")
            done = run_stages(
                stage,
                models,
                call.out,
                call.jobs,
                program,
                telling=Telling(_annotates(call), call.quiet, call.verbose, last),
                force=call.force,
                bring=bring,
                elsewhere=elsewhere,
                dump_passes=call.dump_passes,
            )
            outcomes.update(done.outcomes)
            return done.status

        status = _with_locks(call, models, run)
    if call.command in RESULTS or call.command in ("package", "report"):
        _compare(call, models)
    if call.command == "report":
        _index(call, models)
    return status, outcomes


def _compare(call: Call, models: Sequence[Plan]) -> None:
    """Writes a page that compares the releases of a config."""
    if not any(plan.config.variant for plan in models):
        return
    from rnnlite_pipeline.fleet.compare import write_comparisons

    _tell_files(call, write_comparisons(models))


@contextmanager
def _bringing(call: Call, program: Sequence[str]) -> Iterator[tuple[Bring | None, int]]:
    """A cache or a cluster that brings stages up to date, or None; and how many run elsewhere."""
    if not call.cache and not call.cluster:
        yield None, 0
        return
    from rnnlite_pipeline.fleet.cache import Cache
    from rnnlite_pipeline.fleet.sharing import Shared

    if not call.cluster:
        yield Shared(Cache(call.cache)), 0
        return
    from rnnlite_pipeline.fleet.cluster import Clustered, check_address, connected

    check_address(call.cluster, call.cache)
    cache = Cache(call.cache or str(call.out.absolute() / ".cache"), strict=True)
    with connected(call.cluster) as cluster:
        # One more than the workers run: a worker that ends a stage can start the next one at once.
        yield Clustered(cluster, cache, program), cluster.slots + 1


def _index(call: Call, models: Sequence[Plan]) -> None:
    """Writes the index, with a row for each model, also for those that failed."""
    from rnnlite_pipeline.report.index import write_index

    _tell_files(call, [write_index([(plan.config, plan.out) for plan in models], call.out)])


def _tell_files(call: Call, paths: Iterable[Path]) -> None:
    if not call.quiet:
        sys.stdout.write("".join(f"{near(path)}\n" for path in paths))


def _with_locks(call: Call, models: Sequence[Plan], run: Callable[[str], int]) -> int:
    if call.command != "lock" and not call.locked:
        return run(call.command)
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


def _result(command: str, plan: Plan, outcomes: Mapping[str, Outcome]) -> StageJson:
    """The JSON of a stage of a model; without a result if the stage failed before it wrote one."""
    from rnnlite_pipeline.release.lock import lock_path
    from rnnlite_pipeline.tasks.outcome import cause
    from rnnlite_pipeline.tasks.table import GROUP_OF, GROUPS

    group = GROUPS[GROUP_OF["convert" if command == "lock" else command]]
    asked = outcomes[f"{group.name} {plan.name}"]
    error = cause(asked, list(outcomes.values())).error
    makes = [*group.makes(plan), *([lock_path(plan.config)] if command == "lock" else [])]
    # If the stage was not started, a file of an earlier run is not the result of this one.
    made = outcomes.get(f"{command} {plan.name}", asked)
    left = plan.out / RESULTS[command] if command in RESULTS else None
    there = left is not None and left.is_file() and made.state != "not run"
    return {
        "name": plan.name,
        "config": str(near(plan.reference)),
        "status": "failed" if asked.state == "not run" else asked.state,
        "seconds": round(asked.seconds, 3),
        "error": error_json(error) if error else None,
        "files": files_json(makes) if asked.well else [],
        "result": json.loads(left.read_text(encoding="utf-8")) if left and there else None,
    }


def _unread(path: Path, error: RnnliteError) -> StageJson:
    """The JSON of a config that could not be read."""
    return {
        "name": None,
        "config": str(path),
        "status": "failed",
        "seconds": 0.0,
        "error": error_json(error),
        "files": [],
        "result": None,
    }


def _each(
    call: Call,
    work: Callable[[Path], None],
    wrong: Callable[[Path, RnnliteError], None],
) -> int:
    """Calls `work` for every config, and prints all errors; `wrong` gets each of them."""
    from rnnlite_pipeline.config.annotations import annotated

    status, several, failures = 0, len(call.configs) > 1, []
    for word in call.configs:
        path = word
        try:
            path = found_config(word)
            work(path)
        except RnnliteError as error:
            message = named(str(path), str(error)) if several else str(error)
            status = max(status, failed(message, error.exit_status))
            if _annotates(call):
                sys.stderr.write(annotated(error, path))
            wrong(path, error)
            failures.append(str(path))
    if failures and several:
        right = len(call.configs) - len(failures)
        end = "" if call.command == "validate" else "; nothing was run"
        what = f"{right} valid, {len(failures)} wrong: {', '.join(failures)}{end}"
        sys.stderr.write(f"{what}\n")
    return status


def _annotates(call: Call) -> bool:
    from rnnlite_pipeline.config.annotations import on_github

    return call.format == "github" or (call.format is None and on_github())
