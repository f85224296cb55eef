"""Starts a stage in a separate process, and turns its failure into an error to show."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys
import sysconfig
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import rnnlite_pipeline
from rnnlite_pipeline.errors import ConfigError, Problem, RnnliteError, StageError, of_system
from rnnlite_pipeline.files import Held, near
from rnnlite_pipeline.machine import of_signal
from rnnlite_pipeline.stages.process import UNFORESEEN
from rnnlite_pipeline.tasks import warm
from rnnlite_pipeline.tasks.warm import Ended

#: What starts a stage; STAGE CONFIG OUT follow. `-P`: a user's numpy.py must not shadow ours.
COMMAND = (sys.executable, "-P", "-m", "rnnlite_pipeline.stages.process")

#: A disk with fewer free bytes is full: a process that ended without a word could not write.
ROOM = 2**16

#: Lines of the log shown when a stage crashed.
TAIL = 5

#: What makes a run repeatable: no GPU (Keras would export cuDNN ops), one order of hashing, and
#: kernels that do not depend on oneDNN's choice for this CPU.
ENVIRONMENT = {
    "CUDA_VISIBLE_DEVICES": "-1",
    "HIP_VISIBLE_DEVICES": "-1",
    "KERAS_BACKEND": "tensorflow",
    "PYTHONHASHSEED": "0",
    "PYTHONUNBUFFERED": "1",
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "TF_ENABLE_ONEDNN_OPTS": "0",
}


def run_stage(
    stage: str,
    config: Path,
    out: Path,
    command: Sequence[str] = COMMAND,
    *,
    stale: Sequence[Path] = (),
    condemned: Mapping[Path, Path] | None = None,
    options: Sequence[str] = (),
    called: str = "",
    tensorflow: bool = True,
    variables: Mapping[str, str] | None = None,
) -> None:
    """Run one stage of one model to its end; all it prints goes to OUT/STAGE.log.

    Its files get their final names after its process has ended with status 0. Where it ends
    otherwise, at its exit too, none does.

    Args:
        stage: A name of `rnnlite_pipeline.stages.process.STAGES`.
        config: The model's config.
        out: The model's folder, DIR/NAME; made if it is missing.
        command: What starts a stage.
        stale: Files to remove first: a failure must not leave an older config's results in place.
        condemned: Files that must not keep their names where the stage fails, and their new names.
        options: Further arguments of the stage, behind STAGE CONFIG OUT.
        called: Its name in the folder where it may run there several times at once: its log is
            OUT/CALLED.log.
        tensorflow: Whether it runs TensorFlow, which is then imported beforehand.
        variables: The environment; that of this process where None. `ENVIRONMENT` is added to it.

    Raises:
        StageError: The stage failed or crashed; its exit status is the child's error's own.
        OSError: The folder cannot be written.
    """
    log, held = out / f"{called or stage}.log", Held.of(called or stage, out)
    log.parent.mkdir(parents=True, exist_ok=True)
    options = (*options, *(("--as", called) if called else ()))
    environment = _environment(os.environ if variables is None else variables)
    with occupied(out) as lock, log.open("wb") as log_file:
        held.discard()
        for path in stale:
            path.unlink(missing_ok=True)
        words = [stage, str(config), str(out), *options]
        ended = None
        if tuple(command) == COMMAND:
            ended = warm.run(words, log_file, lock, environment, tensorflow=tensorflow)
        if ended is None:
            log_file.seek(0)
            log_file.truncate()
            ended = _run([*command, *words], log_file, lock, environment)
        if ended.returncode == 0:
            held.release()
            return
        held.discard()
        for path, name in (condemned or {}).items():
            if path.exists():
                path.replace(name)
    raise _failure(f"{stage} of {out.name}", ended, log)


def run_command(command: Sequence[str], log: Path, label: str) -> None:
    """Run any program the way a stage is run, all it prints going to a log.

    Raises:
        StageError: It failed.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as log_file:
        ended = _run(command, log_file, None, _environment(os.environ), reports=False)
    if ended.returncode != 0:
        raise _failure(label, ended, log)


