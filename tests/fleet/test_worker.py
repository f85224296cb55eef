"""A worker of a cluster keeps the processes that its stages are forks of."""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("psutil", reason="the extra `cluster` is not installed")

import psutil

from rnnlite_pipeline.errors import StageError
from rnnlite_pipeline.fleet import worker
from rnnlite_pipeline.fleet.cache import Cache
from rnnlite_pipeline.fleet.cluster import Clustered
from rnnlite_pipeline.fleet.worker import Job, run_job
from rnnlite_pipeline.tasks import warm
from rnnlite_pipeline.tasks.child import COMMAND
from rnnlite_pipeline.tasks.plan import Plan
from tests.fake.project import ROOT, Project
from tests.fleet.test_cluster import Direct, _not_here

pytestmark = pytest.mark.usefixtures("fake_forks")


@pytest.fixture
def direct(project: Project) -> Clustered:
    """Brings stages up to date by a worker in this process, with forks."""
    cache = Cache(str(project.folder / "cache"), strict=True)
    return Clustered(Direct(), cache, COMMAND)  # type: ignore[arg-type]  # it is all that is used


def _jobs(direct: Clustered) -> list[Job]:
    jobs: list[Job] = direct._cluster.jobs  # type: ignore[attr-defined]  # it is `Direct`
    return jobs


def test_stages_of_a_worker_are_forks(direct: Clustered, plan: Plan) -> None:
    """Jobs one after the other start no further process; at most two are kept."""
    direct("import", plan, _not_here)
    first = warm.processes()
    assert 1 <= len(first) <= 2
    direct("graph", plan, _not_here)
    run_job(_jobs(direct)[0])
    assert first <= warm.processes()
    assert len(warm.processes()) <= 2


def test_a_crash_on_a_worker_leaves_the_rest(
    direct: Clustered, plan: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stage that dies is one error; the next stage is made as if nothing had been."""
    direct("import", plan, _not_here)
    with monkeypatch.context() as patch:
        patch.setenv("FAKE_TROUBLE", "convert=segfault")
        with pytest.raises(StageError, match="crashed with SIGSEGV"):
            direct("graph", plan, _not_here)
    assert direct("graph", plan, _not_here) == ""


def test_a_stage_is_ended_and_not_what_it_is_a_fork_of(
    direct: Clustered, plan: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where a worker has too little memory the stage goes, however small it is."""
    monkeypatch.setenv("FAKE_DELAY", "30")
    monkeypatch.setattr(worker, "_LOOK", 0.02)
    monkeypatch.setattr(worker, "_memory", lambda each: 2 if each.pid in warm.processes() else 1)
    job = _job(direct, plan)
    ended = run_job(job, memory=2)
    assert "took more than the 0.0 GiB of memory" in ended.message
    assert all(psutil.pid_exists(each) for each in warm.processes())
    assert warm.processes()


def test_the_stage_is_watched_after_another_process_was_ended(
    direct: Clustered, plan: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where something else of the worker was the largest, the stage's memory is still bounded."""
    monkeypatch.setenv("FAKE_DELAY", "30")
    monkeypatch.setattr(worker, "_LOOK", 0.02)
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) as other:

        def memory(each: psutil.Process) -> int:
            return 2 if each.pid != other.pid else 0 if other.poll() else 3

        monkeypatch.setattr(worker, "_memory", memory)
        ended = run_job(_job(direct, plan), memory=2)
        assert "took more than the 0.0 GiB of memory" in ended.message
        assert other.wait() < 0


def test_an_idle_worker_keeps_nothing(
    direct: Clustered, plan: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some time after the last job, the processes that were kept are gone."""
    monkeypatch.setattr(worker, "_IDLE", 0.01)
    direct("import", plan, _not_here)
    timer = worker._IDLING._timer
    assert timer is not None
    timer.join(timeout=10)
    assert not warm.processes()


def _job(direct: Clustered, plan: Plan) -> Job:
    return direct._job("import", plan, "0" * 64)


def test_a_job_is_shown_without_its_cache(direct: Clustered, plan: Plan) -> None:
    """Dask logs the arguments of a task that fails, and the URL may have a password."""
    direct("import", plan, _not_here)
    job = replace(_jobs(direct)[0], cache="https://someone:hidden@host/cache")
    assert "hidden" not in f"{job!r} {job}"
    assert pickle.loads(pickle.dumps(job)) == job


WORKER = """
import pickle, sys
from rnnlite_pipeline.fleet.worker import run_job
from rnnlite_pipeline.tasks import warm
warm.FIRST, warm.LIGHT, warm.TENSORFLOW = ("tests.fake.forked",), (), ()
run_job(pickle.load(sys.stdin.buffer))
"""


def test_no_process_is_left_of_a_killed_worker(
    direct: Clustered, plan: Plan, tmp_path: Path
) -> None:
    """SIGKILL of a worker ends its stage, and what that is a fork of."""
    killed = subprocess.Popen(
        [sys.executable, "-c", WORKER],
        stdin=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(ROOT), "FAKE_DELAY": "60", "TMPDIR": str(tmp_path)},
    )
    assert killed.stdin is not None
    with killed.stdin as given:
        given.write(pickle.dumps(_job(direct, plan)))
    family = psutil.Process(killed.pid)
    end = time.monotonic() + 30
    # the process that forks, and the stage that works already
    while not list(tmp_path.glob("rnnlite-*/build/runs")) and time.monotonic() < end:
        time.sleep(0.02)
    left = family.children(recursive=True)
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    assert len(left) >= 2
    assert psutil.wait_procs(left, timeout=10)[1] == []
