"""The doit tasks that train the example models: each a source of a config in configs/."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from rnnlite_pipeline.tasks import Task, program

FOLDER = Path(__file__).parent
MODELS = FOLDER / "models"
NAMES = ("digits-bilstm", "digits-stacked")


def train(build: Path) -> Iterator[Task]:
    """A task for each model; its log is in the build folder."""
    script = FOLDER / "train.py"
    for name in NAMES:
        yield program(
            name,
            [sys.executable, str(script), name, str(MODELS)],
            reads=[script],
            makes=[
                MODELS / f"{name}.keras",
                MODELS / f"{name}-test.npz",
                MODELS / f"{name}-calibration.npz",
            ],
            log=build / "train" / f"{name}.log",
            label=f"train {name}",
        )
