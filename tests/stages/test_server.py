"""The process that forks stages, spoken to as its client speaks to it."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from rnnlite_pipeline.stages.server import STARTED, _is_closed
from tests.fake.project import ROOT, Project

pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="a server of stages needs pidfd_open, which Linux has"
)


@contextmanager
def server(
    *modules: str, **environment: str
) -> Iterator[tuple[socket.socket, subprocess.Popen[bytes]]]:
    """A server, and the client's end of its socket."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    program = (sys.executable, "-P", "-m", "rnnlite_pipeline.stages.server")
    with theirs:
        process = subprocess.Popen(
            [*program, str(theirs.fileno()), *modules],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
            pass_fds=(theirs.fileno(),),
        )
    try:
        with ours:
            yield ours, process
    finally:
        process.kill()
        assert process.stdin is not None
        process.stdin.close()
        process.wait()


@dataclass
class Stage:
    """A stage that was asked for: the client's ends of what it was given."""

    client: socket.socket
    report: int
    leash: int
    log: Path

    def ended(self) -> tuple[bytes, int]:
        """What it reported, and its status."""
        with os.fdopen(self.report, "rb") as file:
            told = file.read()
        status = int(self.client.recv(64))
        self.client.close()
        os.close(self.leash)
        return told, status


def ask(control: socket.socket, words: Sequence[str], log: Path) -> Stage:
    """Asks for a stage."""
    leash, leash_here = os.pipe()
    report_here, report = os.pipe()
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with log.open("wb") as file, theirs:
        handles = [leash, report, file.fileno(), theirs.fileno()]
        socket.send_fds(control, [json.dumps(words).encode()], handles)
    os.close(leash)
    os.close(report)
    return Stage(ours, report_here, leash_here, log)


@pytest.fixture(scope="module")
def control() -> Iterator[socket.socket]:
    """A server with the fake stages, one of which is slow and one of which crashes."""
    with server("no_such_module", "tests.fake.forked", FAKE_TROUBLE="convert=segfault") as (
        ours,
        _,
    ):
        yield ours


def _words(project: Project, stage: str) -> list[str]:
    return [stage, str(project.config), str(project.out)]


def test_a_stage_runs_in_a_fork(control: socket.socket, project: Project) -> None:
    """Its log has what it prints, its files wait; a module that cannot be imported is no matter."""
    project.build.mkdir()
    stage = ask(control, _words(project, "import"), project.folder / "log")
    assert stage.client.recv(64) == STARTED
    assert stage.ended() == (b"", 0)
    assert (project.folder / "log").read_text().startswith("working on import\n")
    held = project.out / ".work" / "held" / "import"
    assert (held / ".work" / "source.tflite").read_bytes() == b"first"


def test_a_failure_is_reported(control: socket.socket, project: Project) -> None:
    """By the fork's own report and status."""
    project.write_config("nonsense: 1\n")
    stage = ask(control, _words(project, "import"), project.folder / "log")
    assert stage.client.recv(64) == STARTED
    told, status = stage.ended()
    assert status == json.loads(told)["status"] == 2


def test_a_crash_is_a_signal(control: socket.socket, project: Project) -> None:
    """The status is negative, and the next stage has a fork again."""
    (project.out / ".work").mkdir(parents=True)
    (project.out / ".work" / "source.tflite").write_bytes(b"x")
    stage = ask(control, _words(project, "convert"), project.folder / "log")
    assert stage.client.recv(64) == STARTED
    assert stage.ended() == (b"", -signal.SIGSEGV)
    stage = ask(control, _words(project, "import"), project.folder / "log")
    assert stage.client.recv(64) == STARTED
    assert stage.ended()[1] == 0


def test_a_client_that_leaves_ends_its_stage(project: Project) -> None:
    """And no other one; the server goes on."""
    project.build.mkdir()
    with server("tests.fake.forked", FAKE_DELAY="30") as (control, _):
        slow = ask(control, _words(project, "import"), project.folder / "slow.log")
        assert slow.client.recv(64) == STARTED
        slow.client.shutdown(socket.SHUT_WR)
        assert slow.ended() == (b"", -signal.SIGKILL)
        told = ask(control, _words(project, "tell"), project.folder / "log")
        assert told.client.recv(64) == STARTED
        assert told.ended()[1] == 0


def test_a_server_ends_with_its_command(project: Project) -> None:
    """When its socket closes, its stages are ended and waited for, and its own status is 0."""
    project.build.mkdir()
    with server("tests.fake.forked", FAKE_DELAY="30") as (control, process):
        stage = ask(control, _words(project, "import"), project.folder / "log")
        assert stage.client.recv(64) == STARTED
        control.close()
        assert process.wait(timeout=30) == 0
        with os.fdopen(stage.report, "rb") as file:
            assert file.read() == b""  # nobody has its other end any more
        stage.client.close()
        os.close(stage.leash)


def test_a_server_that_still_imports_ends_too(tmp_path: Path) -> None:
    """Its standard input closes with the command, and a signal ends it at once."""
    (tmp_path / "imports_long.py").write_text(
        f"import time; open({str(tmp_path / 'begun')!r}, 'w').close(); time.sleep(60)\n"
    )
    with server("imports_long", PYTHONPATH=f"{ROOT}:{tmp_path}") as (_, process):
        while not (tmp_path / "begun").exists():
            time.sleep(0.01)
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait(timeout=30) == -signal.SIGIO


def test_whether_a_client_is_there() -> None:
    """It sends nothing but its end."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        assert not _is_closed(theirs)
        ours.shutdown(socket.SHUT_WR)
        assert _is_closed(theirs)
        ours.close()
        assert _is_closed(theirs)
