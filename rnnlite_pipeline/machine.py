"""Faults of the machine: something is missing here; neither the model nor this package is wrong."""

from __future__ import annotations

import re
import resource
import signal
from pathlib import Path

from rnnlite_pipeline.errors import RnnliteError, StageError

#: How the loader of the C library names a file that it cannot load: `libx.so.1: cannot open ...`.
#: Source: glibc, elf/dl-load.c and elf/dl-version.c.
_LIBRARY = re.compile(
    r"(?P<name>[\w.+/-]+\.so[\w.]*): (?P<why>cannot open shared object file.*"
    r"|version `.*' not found.*|undefined symbol.*|cannot enable executable stack.*"
    r"|failed to map segment.*|invalid ELF header)"
)

#: What computes here; none of it is the user's own.
_TOOLCHAIN = frozenset(
    {"ai_edge_litert", "flatbuffers", "h5py", "keras", "numpy", "tensorflow", "tf_keras"}
)

_AGAIN = "Install this package anew in an environment of its own, by the lock: `make demo` does it."
_MEMORY = (
    "Free some memory, run fewer stages at a time (-n 1), or use a machine with more; in a"
    " container, raise its limit."
)
_KILLED = (
    "The system killed it: most often as memory ran out (`dmesg` tells), or as a container's limit"
    " was reached."
)

#: What a signal that ended a child says of the machine, and what to do, where it says something.
_SIGNALS = {
    signal.SIGKILL: (_KILLED, _MEMORY),
    signal.SIGTERM: ("Another program ended it.", "Start it again; finished stages are kept."),
    signal.SIGILL: (
        "The processor lacks an instruction that a library was built for.",
        "TensorFlow's wheels need AVX: use another machine, or a build of TensorFlow for this one.",
    ),
    signal.SIGBUS: (
        "A file that was mapped into memory got shorter, or the disk is full.",
        "Free some space, also in /dev/shm, and run it again.",
    ),
    signal.SIGXCPU: ("The limit of processor time was reached.", "Raise it: `ulimit -t`."),
    signal.SIGXFSZ: ("The limit of a file's size was reached.", "Raise it: `ulimit -f`."),
}


def of_machine(error: BaseException) -> StageError | None:
    """The user's error where the machine is at fault; None where it is not.

    1. A shared library that is missing or does not fit.
    2. No memory: `MemoryError`, and what TensorFlow and the C++ library say of it.
    3. A package of the toolchain that cannot be imported; of an error that nobody foresaw, any
       package. A module of the user's own is the config's.
    4. Any other error while a package of the toolchain is imported: packages that do not fit each
       other raise all kinds of them.

    Args:
        error: What a stage raised. Its causes are looked at, too.
    """
    chain: list[BaseException] = []
    link: BaseException | None = error
    while link is not None and link not in chain:
        chain.append(link)
        link = link.__cause__ or link.__context__
    for each in chain:
        if found := _LIBRARY.search(str(each)):
            return StageError(
                f"The shared library {Path(found['name']).name} cannot be loaded on this machine:"
                f" {found['why'].split(chr(10))[0]}.",
                f"Install the system package that has it. Otherwise: {_AGAIN}",
            )
    for each in chain:
        if isinstance(each, MemoryError) or _no_memory(str(each)):
            return StageError("This machine has not enough memory for the stage.", _MEMORY)
    for each in chain:
        if isinstance(each, ImportError) and (package := _package(each)):
            if isinstance(error, RnnliteError) and package not in _TOOLCHAIN:
                continue
            return _not_imported(package, each)
    for each in chain:
        if package := _imported_by(each):
            return _not_imported(package, each)
    return None


def _not_imported(package: str, error: BaseException) -> StageError:
    why = str(error).strip().split("\n")[0].rstrip(".") or type(error).__name__
    remedy = _AGAIN
    if resource.getrlimit(resource.RLIMIT_AS)[0] != resource.RLIM_INFINITY:
        remedy = f"Raise the limit of memory, `ulimit -v unlimited`. {remedy}"
    return StageError(f"The Python package {package} cannot be imported: {why}.", remedy)


def _imported_by(error: BaseException) -> str:
    """The package of the toolchain that was being imported when an error was raised, the last."""
    link, found = error.__traceback__, ""
    while link is not None:
        frame = link.tb_frame
        package = str(frame.f_globals.get("__name__")).partition(".")[0]
        if frame.f_code.co_name == "<module>" and package in _TOOLCHAIN:
            found = package
        link = link.tb_next
    return found


def of_signal(number: int) -> tuple[str, str]:
    """What a signal that ended a stage says of the machine, and what to do; empty where nothing."""
    try:
        return _SIGNALS.get(signal.Signals(number), ("", ""))
    except ValueError:
        return "", ""


def _package(error: ImportError) -> str:
    """The package that cannot be imported. TensorFlow's own message names no module."""
    if error.name:
        return error.name.split(".")[0]
    return "tensorflow" if "native TensorFlow runtime" in str(error) else ""


def _no_memory(text: str) -> bool:
    said = ("std::bad_alloc", "OOM when allocating", "Cannot allocate memory", "Unable to allocate")
    return any(each in text for each in said)
