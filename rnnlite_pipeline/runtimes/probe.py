"""Runs a model once in a process of its own, which tells whether it runs and what memory it takes.

The interpreter trusts a model, and a bad one can crash the process: then this says so.
"""

from __future__ import annotations

import json
import re
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnlite_pipeline.child import run_apart, tell
from rnnlite_pipeline.errors import StageError
from rnnlite_pipeline.runtimes.interpreter import Runner

#: Calls made before the memory is looked at: the second finds all buffers there.
CALLS = 2

_STATUS = Path("/proc/self/status")


def peak_memory(folder: Path, model: bytes, inputs: Mapping[str, NDArray[Any]]) -> tuple[int, str]:
    """The bytes of memory that loading and running a model adds to a process, at their most.

    That is resident memory as Linux counts it (VmHWM): the model, the arena, weights that the
    delegate packs. What Python, NumPy and the runtime take before does not count.

    Args:
        folder: Where files may be written; nothing is left.
        model: The .tflite file.
        inputs: What it runs on.

    Returns:
        The bytes, and why it does not run; empty where it does.
    """
    with tempfile.TemporaryDirectory(dir=folder) as beside:
        path, arrays = Path(beside) / "model.tflite", Path(beside) / "inputs.npz"
        path.write_bytes(model)
        np.savez(arrays, *inputs.values())
        words = [str(path), str(arrays), json.dumps(list(inputs))]
        told, why = run_apart("rnnlite_pipeline.runtimes.probe", words)
    if why:
        return 0, f"does not run: the runtime {why}"
    value = json.loads(told)
    return value.get("bytes", 0), value.get("reason", "")


def _measured(model: Path, arrays: Path, names: list[str]) -> str:
    content = model.read_bytes()
    with np.load(arrays, allow_pickle=False) as file:
        inputs = dict(zip(names, (file[name] for name in file.files), strict=True))
    before = _begin()
    try:
        runner = Runner(content, "default", threads=1)
        for _ in range(CALLS):
            runner.run(inputs)
    except StageError as error:
        return json.dumps({"reason": f"does not run: {str(error.message).splitlines()[0]}"})
    return json.dumps({"bytes": _status("VmHWM") - before})


def _begin() -> int:
    """Resets the high-water mark to what is resident now, and tells that."""
    Path("/proc/self/clear_refs").write_text("5")
    return _status("VmRSS")


def _status(field: str) -> int:
    found = re.search(rf"^{field}:\s+(\d+) kB", _STATUS.read_text(), re.MULTILINE)
    return 1024 * int(found[1]) if found else 0


if __name__ == "__main__":
    tell(lambda: _measured(Path(sys.argv[1]), Path(sys.argv[2]), json.loads(sys.argv[3])))
