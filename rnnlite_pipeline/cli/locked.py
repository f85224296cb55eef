"""The command lock, and the flag --locked: a build must match the lock beside its config."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import replace

from rnnlite_pipeline.config import Config
from rnnlite_pipeline.config.chosen import chosen_by, settled
from rnnlite_pipeline.errors import StageError
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

#: Brings a stage of all plans up to date; returns the exit status.
Run = Callable[[str], int]


def write_locks(plans: Sequence[Plan], run: Run) -> int:
    """Convert each model, and write its lock beside its config.

    Args:
        plans: The models.
        run: Brings a stage of all models up to date.

    Returns:
        The exit status of the conversion.
    """
    if status := run("convert"):
        return status
    for plan in plans:
        path = lock_path(plan.config)
        lock = build_lock(settled(plan.config, plan.out), plan.pipeline, plan.out)
        write_atomically(path, lock_bytes(lock))
        sys.stdout.write(f"{near(path)}\n")
    return 0


def with_choice(plan: Plan) -> Plan:
    """The plan with the scheme that its lock records, so that no search is needed.

    Raises:
        StageError: There is no lock, or it does not record a choice.
    """
    if plan.config.quantization.scheme != "auto":
        return plan
    path = lock_path(plan.config)
    chosen = chosen_by(read_lock(path, plan.config.reference))
    if chosen is None:
        raise StageError(
            f"{near(path)} does not say what quantization.scheme auto chose.",
            f"Write it again with `rnnlite lock {near(plan.config.reference)}`.",
        )
    return replace(plan, chosen=chosen)


def _settled(plan: Plan) -> Config:
    return plan.chosen.settle(plan.config) if plan.chosen else plan.config


def run_locked(stage: str, plans: Sequence[Plan], run: Run) -> int:
    """Run a stage of models, if their inputs and results match their locks.

    The inputs are compared before anything runs. The model is compared after its conversion, and
    before it is verified or packaged.

    Args:
        stage: The stage.
        plans: The models, as `with_choice` returns them.
        run: Brings a stage of all models up to date.

    Raises:
        StageError: A lock is missing, or a build differs from it.
    """
    locks = [(lock_path(plan.config), plan) for plan in plans]
    configs = {path: plan.config.reference for path, plan in locks}
    locked = {path: read_lock(path, configs[path]) for path, _ in locks}
    check_locks(
        ((path, locked[path], input_lock(_settled(plan), plan.pipeline)) for path, plan in locks),
        inputs_only=True,
        configs=configs,
    )
    if status := run("convert"):
        return status
    check_locks(
        (
            (path, locked[path], build_lock(_settled(plan), plan.pipeline, plan.out))
            for path, plan in locks
        ),
        configs=configs,
    )
    for path, _ in locks:
        sys.stdout.write(f"{near(path)}: matches\n")
    return run(stage) if stage != "convert" else 0