def _run(
    command: Sequence[str],
    log: IO[bytes],
    lock: int | None,
    environment: Mapping[str, str],
    *,
    reports: bool = True,
) -> Ended:
    """Runs a process to its end; what it `reports` is on its standard output, which else is log."""
    process = subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE if reports else log,
        stderr=log,
        env=environment,
        pass_fds=() if lock is None else (lock,),
    )
    assert process.stdin is not None
    try:
        # The leash stays open until the child is gone: `communicate` would close it at once.
        report = process.stdout.read() if process.stdout else b""
        return Ended(process.wait(), report)
    finally:
        process.kill()
        process.stdin.close()
        if process.stdout:
            process.stdout.close()
        process.wait()


def _environment(variables: Mapping[str, str]) -> dict[str, str]:
    environment = {**variables, **ENVIRONMENT}
    root = str(Path(rnnlite_pipeline.__file__).parent.parent)
    if root not in (sysconfig.get_path("purelib"), sysconfig.get_path("platlib")):
        paths = [environment["PYTHONPATH"]] if environment.get("PYTHONPATH") else []
        environment["PYTHONPATH"] = os.pathsep.join([*paths, root])
    return environment


def _failure(what: str, ended: Ended, log: Path) -> RnnliteError:
    if ended.returncode < 0:
        return _crash(what, -ended.returncode, log)
    try:
        told = json.loads(ended.report)
    except ValueError:
        if shutil.disk_usage(log.parent).free < ROOM:
            return of_system(OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)), log.parent)
        return StageError(f"{what} ended with status {ended.returncode}.", f"See {log}.")
    if told["status"] == UNFORESEEN:
        return StageError(
            f"{what} failed with an unexpected error: {told['message']}",
            f"The full log is {log}; please report it.",
        )
    if "problems" in told:
        problems = [Problem(**each) for each in told["problems"]]
        path = near(Path(told["config"]))
        error: RnnliteError = ConfigError(path, problems, told["remedy"])
    else:
        error = StageError(told["message"], told["remedy"])
    error.exit_status = told["status"]
    return error


def _crash(what: str, number: int, log: Path) -> StageError:
    try:
        name = signal.Signals(number).name
    except ValueError:
        name = f"signal {number}"
    why, remedy = of_signal(number)
    printed = log.read_text(encoding="utf-8", errors="replace").splitlines()
    tail = "".join(f"\n    {line}" for line in printed[-TAIL:])
    ended = f"was ended by {name}. {why}" if why else f"crashed with {name}."
    end = f"; it ends with{tail}" if tail else "; it is empty."
    return StageError(f"{what} {ended}", f"{remedy} The full log is {log}{end}".lstrip())


@dataclass
class _Hold:
    handle: int
    users: int


_HOLDS: dict[Path, _Hold] = {}
_HOLDS_GUARD = threading.Lock()


@contextmanager
def occupied(out: Path) -> Iterator[int]:
    """Keeps other runs, and children of a killed run, from writing to `out` at the same time.

    The stages of one run may share the folder: they write different files. The lock passes to the
    child through its handle, so it is held until the last process using the folder is gone.
    """
    key = out.resolve()
    told = False
    while (handle := _try_to_occupy(key)) is None:
        if not told:
            sys.stderr.write(f"waiting for another run to leave {out}\n")
            told = True
        time.sleep(0.1)
    try:
        yield handle
    finally:
        with _HOLDS_GUARD:
            hold = _HOLDS[key]
            hold.users -= 1
            if not hold.users:
                os.close(_HOLDS.pop(key).handle)


def _try_to_occupy(out: Path) -> int | None:
    with _HOLDS_GUARD:
        if out in _HOLDS:
            _HOLDS[out].users += 1
            return _HOLDS[out].handle
        (out / ".work").mkdir(exist_ok=True)
        handle = os.open(out / ".work" / "lock", os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(handle)
            return None
        _HOLDS[out] = _Hold(handle, 1)
        return handle
