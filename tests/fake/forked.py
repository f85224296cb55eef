"""The fake stages, for a process that forks: it is imported beforehand and puts them in place.

Two more say what a test wants to see of a fork: `tell` and `give up`.
"""

from __future__ import annotations

import json
import os
import random
import signal
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, cast

from numpy.random import default_rng
from numpy.random import random as old_numpy

from rnnlite_pipeline import preloaded
from rnnlite_pipeline.files import write_atomically
from rnnlite_pipeline.stages.process import STAGES
from tests.fake import stages


def tell(config: Any, out: Path) -> None:
    """What a stage finds of its process."""
    del config
    told = {
        "pid": os.getpid(),
        "parent": os.getppid(),
        "threads": len([*Path("/proc/self/task").iterdir()]),
        "handles": sorted(_handles()),
        "interruptible": signal.getsignal(signal.SIGINT) is signal.default_int_handler,
        "numbers": [random.random(), default_rng().random(), old_numpy()],  # noqa: NPY002  # users have it
    }
    write_atomically(out / "told.json", json.dumps(told).encode())


def _handles() -> Iterator[str]:
    """What is open, by kind: `pipe`, `socket`, or a path."""
    for handle in Path("/proc/self/fd").iterdir():
        with suppress(FileNotFoundError):  # that of the list itself
            yield str(handle.readlink()).split(":", maxsplit=1)[0]


def give_up(config: Any, out: Path) -> None:
    """Prints, and must be a new process to go on."""
    del config, out
    print("a fork was here" if preloaded._BEFOREHAND else "a new process", flush=True)
    preloaded.before_tensorflow()


_STAGES = cast("dict[str, str]", STAGES)
_STAGES.update({name: f"{stages.__name__}:{function}" for name, function in stages.FAKES.items()})
_STAGES["tell"] = f"{__name__}:tell"
_STAGES["give up"] = f"{__name__}:give_up"
