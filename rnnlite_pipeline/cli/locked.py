"""The command lock, and the flag --locked: builds that must match the lock that is checked in."""

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
        lock = build_lock(settled(plan.config, plan.out), plan.pipeline, plan.out)
        write_atomically(path, lock_bytes(lock))
        sys.stdout.write(f"{near(path)}\n")
    return 0


def with_choice(plan: Plan) -> Plan:
    """The plan with what its lock says that a search chose, so that it is not searched again.

    Raises:
        StageError: The lock is missing, or holds no choice.
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
    """Run a stage of models whose inputs and results are those of their locks.

    The inputs are compared before anything runs; the model, once it is converted and before it is
    verified or packaged.

    Args:
        stage: What was asked for.
        plans: The models, each by `with_choice`.
        run: Brings a stage of them up to date.

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
