"""The doit task that trains the tutorial's model: the source of configs/digits-lstm-ops.yaml."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from rnnlite_pipeline.tasks import Task, program

FOLDER = Path(__file__).parent
MODELS = FOLDER / "models"
NAME = "digits-lstm-ops"


def train(build: Path) -> Iterator[Task]:
    """The training; its log is in the build folder."""
    script = FOLDER / "train.py"
    yield program(
        NAME,
        [sys.executable, str(script), str(MODELS)],
        reads=[script],
        makes=[MODELS / f"{NAME}.pb", MODELS / f"{NAME}-test.npz"],
        log=build / "train" / f"{NAME}.log",
        label=f"train {NAME}",
    )
