"""`rnnlite targets`: quick, complete, and clear about a name that does not exist."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from rnnlite_pipeline.cli import main
from rnnlite_pipeline.runtimes import RUNTIMES
from tests.fake.project import ROOT


def test_it_imports_nothing_slow() -> None:
    """The tables are printed without TensorFlow and without LiteRT."""
    ended = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "rnnlite_pipeline", "targets"],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    imported = {line.rsplit("|", 1)[1].strip() for line in ended.stderr.splitlines()[1:]}
    assert "rnnlite_pipeline.runtimes" in imported
    packages = {name.partition(".")[0] for name in imported}
    assert packages.isdisjoint({"tensorflow", "keras", "ai_edge_litert", "pydantic", "doit"})
    assert all(f"{name}: " in ended.stdout for name in RUNTIMES)


def test_one_target_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    """Only what is asked for, with the source of every op."""
    assert main(["targets", "qualcomm", "--json"]) == 0
    (told,) = json.loads(capsys.readouterr().out)
    assert told["name"] == "qualcomm"
    assert {"op", "taken", "dtypes", "source"} <= told["ops"][0].keys()


def test_an_unknown_target(capsys: pytest.CaptureFixture[str]) -> None:
    """The error names the targets that exist, and the status is that of a wrong call."""
    assert main(["targets", "coreml"]) == 2
    said = capsys.readouterr().err
    assert "There is no target coreml" in said
    assert "litert-web" in said
