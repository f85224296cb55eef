"""Runs a stage on a worker of a cluster: fetches its files, runs it, and stores its results.

1. A job contains no code and no files. It names files by their digests; the cache has them.
2. A job works in its own folder. There the user's files have the same paths as on the machine they
   come from. Two jobs never share a file, and the folder is removed when the job ends.
3. The worker reads the config itself. The digest of its settings (config, pipeline, versions, code)
   must be the one in the job, so a worker with another version never runs a stage.
4. The stage runs in a separate process, as without a cluster: a fork of a process that has done its
   imports (`tasks/warm.py`). The worker keeps at most two of these, until it ends or has had no job
   for `_IDLE` seconds. If the worker dies, they end too.
5. All processes of the worker together may use the worker's memory. If they use more, the largest
   stage is killed. Memory that several processes share is counted once.
"""

from __future__ import annotations

import os
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from rnnlite_pipeline.config.chosen import Chosen
from rnnlite_pipeline.config.part import Part
from rnnlite_pipeline.errors import RnnliteError, StageError, of_system
from rnnlite_pipeline.files import digest
from rnnlite_pipeline.fleet.cache import Blob, Cache, Refused
from rnnlite_pipeline.fleet.location import Missing, ReadOnly, Unreachable
from rnnlite_pipeline.release.ci import GITHUB, GITLAB
from rnnlite_pipeline.tasks import warm
from rnnlite_pipeline.tasks.child import COMMAND, run_stage
from rnnlite_pipeline.tasks.keys import read_from_outside
from rnnlite_pipeline.tasks.plan import load_plan, toolchain
from rnnlite_pipeline.tasks.state import value_digest
from rnnlite_pipeline.tasks.table import GROUPS

_VARIABLES = ("SOURCE_DATE_EPOCH", *GITHUB, *GITLAB)

#: How many bytes of a log are sent back, from its end.
_LOG = 200_000

#: Seconds between two measurements of the memory.
_LOOK = 0.5

#: After so many seconds without a job, a worker ends the processes that it keeps.
_IDLE = 600.0


@dataclass(frozen=True)
class Job:
    """A stage of a release, described so that any machine can run it.

    Attributes:
        key: The stage's digest.
        group: A key of `GROUPS`.
        config: The config, an absolute path on the submitting machine; `variant`: its variant.
        settings: The digest of the release's settings.
        outside: The user's files, by their absolute paths on that machine.
        made: The files of earlier stages, by their names in the release's folder.
        environment: What a release depends on of the environment there: SOURCE_DATE_EPOCH, and
            what the CI says; a variable that is not among them is not set.
        cache: The URL of the cache. It may hold a password, and Dask logs the jobs that fail: it is
            no part of what a job is shown as.
        anew: Whether what is in the cache of this stage is damaged, and is written over.
        program: What starts a stage; the worker's own where empty.
        candidate: The candidate of a search, if the job makes one.
        part: The part of the verification data, if the job runs one.
        parts: What parts of this stage made, as `made`; its result does not depend on them.
    """

    key: str
    group: str
    config: str
    variant: str
    settings: str
    outside: Mapping[str, Blob]
    made: Mapping[str, Blob]
    environment: Mapping[str, str]
    cache: str = field(repr=False)
    anew: bool = False
    program: tuple[str, ...] = ()
    candidate: Chosen | None = None
    part: Part | None = None
    parts: Mapping[str, Blob] = field(default_factory=dict)


@dataclass(frozen=True)
class Ended:
    """The outcome of a job.

    Attributes:
        message: What went wrong; empty after success. `remedy` and `status` are those of an error.
        log: The end of the stage's log.
        left: After a failure, the files that the stage wrote, by name in the release's folder.
        removed: After a failure, the files of earlier stages that it removed.
        refused: Whether a file that the job names is damaged in the cache.
    """

    message: str = ""
    remedy: str = ""
    status: int = 0
    log: str = ""
    left: Mapping[str, Blob] = field(default_factory=dict)
    removed: tuple[str, ...] = ()
    refused: bool = False


def identity() -> dict[str, Any]:
    """The versions that must be the same on each machine, as a flat mapping."""
    told = toolchain()
    plugins = {f"converter {name}": each for name, each in told["plugins"].items()}
    return {**told["toolchain"], **plugins} | {
        key: told[key] for key in ("python", "machine", "rnnlite", "code")
    }


def run_job(job: Job, memory: int | None = None) -> Ended:
    """Runs a job. Errors are returned, not raised.

    Args:
        job: The job.
        memory: The memory of all processes of this worker, in bytes; if None, the worker's limit.
    """
    try:
        cache = Cache(job.cache, strict=True)
        with tempfile.TemporaryDirectory(prefix="rnnlite-", dir=_folder()) as folder:
            return _run(job, Path(folder).resolve(), cache, memory or _memory_limit())
    except Refused as error:
        return Ended(f"the cache is damaged: {error}", "", 1, refused=True)
    except (Missing, ReadOnly, Unreachable) as error:
        return Ended(f"the cache failed at a worker: {error}", "", 1)
    except RnnliteError as error:
        return Ended(error.message, error.remedy, error.exit_status)
    except OSError as error:
        told = of_system(error)
        return Ended(f"at the worker {_name()}: {told.message}", told.remedy, 1)
    finally:
        _IDLING.begins()


