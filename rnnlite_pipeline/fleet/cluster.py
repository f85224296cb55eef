"""`--cluster ADDRESS`: runs stages on the workers of a Dask cluster.

doit still controls the graph: which stages are up to date, their order, and which stages do not run
because an earlier one failed. Each stage that may run becomes one task of Dask. The task needs the
resource `rnnlite` if workers declare it. As many tasks are submitted as the workers can run.

    tcp://HOST:PORT   a running cluster; it needs --cache URL, which its workers can reach too
    local[N]          N worker processes on this machine, for this run only

If a worker dies, Dask runs its stage again on another one. If the scheduler dies, the unfinished
stages are submitted again when a scheduler answers. If none answers, they run on this machine.
"""

from __future__ import annotations

import re
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rnnlite_pipeline.errors import CallError, StageError
from rnnlite_pipeline.files import write_atomically
from rnnlite_pipeline.fleet.cache import Blob, Cache, Refused
from rnnlite_pipeline.fleet.location import Missing, ReadOnly, Unreachable
from rnnlite_pipeline.fleet.sharing import FROM_CACHE, Shared, files_of, made_of, why_not_shared
from rnnlite_pipeline.fleet.worker import Ended, Job, environment_of_release, identity, run_job
from rnnlite_pipeline.tasks.child import COMMAND, occupied
from rnnlite_pipeline.tasks.keys import made_before, read_from_outside, stage_digest
from rnnlite_pipeline.tasks.plan import Plan
from rnnlite_pipeline.tasks.state import value_digest
from rnnlite_pipeline.tasks.table import GROUPS

#: The resource of a worker that one stage uses.
RESOURCE = "rnnlite"

#: Seconds to wait for a cluster at the start, and for a scheduler that has died to come back.
CONNECT, PATIENCE = 10.0, 60.0

#: How many times a job is submitted if the cluster loses it.
TRIES = 10

#: The part of this machine's memory that the workers of `local[N]` share.
_SHARE = 0.8

_LOCAL = re.compile(r"local\[([1-9][0-9]{0,2})\]")
_REMOTE = re.compile(r"(tcp|tls)://\S+:\d+")
_INSTALL = "Run `pip install rnnlite[cluster]`."


class Lost(Exception):
    """The cluster no longer answers."""


def check_address(address: str, cache: str) -> None:
    """Checks the values of `--cluster` and `--cache` together.

    Raises:
        CallError: They do not fit.
    """
    if not _LOCAL.fullmatch(address) and not _REMOTE.fullmatch(address):
        raise CallError(
            f"{address} is no address of a cluster.",
            "Expected tcp://HOST:PORT, or local[N] for N processes on this machine.",
        )
    if not cache and _REMOTE.fullmatch(address):
        raise CallError(
            "A cluster on other machines needs a cache that its workers can reach too.",
            "Add --cache URL: a shared folder, s3:// or gs://.",
        )


