"""What a process that begins with its imports done must not do otherwise than a new one.

`rnnlite_pipeline.stages.server` forks such processes. In a new process TensorFlow is imported by
the first call of `toolchain.load`, and what runs before that call may decide how: the user's own
module, or a file of tf-keras (`TF_USE_LEGACY_KERAS` is read by `tensorflow/__init__.py`). So a fork
that comes to such a point ends with the status `ANEW`, and its stage is run in a new process.

In a new process, all of this does nothing.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from importlib.machinery import PathFinder
from pathlib import Path

#: The exit status of a process that gives its work up, which a new process must do.
ANEW = 75

#: The packages and modules that were imported beforehand, those of Python itself left out.
_BEFOREHAND: set[str] = set()

#: Whether TensorFlow was asked for since the work began.
_ASKED: list[bool] = []


def remember() -> None:
    """From here on, what is imported was imported beforehand, and the work begins."""
    names = {name.split(".")[0] for name in sys.modules}
    _BEFOREHAND.update(names - set(sys.stdlib_module_names) - {"__main__"})
    _ASKED.clear()


def asked_for(module: str) -> None:
    """A module is asked for; a new process would have TensorFlow imported from here on, or not."""
    if module.split(".", maxsplit=1)[0] in ("tensorflow", "keras", "tf_keras"):
        _ASKED.append(True)


def before_tensorflow() -> None:
    """What follows may decide how TensorFlow is imported; it gives up where it is too late."""
    if "tensorflow" in _BEFOREHAND and not _ASKED:
        _give_up()


def importable(folders: Iterable[Path]) -> None:
    """Modules of these folders can be imported from here on, before those that are installed.

    It gives up where one has the name of a module that was imported beforehand.
    """
    places = [str(folder) for folder in folders]
    if any(_other_place(name, places) for name in _BEFOREHAND):
        _give_up()


def _other_place(name: str, folders: list[str]) -> bool:
    """Whether these folders have another module of this name than the one that was imported."""
    found = PathFinder.find_spec(name, folders)
    if found is None or found.origin is None:  # a folder without __init__.py hides no module
        return False
    known = getattr(sys.modules.get(name), "__spec__", None)
    return known is None or known.origin is None or not Path(found.origin).samefile(known.origin)


def _give_up() -> None:
    sys.stdout.flush()
    os._exit(ANEW)  # no `finally` of the stage is run: it has not failed