def _run(job: Job, folder: Path, cache: Cache, memory: int | None) -> Ended:
    root = folder / "files"
    for path, blob in job.outside.items():
        cache.take(blob, _below(root, path))
    config = _below(root, job.config)
    reference = config / job.variant if job.variant else config
    plan = replace(load_plan(reference, folder / "build"), candidate=job.candidate, part=job.part)
    if value_digest(plan.settings) != job.settings:
        raise StageError(
            f"The worker {_name()} reads {config.name} differently, because its versions differ.",
            "Start the worker again with the same packages as on this machine.",
        )
    for file in read_from_outside(job.group, plan):
        if not file.is_relative_to(root):
            raise StageError(
                f"{config.name} names the file {file} by an absolute path, which a worker of a"
                " cluster cannot fetch.",
                "Write its path relative to the config.",
            )
    if job.anew:
        cache.refuse(job.key)
    for name, blob in {**job.made, **job.parts}.items():
        cache.take(blob, plan.out / name)
    stage = GROUPS[job.group]
    log = stage.log(plan)
    try:
        with _watched(memory):
            run_stage(
                stage.name,
                reference,
                plan.out,
                job.program or COMMAND,
                options=stage.options(plan),
                called=stage.called(plan),
                tensorflow=stage.frameworks(plan),
                variables=_environment(job.environment),
            )
        if missing := [path.name for path in stage.makes(plan) if not path.exists()]:
            raise StageError(
                f"{stage.name} of {plan.name} ended with status 0, but did not write {missing[0]}."
            )
    except RnnliteError as error:
        left = dict(_changed(plan.out, {**job.made, **job.parts}, cache))
        removed = tuple(name for name in job.made if not (plan.out / name).exists())
        message = error.message.replace(str(folder), "")
        return Ended(message, error.remedy, error.exit_status, _end_of(log), left, removed)
    made = {p.relative_to(plan.out).as_posix(): p for p in stage.makes(plan)}
    may = {p.relative_to(plan.out).as_posix(): p for p in stage.may_make(plan) if p.exists()}
    sources = {name: blob.sha256 for name, blob in job.made.items()}
    cache.store(job.key, made | may, sources)
    return Ended(log=_end_of(log))


def _changed(out: Path, made: Mapping[str, Blob], cache: Cache) -> Iterator[tuple[str, Blob]]:
    """The files that are new, or have another content than before."""
    for path in sorted(out.rglob("*")):
        name = path.relative_to(out).as_posix()
        if not path.is_file() or path.suffix == ".log" or name == ".work/lock":
            continue
        if name not in made or made[name].sha256 != digest(path):
            yield name, cache.keep(path)


def _below(root: Path, path: str) -> Path:
    below = root / Path(path).relative_to("/")
    if ".." in below.parts:
        raise StageError(f"{path}: expected a path without `..`.")
    return below


def environment_of_release() -> dict[str, str]:
    """The environment variables of this process that a release depends on."""
    return {name: os.environ[name] for name in _VARIABLES if name in os.environ}


def _environment(wanted: Mapping[str, str]) -> dict[str, str]:
    """The environment of a stage: that of this process, with the variables of the release."""
    own = {name: value for name, value in os.environ.items() if name not in _VARIABLES}
    return {**own, **wanted}


def _end_of(log: Path) -> str:
    return log.read_bytes()[-_LOG:].decode(errors="replace") if log.exists() else ""


def _worker() -> Any:
    """The Dask worker that runs this code; None if there is none."""
    from distributed import get_worker

    try:
        return get_worker()
    except ValueError:
        return None


def _name() -> str:
    worker = _worker()
    return f"{worker.name} ({worker.address})" if worker else "here"


def _folder() -> str | None:
    worker = _worker()
    return str(worker.local_directory) if worker else None


def _memory_limit() -> int | None:
    worker = _worker()
    return worker.memory_manager.memory_limit if worker else None


@contextmanager
def _watched(limit: int | None) -> Iterator[None]:
    """Limits the memory of all processes that this one started, in bytes, during the block."""
    if limit is None:
        yield
        return
    over, ended = threading.Event(), threading.Event()
    watch = threading.Thread(target=_watch, args=(limit, over, ended), daemon=True)
    watch.start()
    try:
        yield
    except StageError as error:
        if over.is_set():
            amount = f"{limit / 2**30:.1f} GiB"
            raise StageError(
                f"{error.message.split(' crashed', 1)[0]} took more than the {amount} of memory of"
                f" the worker {_name()}.",
                "Use fewer workers, or give them more memory (`dask worker --memory-limit`).",
            ) from None
        raise
    finally:
        ended.set()
        watch.join()


def _watch(limit: int, over: threading.Event, ended: threading.Event) -> None:
    """Kills the largest process above the limit, until the stage has ended; sets `over`.

    It may kill a process that lives only briefly, such as the one that a server forks to count its
    threads, and not the stage. So it continues after it has killed one.
    """
    import psutil

    own = psutil.Process(os.getpid())
    while not ended.wait(_LOOK):
        taken = []
        for child in own.children(recursive=True):
            try:
                taken.append((_memory(child), child))
            except psutil.Error:  # the process has ended meanwhile
                continue
        if sum(size for size, _ in taken) > limit:
            kept = warm.processes()
            stages = [each for each in taken if each[1].pid not in kept] or taken
            max(stages, key=lambda each: each[0])[1].kill()
            over.set()


def _memory(process: Any) -> int:
    """The memory of a process in bytes. If known, a shared page counts in part for each process."""
    found = process.memory_full_info()
    return int(getattr(found, "pss", found.rss))


class _Idle:
    """Ends the processes that wait for the next stage, after some time without one."""

    def __init__(self) -> None:
        self._timer: threading.Timer | None = None
        self._lock = threading.Lock()

    def begins(self) -> None:
        """Starts the time again, as a job has ended. A running stage is never ended."""
        with self._lock:
            if self._timer:
                self._timer.cancel()
            self._timer = None
            if warm.processes():
                self._timer = threading.Timer(_IDLE, warm.close)
                self._timer.daemon = True
                self._timer.start()


_IDLING = _Idle()