class Cluster:
    """The workers of a cluster. A connection that breaks is made again.

    Args:
        address: `tcp://HOST:PORT`.
    """

    def __init__(self, address: str) -> None:
        self.address = address
        self._lock = threading.Lock()
        self._client = self._connect(CONNECT)
        self.slots, self._resources = self._capacity()

    def check_versions(self) -> None:
        """Checks that all workers have the same versions as this machine.

        Raises:
            StageError: A worker differs; the message names all differences.
        """
        own = identity()
        found: dict[str, Any] = self._client.run(identity, on_error="return")
        lines = []
        for worker, told in sorted(found.items()):
            if isinstance(told, BaseException):
                lines.append(f"{worker}: {type(told).__name__}: {told}")
                continue
            for name in sorted({*own, *told}):
                if own.get(name) != told.get(name):
                    there, here = _short(told.get(name)), _short(own.get(name))
                    lines.append(f"{worker}: {name} {there}, here {here}")
        if lines:
            shown = "".join(f"\n  {line}" for line in lines[:20])
            raise StageError(
                f"Workers of the cluster have other versions than this machine.{shown}",
                "Start them with the same packages as on this machine.",
            )

    def do(self, job: Job, label: str) -> Ended:
        """Runs a job on a worker, and again if the cluster loses it.

        Raises:
            StageError: The workers that ran it died, or the cluster cannot run it.
            Lost: No scheduler answers, or the job was lost each time.
        """
        from distributed import KilledWorker

        for _ in range(TRIES):
            client = self._client
            try:
                return self._once(client, job, label)
            except StageError:
                raise
            except KilledWorker:
                raise StageError(
                    f"{label}: the workers that ran it died several times, perhaps out of memory.",
                    "See the logs of the workers.",
                ) from None
            except Exception:  # noqa: BLE001  # Dask raises many kinds where a connection breaks
                self._renew(client)
        raise Lost(f"the cluster at {self.address} lost {label} {TRIES} times")

    def close(self) -> None:
        """Closes the connection; the cluster goes on."""
        self._client.close(timeout=5)

    def _once(self, client: Any, job: Job, label: str) -> Ended:
        from distributed import KilledWorker

        future = client.submit(
            run_job,
            job,
            key=f"{label.replace(' ', ':')}-{uuid.uuid4().hex[:8]}",
            resources=self._resources,
            pure=False,
        )
        while True:
            try:
                ended: Ended = future.result(timeout=5)
            except Exception as error:
                if future.status == "error" and not isinstance(error, KilledWorker):
                    # `run_job` does not raise, so it did not start, or did not end.
                    why = " ".join(f"{type(error).__name__}: {error}".split())[:300]
                    raise StageError(
                        f"{label}: the cluster cannot run it: {why}",
                        "Is rnnlite installed on the scheduler and on all workers? See their logs.",
                    ) from None
                waits = isinstance(error, TimeoutError) and client.status == "running"
                if not waits or future.status in ("cancelled", "error", "lost"):
                    raise
            else:
                return ended

    def _capacity(self) -> tuple[int, dict[str, int] | None]:
        """How many stages may be submitted at a time, and the resource that each uses."""
        workers = self._client.scheduler_info(n_workers=-1)["workers"].values()
        named = [int(each["resources"].get(RESOURCE, 0)) for each in workers]
        if any(named):
            return sum(named), {RESOURCE: 1}
        return sum(int(each["nthreads"]) for each in workers), None

    def _renew(self, broken: Any) -> None:
        with self._lock:
            if self._client is not broken:
                return
            sys.stderr.write(f"warning: the cluster at {self.address} is gone; waiting for it\n")
            _quietly(lambda: broken.close(timeout=2))
            self._client = self._connect(PATIENCE)
            sys.stderr.write(f"the cluster at {self.address} is back\n")

    def _connect(self, patience: float) -> Any:
        from distributed import Client

        end, why = time.monotonic() + patience, "no answer"
        while time.monotonic() < end:
            client = None
            try:
                client = Client(self.address, timeout=2, set_as_default=False, name="rnnlite")
                client.wait_for_workers(1, timeout=max(1.0, end - time.monotonic()))
            except Exception as error:  # noqa: BLE001  # as above
                why = "it has no workers" if client else str(error).strip().split("\n", 1)[0]
                if client is not None:
                    _quietly(client.close)
                time.sleep(0.5)
            else:
                return client
        raise Lost(f"the cluster at {self.address} cannot be used: {why}")


