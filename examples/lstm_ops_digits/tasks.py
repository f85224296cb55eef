"""The doit task that trains the tutorial's model anew: configs/digits-lstm-ops.yaml converts it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from rnnlite_pipeline.tasks import Task, program

MODELS = Path(__file__).parent / "models"
NAME = "digits-lstm-ops"


def train(build: Path) -> Iterator[Task]:
    """The training; its log is in the build folder."""
    yield program(
        NAME,
        [sys.executable, "-m", "examples.lstm_ops_digits.train", str(MODELS)],
        log=build / "train" / f"{NAME}.log",
        label=f"train {NAME}",
    )
