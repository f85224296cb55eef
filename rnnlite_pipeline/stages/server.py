"""Runs stages in forks of itself: `python -m rnnlite_pipeline.stages.server HANDLE MODULE…`.

A new process spends most of a short stage on imports: TensorFlow's take three seconds and more.
This process imports the modules once and runs no stage itself; what a stage is made of, when it is
first asked for. For each stage it forks a child, which is what a new process would be after its
imports, and runs `rnnlite_pipeline.stages.process`.
`rnnlite_pipeline.tasks.warm` holds the other ends.

Rules:
    1. This process imports, forks and waits, and nothing else: no op has run, no eager context and
       no session exists, so no stage finds what another one left.
    2. It forks while it has one thread: a lock that another thread held would never be free in the
       child. TensorFlow starts no thread when it is imported. The two copies of OpenBLAS, NumPy's
       and SciPy's, do, and end theirs before a fork (pthread_atfork in OpenBLAS's
       driver/others/memory.c) until there is a product to compute. This is not taken on trust:
       after each import it forks once and counts its threads. With more than one it forks no more,
       and says so by closing the client's socket.
    3. It has one environment and one working folder from its start to its end, those of its stages.
       What a stage would do otherwise in a new process, it leaves to one (`preloaded.py`).
    4. A request is one packet on the socket HANDLE: the stage's words as JSON, and the handles of
       the leash, the report and the log (`process.py`), of a socket of its own, and of those that
       are to stay open meanwhile. On its own socket the client reads `STARTED`, and then the exit
       status, negative for a signal. Where the client closes it, the child is ended.
    5. When HANDLE closes, so when the command has ended, all children are ended, and this process.
       While it imports, its standard input does the same: a pipe that closes with the command and
       then sends SIGIO, which ends a process (fcntl(2), F_SETOWN).
    6. A module that cannot be imported is left to the stage, which fails on it in its own words.
"""

from __future__ import annotations

import fcntl
import gc
import importlib
import json
import os
import selectors
import signal
import socket
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from rnnlite_pipeline import preloaded, toolchain
from rnnlite_pipeline.stages import process

#: What a client reads once its child exists.
STARTED = b"started"

#: Bytes of a request, and its handles, at most.
LARGEST, HANDLES = 1 << 18, 8


@dataclass(frozen=True)
class _Child:
    pid: int
    watch: int
    client: socket.socket


def main(words: Sequence[str]) -> int:
    """Serves until the client has gone; in a child, runs its stage.

    Args:
        words: The handle of the socket, and the modules to import.

    Returns:
        The exit status.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the stages get it, and the client
    control = socket.socket(fileno=int(words[0]))
    stage = _serve(control) if _import(words[1:]) else None
    return 0 if stage is None else process.main(stage)


def _import(modules: Sequence[str]) -> bool:
    """Imports what is not yet imported; returns whether this process can fork."""
    missing = [module for module in modules if module not in sys.modules]
    if "tensorflow" in missing:
        toolchain.prepare()
    with _ended_with_stdin():
        for module in missing:
            with suppress(Exception):  # rule 6
                importlib.import_module(module)
    if missing:
        preloaded.remember()
        gc.collect()
        gc.freeze()  # a collection in a child would touch, and so copy, every page
    return _has_one_thread() if missing else True


@contextmanager
def _ended_with_stdin() -> Iterator[None]:
    """Within the block this process ends at once when its standard input closes (rule 5)."""
    flags = fcntl.fcntl(0, fcntl.F_GETFL)
    fcntl.fcntl(0, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(0, fcntl.F_SETFL, flags | os.O_ASYNC)
    yield
    fcntl.fcntl(0, fcntl.F_SETFL, flags)


def _has_one_thread() -> bool:
    """Whether this process has one thread, once it has forked (rule 2)."""
    if not (pid := os.fork()):
        os._exit(0)
    os.waitpid(pid, 0)
    return len([*Path("/proc/self/task").iterdir()]) == 1


def _serve(control: socket.socket) -> list[str] | None:
    """Forks a child for each request.

    Returns:
        In a child, its stage's words; None in this process, when the client has gone.
    """
    selector = selectors.DefaultSelector()
    selector.register(control, selectors.EVENT_READ)
    while True:
        key, _ = selector.select()[0]  # one at a time: it may close what the others are of
        child: _Child | None = key.data
        if child is None:
            request, handles, _, _ = socket.recv_fds(control, LARGEST, HANDLES)
            if not request:
                _end_all(selector)
                return None
            client, others = socket.socket(fileno=handles[3]), (*handles[:3], *handles[4:])
            stage: list[str] = json.loads(request)
            can = _import([process.STAGES[stage[0]].split(":", maxsplit=1)[0]])
            pid = os.fork() if can and not _is_closed(client) else -1
            if pid == 0:
                client.close()
                _leave(selector)
                return _begin(stage, handles[:3])
            for handle in others:
                os.close(handle)
            if pid > 0:
                _watch(selector, pid, client)
            else:
                client.close()
        elif key.fileobj is child.client:
            _end(selector, child)
        else:
            _tell(selector, child)


def _is_closed(client: socket.socket) -> bool:
    """Whether who asked has gone meanwhile; it sends nothing else."""
    try:
        return not client.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
    except BlockingIOError:
        return False


def _watch(selector: selectors.BaseSelector, pid: int, client: socket.socket) -> None:
    child = _Child(pid, os.pidfd_open(pid), client)
    selector.register(child.watch, selectors.EVENT_READ, child)
    selector.register(client, selectors.EVENT_READ, child)
    with suppress(OSError):
        client.send(STARTED)


def _end(selector: selectors.BaseSelector, child: _Child) -> None:
    """Its client waits for it no more; its status follows."""
    selector.unregister(child.client)
    signal.pidfd_send_signal(child.watch, signal.SIGKILL)


def _tell(selector: selectors.BaseSelector, child: _Child) -> None:
    """It has ended."""
    status = os.waitstatus_to_exitcode(os.waitpid(child.pid, 0)[1])
    selector.unregister(child.watch)
    os.close(child.watch)
    with suppress(KeyError):
        selector.unregister(child.client)
    with suppress(OSError):
        child.client.send(str(status).encode())
    child.client.close()


def _end_all(selector: selectors.BaseSelector) -> None:
    for child in {key.data for key in selector.get_map().values() if key.data}:
        signal.pidfd_send_signal(child.watch, signal.SIGKILL)
        os.waitpid(child.pid, 0)


def _leave(selector: selectors.BaseSelector) -> None:
    """Closes, in a child, what belongs to the server; the selector's own list is shared with it."""
    others = [key.fileobj for key in selector.get_map().values()]
    selector.close()
    for each in others:
        os.close(each) if isinstance(each, int) else each.close()  # type: ignore[attr-defined]


def _begin(words: list[str], handles: Sequence[int]) -> list[str]:
    """Makes a child what a new process is: its three streams, its signals, its random numbers."""
    for stream, handle in enumerate(handles):
        os.dup2(handle, stream)
        os.close(handle)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    sys.argv = [str(process.__file__), *words]
    if numpy := sys.modules.get("numpy"):
        numpy.random.seed()  # the module `random` does so itself
    return words


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