class Clustered:
    """Brings stages up to date on a cluster.

    Args:
        cluster: The cluster.
        cache: A cache that the workers can reach too.
        program: The program that runs a stage; the workers use their own for the default one.
    """

    def __init__(self, cluster: Cluster, cache: Cache, program: Sequence[str]) -> None:
        self._cluster, self._cache = cluster, cache
        self._program = () if tuple(program) == COMMAND else tuple(program)
        self._alone = Shared(cache)
        self._lost = False

    def fetch(self, group: str, plan: Plan) -> str:
        """As of `Bring`."""
        with _cache_of(group, plan):
            return self._alone.fetch(group, plan)

    def __call__(self, group: str, plan: Plan, run: Callable[[], None]) -> str:
        """As `Bring`."""
        parted = GROUPS[group].parted
        stays = (parted and parted.stays) or why_not_shared(group, plan)
        if not self._lost and not stays:
            plan.out.mkdir(parents=True, exist_ok=True)
            with occupied(plan.out), _cache_of(group, plan):
                try:
                    return self._bring(group, plan)
                except Lost as error:
                    self._tell_lost(error)
        with _cache_of(group, plan):
            return self._alone(group, plan, run)

    def _bring(self, group: str, plan: Plan) -> str:
        key, sources = stage_digest(group, plan), made_of(group, plan)
        files, optional = files_of(group, plan)
        if self._cache.fetch(key, files, optional, sources):
            return FROM_CACHE
        for path in files.values():
            path.unlink(missing_ok=True)
        stage = GROUPS[group]
        label = f"{stage.name} {plan.name}"
        ended = self._cluster.do(self._job(group, plan, key), label)
        if ended.refused:  # what was brought there is damaged in the cache: it is written over
            ended = self._cluster.do(self._job(group, plan, key, mend=True), label)
        write_atomically(stage.log(plan), ended.log.encode())
        if ended.status:
            self._take_what_is_left(plan, ended)
            error = StageError(ended.message, ended.remedy)
            error.exit_status = ended.status
            raise error
        if not self._cache.fetch(key, files, optional, sources):
            raise StageError(
                f"{stage.name} of {plan.name} is done, but the cache does not give it.",
                "May the workers write to the cache, and this machine read it?",
            )
        return ""

    def _job(self, group: str, plan: Plan, key: str, *, mend: bool = False) -> Job:
        def keep(path: Path) -> Blob:
            return self._cache.keep(path, anew=mend)

        outside = [plan.path, *read_from_outside(group, plan)]
        own = plan.pipeline.path
        if not own.is_relative_to(Path(sys.modules["rnnlite_pipeline"].__path__[0]).parent):
            outside.append(own)
        made = {path for _, path in made_before(group, plan) if path.exists()}
        parted = GROUPS[group].parted
        parts = parted.left(plan) if parted else []
        return Job(
            key=key,
            group=group,
            config=str(plan.path),
            variant=plan.config.variant,
            settings=value_digest(plan.settings),
            outside={str(file): keep(file) for path in outside for file in _files(path)},
            made={path.relative_to(plan.out).as_posix(): keep(path) for path in sorted(made)},
            environment=environment_of_release(),
            cache=self._cache.url,
            anew=mend or self._cache.has_refused(key),
            program=self._program,
            candidate=plan.candidate,
            part=plan.part,
            parts={path.relative_to(plan.out).as_posix(): keep(path) for path in parts},
        )

    def _take_what_is_left(self, plan: Plan, ended: Ended) -> None:
        """Fetches the files of a failed stage, but only files that a stage of the release makes."""
        known = {name for group in GROUPS for name in files_of(group, plan)[0]}
        for name in ended.removed:
            (plan.out / name).unlink(missing_ok=True)
        for name, blob in ended.left.items():
            if name in known:
                self._cache.take(Blob(*blob), plan.out / name)

    def _tell_lost(self, error: Lost) -> None:
        if not self._lost:
            self._lost = True
            sys.stderr.write(f"warning: {error}; the rest is made here\n")


@contextmanager
def connected(address: str) -> Iterator[Cluster]:
    """Connects to the cluster at an address, and checks its versions.

    Raises:
        CallError: Dask is not installed.
        StageError: No cluster answers, it has no workers, or their versions differ.
    """
    try:
        import distributed
    except ImportError:
        raise CallError("Dask is not installed.", _INSTALL) from None
    if local := _LOCAL.fullmatch(address):
        with _local(distributed, int(local[1])) as started, _opened(started) as cluster:
            yield cluster
        return
    with _opened(address) as cluster:
        yield cluster


@contextmanager
def _opened(address: str) -> Iterator[Cluster]:
    try:
        cluster = Cluster(address)
    except Lost as error:
        raise StageError(f"{str(error)[0].upper()}{str(error)[1:]}.", "Is it running?") from None
    try:
        cluster.check_versions()
        yield cluster
    finally:
        _quietly(cluster.close)


@contextmanager
def _local(distributed: Any, workers: int) -> Iterator[str]:
    """Worker processes on this machine. Each runs one stage at a time, with its share of memory."""
    import psutil

    with distributed.LocalCluster(
        n_workers=workers,
        threads_per_worker=1,
        processes=True,
        memory_limit=int(psutil.virtual_memory().total * _SHARE / workers),
        resources={RESOURCE: 1},
        dashboard_address=None,
        silence_logs=50,
    ) as started:
        yield started.scheduler_address


@contextmanager
def _cache_of(group: str, plan: Plan) -> Iterator[None]:
    """What the cache, which the workers need, raises in the block becomes the stage's error."""
    try:
        yield
    except (Missing, ReadOnly, Refused, Unreachable) as error:
        raise StageError(f"{group} of {plan.name}: the cache failed: {error}") from None


def _files(path: Path) -> list[Path]:
    if path.is_dir():
        return sorted(file for file in path.rglob("*") if file.is_file())
    return [path]


def _short(value: object) -> str:
    text = "not installed" if value is None else str(value)
    return f"{text[:12]}..." if len(text) == 64 else text


def _quietly(work: Callable[[], object]) -> None:
    """Ignores errors of closing: what cannot be closed has ended already."""
    try:
        work()
    except Exception:  # noqa: BLE001  # see above
        return
