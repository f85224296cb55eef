"""The command lock, and the flag --locked: builds held to the lock that is checked in."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence

from rnnlite_pipeline.files import near, write_atomically
from rnnlite_pipeline.release.lock import (
    build_lock,
    check_locks,
    input_lock,
    lock_bytes,
    lock_path,
    read_lock,
)
from rnnlite_pipeline.tasks.plan import Plan

#: Runs a stage of all plans; returns the exit status.
Run = Callable[[str], int]


def write_locks(plans: Sequence[Plan], run: Run) -> int:
    """Convert each model, and write its lock beside its config.

    Args:
        plans: The models.
        run: Brings a stage of them up to date.

    Returns:
        The exit status of the conversion.
    """
    if status := run("convert"):
        return status
    for plan in plans:
        path = lock_path(plan.config)
        write_atomically(path, lock_bytes(build_lock(plan.config, plan.pipeline, plan.out)))
        sys.stdout.write(f"{near(path)}\n")
    return 0


def run_locked(stage: str, plans: Sequence[Plan], run: Run) -> int:
    """Run a stage of models whose inputs and results are those of their locks.

    The inputs are compared before anything runs; the model, once it is converted and before it is
    verified or packaged.

    Args:
        stage: What was asked for.
        plans: The models.
        run: Brings a stage of them up to date.

    Raises:
        StageError: A lock is missing, or a build differs from it.
    """
    locks = [(lock_path(plan.config), plan) for plan in plans]
    configs = {path: plan.config.reference for path, plan in locks}
    locked = {path: read_lock(path, configs[path]) for path, _ in locks}
    check_locks(
        ((path, locked[path], input_lock(plan.config, plan.pipeline)) for path, plan in locks),
        inputs_only=True,
        configs=configs,
    )
    if status := run("convert"):
        return status
    check_locks(
        (
            (path, locked[path], build_lock(plan.config, plan.pipeline, plan.out))
            for path, plan in locks
        ),
        configs=configs,
    )
    for path, _ in locks:
        sys.stdout.write(f"{near(path)}: matches\n")
    return run(stage) if stage != "convert" else 0
