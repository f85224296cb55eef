"""The doit tasks that train the Keras models anew; the other configs/digits-*.yaml convert them."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from rnnlite_pipeline.tasks import Task, program

MODELS = Path(__file__).parent / "models"
NAMES = ("digits-bilstm", "digits-stacked")


def train(build: Path) -> Iterator[Task]:
    """A task for each model; its log is in the build folder."""
    for name in NAMES:
        yield program(
            name,
            [sys.executable, "-m", "examples.digits.train", name, str(MODELS)],
            log=build / "train" / f"{name}.log",
            label=f"train {name}",
        )
