"""What to tell, after a run, about what a stage left."""

from __future__ import annotations

import os
from pathlib import Path

from rnnlite_pipeline.tasks.plan import Plan


def inspection(plan: Plan) -> str:
    """The table of `inspect`."""
    return (plan.out / "inspect.txt").read_text(encoding="utf-8")


def conversion(plan: Plan) -> str:
    """Where the model is, and its size."""
    return _file(plan.out / "model.tflite")


def verification(plan: Plan) -> str:
    """What was measured, and where the figures are."""
    return measured(plan) + _file(plan.out / "verification.json")


def packaging(plan: Plan) -> str:
    """What was measured, and where the release is."""
    return measured(plan) + _file(plan.out / "dist" / f"{plan.name}-{plan.config.version}.zip")


def measured(plan: Plan) -> str:
    """The headline figures of verification.json."""
    raise NotImplementedError


def _file(path: Path) -> str:
    return f"{os.path.relpath(path)} ({path.stat().st_size:,} bytes)\n"
