"""Runs stages in forks of itself: `python -m rnnlite_pipeline.stages.server HANDLE MODULE…`.

In a short stage, a new process spends most of its time on imports: three seconds and more for
TensorFlow. This process imports the modules once; the module of a stage when the stage is first
asked for. It runs no stage itself. For each stage it forks a child, which is like a new process
after its imports, and which runs `rnnlite_pipeline.stages.process`. The client is
`rnnlite_pipeline.tasks.warm`.

Rules:
    1. This process only imports, forks and waits. It runs no op and makes no eager context and no
       session, so no stage can see what another one left.
    2. It forks only while it has one thread: a lock of another thread would never be free in the
       child. TensorFlow starts no thread when it is imported. The two copies of OpenBLAS, of
       NumPy and of SciPy, start threads, and end them before a fork (pthread_atfork in OpenBLAS's
       driver/others/memory.c) until there is a product to compute. The server checks this: after
       each import it forks once and counts its threads. If there is more than one, it forks no
       more, and closes the client's socket to say so.
    3. Its environment and its working folder never change; they are those of its stages. A stage
       that needs another environment gets a new process (`preloaded.py`).
    4. A request is one packet on the socket HANDLE: the arguments of the stage as JSON, the handles
       of its standard input, output and error (`process.py`), a socket for this request, and
       handles that have to stay open meanwhile. On the request's socket the client reads `STARTED`,
       and then the exit status, which is negative for a signal. If the client closes the socket,
       the child is killed.
    5. HANDLE closes when the command has ended. Then the server kills all children, and ends. While
       it imports, its standard input has the same effect: it is a pipe that closes with the
       command, and then sends SIGIO, which ends a process (fcntl(2), F_SETOWN).
    6. If a module cannot be imported, the stage itself imports it, and reports the error.
"""

from __future__ import annotations

import atexit
import ctypes
import fcntl
import gc
import importlib
import json
import os
import selectors
import signal
import socket
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from rnnlite_pipeline import preloaded, toolchain
from rnnlite_pipeline.stages import process

#: What a client reads when its child exists.
STARTED = b"started"

#: The largest request in bytes, and its largest number of handles.
LARGEST, HANDLES = 1 << 18, 8


@dataclass(frozen=True)
class _Child:
    pid: int
    watch: int
    client: socket.socket


def main(words: Sequence[str]) -> int:
    """Serves requests until the client has ended; in a child, runs the stage.

    Args:
        words: The handle of the socket, and the modules to import.

    Returns:
        The exit status.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # for the stages, and for the client
    control = socket.socket(fileno=int(words[0]))
    stage = _serve(control) if _import(words[1:]) else None
    if stage is not None:
        _end_child(process.main(stage))
    return 0


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
        if templating := sys.modules.get("rnnlite_pipeline.report.templating"):
            templating.compile_all()
        preloaded.remember()
        gc.collect()
        gc.freeze()  # a garbage collection in a child would write to every page, and so copy it
    return _has_one_thread() if missing else True


@contextmanager
def _ended_with_stdin() -> Iterator[None]:
    """Within the block, this process ends at once when its standard input closes (rule 5)."""
    flags = fcntl.fcntl(0, fcntl.F_GETFL)
    fcntl.fcntl(0, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(0, fcntl.F_SETFL, flags | os.O_ASYNC)
    yield
    fcntl.fcntl(0, fcntl.F_SETFL, flags)


def _has_one_thread() -> bool:
    """Whether this process has only one thread after it has forked (rule 2)."""
    if not (pid := os.fork()):
        os._exit(0)
    os.waitpid(pid, 0)
    return len([*Path("/proc/self/task").iterdir()]) == 1


def _serve(control: socket.socket) -> list[str] | None:
    """Forks a child for each request.

    Returns:
        In a child, the arguments of its stage; None in this process, when the client has ended.
    """
    selector = selectors.DefaultSelector()
    selector.register(control, selectors.EVENT_READ)
    while True:
        key, _ = selector.select()[0]  # one at a time: an event may close the handles of the others
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
    """Whether the client has closed its socket meanwhile. It never sends anything on it."""
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
    """Kills a child whose client does not wait any more. `_tell` then reads its status."""
    selector.unregister(child.client)
    signal.pidfd_send_signal(child.watch, signal.SIGKILL)


def _tell(selector: selectors.BaseSelector, child: _Child) -> None:
    """Tells the client the status of a child that has ended."""
    status = os.waitstatus_to_exitcode(os.waitpid(child.pid, 0)[1])
    selector.unregister(child.watch)
    os.close(child.watch)
    with suppress(KeyError):
        selector.unregister(child.client)
    with suppress(OSError):
        child.client.send(str(status).encode())
    child.client.close()


def _end_child(status: int) -> NoReturn:
    """Ends a child: what is registered for the exit is done, in Python and in its libraries.

    What the stage made is freed, so a heap that it corrupted shows here. Only what was imported
    before the fork stays as it is: the interpreter would take all modules apart, which writes to
    the pages that a child shares with this process, and so copies half of them.
    """
    threading._shutdown()  # type: ignore[attr-defined]  # waits for threads, as any exit does
    atexit._run_exitfuncs()
    gc.collect()  # without what was there before the fork, which is frozen
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):
            stream.flush()
    ctypes.PyDLL(None).exit(status)
    os._exit(status)  # not reached


def _end_all(selector: selectors.BaseSelector) -> None:
    for child in {key.data for key in selector.get_map().values() if key.data}:
        signal.pidfd_send_signal(child.watch, signal.SIGKILL)
        os.waitpid(child.pid, 0)


def _leave(selector: selectors.BaseSelector) -> None:
    """Closes, in a child, the handles of the server. Both share the selector's list of them."""
    others = [key.fileobj for key in selector.get_map().values()]
    selector.close()
    for each in others:
        os.close(each) if isinstance(each, int) else each.close()  # type: ignore[attr-defined]


def _begin(words: list[str], handles: Sequence[int]) -> list[str]:
    """Makes a child like a new process: its three streams, its signals, its random numbers."""
    for stream, handle in enumerate(handles):
        os.dup2(handle, stream)
        os.close(handle)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    sys.argv = [str(process.__file__), *words]
    if numpy := sys.modules.get("numpy"):
        numpy.random.seed()  # the module `random` is seeded after a fork by itself
    return words


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
