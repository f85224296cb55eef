"""Parts of a stage in processes of their own: how they end, and what is told of it."""

from __future__ import annotations

import time
from contextlib import suppress
from pathlib import Path

import pytest

from rnnlite_pipeline.child import Apart, run_apart


@pytest.fixture(autouse=True)
def _programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Main programs that answer, crash, hang and fail."""
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    lines = {
        "answering": "import sys; print(sys.argv[1:])",
        "crashing": "import os; os.abort()",
        "hanging": "import os, sys, time; open(sys.argv[1], 'w').write(str(os.getpid())); "
        "time.sleep(60)",
        "failing": "raise SystemExit(3)",
    }
    for name, line in lines.items():
        (tmp_path / f"{name}.py").write_text(line)


def test_crash_and_hang_are_told(tmp_path: Path) -> None:
    """A process that crashes, or hangs, is ended, and its end is told."""
    assert run_apart("answering", ["a", "b"]) == ("['a', 'b']", "")
    assert run_apart("crashing", []) == ("", "crashed with SIGABRT")
    assert run_apart("hanging", [str(tmp_path / "pid")], seconds=0.5) == ("", "took too long")
    assert run_apart("failing", []) == ("", "ended with status 3")


def test_a_process_ends_with_its_block(tmp_path: Path) -> None:
    """Where the block around a process ends by an error, the process is ended and waited for."""
    pid = tmp_path / "pid"
    with suppress(RuntimeError), Apart("hanging", [str(pid)]):
        while not (pid.is_file() and pid.read_text()):
            time.sleep(0.01)
        raise RuntimeError
    assert not Path(f"/proc/{pid.read_text()}").exists()
