"""How doit is set up, the same for dodo.py and for the `rnnlite` command."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rnnlite_pipeline.tasks.reporter import Progress
from rnnlite_pipeline.tasks.state import Ordering

#: The entry of pyproject.toml's [tool.doit.plugins.backend], for programs that read no such file.
BACKEND = {"folder": "rnnlite_pipeline.tasks.state:StateFolder"}


def doit_settings(build: Path) -> dict[str, Any]:
    """DOIT_CONFIG of a graph that works in `build`.

    Threads suffice for `-n`: the work is done by child processes.
    """
    return {
        "backend": "folder",
        "check_file_uptodate": Ordering,
        "dep_file": str(build.absolute() / ".state"),
        "par_type": "thread",
        "reporter": Progress,
        "verbosity": 2,
    }
