"""Whether a model runs in a process of its own, and what memory that takes."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from rnnlite_pipeline.graph.write import write_model
from rnnlite_pipeline.runtimes import probe
from rnnlite_pipeline.runtimes.probe import peak_memory
from tests.runtimes.models import dense

MODEL = write_model(dense())


def measured(monkeypatch: pytest.MonkeyPatch, folder: Path, answer: tuple[str, str]) -> object:
    """What is made of a child's answer; its arguments are looked at on the way."""

    def run(module: str, words: list[str]) -> tuple[str, str]:
        model, arrays, names = words
        assert module == probe.__name__
        assert Path(model).read_bytes() == MODEL
        with np.load(arrays) as file:
            assert [file[name].tolist() for name in file.files] == [[1], [2]]
        assert json.loads(names) == ["b", "file"]
        return answer

    monkeypatch.setattr(probe, "run_apart", run)
    return peak_memory(folder, MODEL, {"b": np.array([1]), "file": np.array([2])})


@pytest.mark.parametrize(
    ("answer", "result"),
    [
        (('{"bytes": 5}', ""), (5, "")),
        (('{"reason": "does not run: bad"}', ""), (0, "does not run: bad")),
        (("", "crashed with SIGSEGV"), (0, "does not run: the runtime crashed with SIGSEGV")),
    ],
)
def test_the_answer_of_the_child(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, answer: tuple[str, str], result: object
) -> None:
    """Bytes, a reason, or how it crashed; any names of inputs are handed over, no file is left."""
    assert measured(monkeypatch, tmp_path, answer) == result
    assert list(tmp_path.iterdir()) == []


def test_the_child_runs_the_model(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The most that was resident, less what was before; a model that is refused gives a reason."""
    resident = {"VmRSS": 100, "VmHWM": 700}
    monkeypatch.setattr(probe, "_begin", lambda: resident["VmRSS"])
    monkeypatch.setattr(probe, "_status", resident.__getitem__)
    path, arrays = tmp_path / "m.tflite", tmp_path / "x.npz"
    path.write_bytes(MODEL)
    np.savez(arrays, np.ones((2, 4), np.float32))
    assert json.loads(probe._measured(path, arrays, ["x"])) == {"bytes": 600}
    told = json.loads(probe._measured(path, arrays, ["z"]))
    assert told["reason"].startswith("does not run: The model's inputs are ['x']")


def test_the_status_of_this_process(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A field in kB as bytes; one that is not there is 0."""
    file = tmp_path / "status"
    file.write_text("Name:\tx\nVmHWM:\t    12 kB\nVmRSS:\t     8 kB\n")
    monkeypatch.setattr(probe, "_STATUS", file)
    assert [probe._status(each) for each in ("VmHWM", "VmRSS", "VmSwap")] == [12288, 8192, 0]
