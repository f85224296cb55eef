"""Stages as forks of a process that has done their imports (`rnnlite_pipeline.stages.server`).

There are at most two such processes for one environment and working folder: one with TensorFlow,
for the stages that run it, and one without, for all others, which therefore cannot come to depend
on it. Each starts with the first stage that needs it and ends with the process that started it. The
one without starts beside the one with TensorFlow, whose import takes longer than its own: the
stages that follow an import are its.

Where a fork cannot be had, the process ends before it has begun with a stage, or the fork finds
that it would do something otherwise than a new process (`rnnlite_pipeline.preloaded`), the stage
is run in a new process as ever: `run` then returns None.

Memory: these processes run no stage, so they take what the imports take and never more; a fork
shares that with them and adds what its stage needs. At most one fork exists for each stage that
runs, `-n` of them.
"""

from __future__ import annotations

import atexit
import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from signal import SIGKILL
from typing import IO

from rnnlite_pipeline.preloaded import ANEW
from rnnlite_pipeline.stages.process import STAGES
from rnnlite_pipeline.stages.server import STARTED

#: What both import at their start.
FIRST: tuple[str, ...] = ()

#: What the stages without TensorFlow are made of.
LIGHT = tuple(dict.fromkeys(place.split(":")[0] for place in STAGES.values()))

#: What the stages that run TensorFlow import besides what they are made of.
TENSORFLOW: tuple[str, ...] = ("tensorflow", "keras")


@cache
def possible() -> bool:
    """Whether this system can do it: Linux since 5.3, where no sandbox forbids it."""
    if sys.platform != "linux" or not hasattr(os, "pidfd_open"):
        return False
    try:
        os.close(os.pidfd_open(os.getpid()))
    except OSError:
        return False
    return True


@dataclass(frozen=True)
class Ended:
    """How a process ended: its status, negative for a signal, and what it reported."""

    returncode: int
    report: bytes


@dataclass(frozen=True)
class _Key:
    """What a process is given at its start, and its stages with it."""

    parent: int
    folder: str
    environment: tuple[tuple[str, str], ...]
    tensorflow: bool


@dataclass(eq=False)
class _Server:
    process: subprocess.Popen[bytes]
    control: socket.socket
    users: int = 0
    lost: bool = False
    began: bool = False


_SERVERS: dict[_Key, _Server] = {}
_GUARD = threading.Lock()

#: Those that have begun with no stage: their imports start threads, for example.
_USELESS: set[_Key] = set()


def run(
    words: Sequence[str],
    log: IO[bytes],
    lock: int | None,
    environment: Mapping[str, str],
    *,
    tensorflow: bool,
) -> Ended | None:
    """Runs a stage in a fork.

    Args:
        words: STAGE CONFIG OUT, and options.
        log: Where all it prints goes.
        lock: A handle that stays open as long as it runs.
        environment: Its variables, all of them.
        tensorflow: Whether it runs TensorFlow.

    Returns:
        How it ended; None where it was not begun.
    """
    if not possible():
        return None
    try:
        variables = tuple(sorted(environment.items()))
        key = _Key(os.getpid(), str(Path.cwd()), variables, tensorflow)
        server = None if key in _USELESS else _borrowed(key)
    except OSError:  # no such folder, no more processes
        return None
    if server is None:
        return None
    ended: Ended | None = None
    try:
        ended = _stage(server, words, log, lock)
    finally:
        _give_back(server, lost=ended is None)
    return None if ended and ended.returncode == ANEW else ended


def processes() -> set[int]:
    """The ids of those that this process has started, which run no stage themselves."""
    with _GUARD:
        return {each.process.pid for key, each in _SERVERS.items() if key.parent == os.getpid()}


@atexit.register
def close() -> None:
    """Ends the processes that run no stage; they end with this one in any case."""
    with _GUARD:
        for key, server in [*_SERVERS.items()]:
            if key.parent != os.getpid():
                del _SERVERS[key]
            elif not server.users:
                _end(_SERVERS.pop(key))


def _borrowed(key: _Key) -> _Server:
    with _GUARD:
        if key in _SERVERS and _SERVERS[key].process.poll() is not None:  # it was killed
            _end(_SERVERS.pop(key))
        if key not in _SERVERS:
            for other, server in [*_SERVERS.items()]:
                same = (other.parent, other.folder, other.environment)
                if same != (key.parent, key.folder, key.environment) and not server.users:
                    _end(_SERVERS.pop(other))
            _SERVERS[key] = _started(key, TENSORFLOW if key.tensorflow else ())
            light = replace(key, tensorflow=False)
            if key.tensorflow and LIGHT and light not in _SERVERS:
                _SERVERS[light] = _started(light, LIGHT)
        _SERVERS[key].users += 1
        return _SERVERS[key]


def _started(key: _Key, modules: Sequence[str]) -> _Server:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    program = (sys.executable, "-P", "-m", "rnnlite_pipeline.stages.server")
    with theirs:
        process = subprocess.Popen(
            [*program, str(theirs.fileno()), *FIRST, *modules],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,  # its stages have their logs
            env=dict(key.environment),
            pass_fds=(theirs.fileno(),),
        )
    return _Server(process, ours)


def _give_back(server: _Server, *, lost: bool) -> None:
    """A stage needs it no more; it is ended after the last one if it did not begin with one."""
    with _GUARD:
        server.users -= 1
        server.lost |= lost
        server.began |= not lost
        if server.lost:
            for key in [key for key, each in _SERVERS.items() if each is server]:
                del _SERVERS[key]
                if not server.began:
                    _USELESS.add(key)
            if not server.users:
                _end(server)


def _end(server: _Server) -> None:
    server.control.close()
    if server.process.stdin:
        server.process.stdin.close()
    if not server.users:
        server.process.kill()  # it has no children
        server.process.wait()


def _stage(server: _Server, words: Sequence[str], log: IO[bytes], lock: int | None) -> Ended | None:
    leash, leash_here = os.pipe()
    report_here, report = os.pipe()
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    handles = [leash, report, log.fileno(), theirs.fileno(), *([] if lock is None else [lock])]
    with ours, os.fdopen(report_here, "rb") as told, os.fdopen(leash_here, "wb"):
        try:
            socket.send_fds(server.control, [json.dumps(words).encode()], handles)
        except OSError:  # it is gone
            return None
        finally:
            os.close(leash)
            os.close(report)
            theirs.close()
        if ours.recv(64) != STARTED:  # it has ended, or this process is interrupted
            return None
        try:
            content = told.read()
            status = ours.recv(64)
        finally:
            _wait(ours)
    return Ended(int(status) if status else -SIGKILL, content)


def _wait(ours: socket.socket) -> None:
    """Asks the server to end the child, if it is there, and waits until it is gone."""
    with suppress(OSError):
        ours.shutdown(socket.SHUT_WR)
        while ours.recv(64):
            pass
