"""The digest of a stage: everything that its outcome depends on, known before anything has run.

1. The files of the user that a stage reads count by their content, not by their names or times.
2. The config counts in its normalized form: what a stage is given of it, and the pipeline where
   it is given that.
3. Python, the packages that compute, the converters that are installed, this package's own code,
   and the kind of machine count.
4. What an earlier stage made counts by that stage's digest. So the digest of the last stage is
   known where nothing is built yet.

No absolute path is part of it: it is the same on every machine. It decides, with the content of
what was read and made, whether a task is up to date, and it is the key under which a finished
stage is shared.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rnnlite_pipeline.tasks.plan import BrokenPlan, Plan
from rnnlite_pipeline.tasks.state import content_digest, value_digest
from rnnlite_pipeline.tasks.table import GROUPS, makes, may_make, may_read, reads

#: A number that grows when the digests change their meaning.
FORM = 3


def stage_digest(group: str, plan: Plan) -> str:
    """The digest of one stage of one release, in hexadecimal digits.

    Args:
        group: A key of `GROUPS`.
        plan: The release.
    """
    return _digest(group, plan, {})


def _digest(group: str, plan: Plan, known: dict[str, str]) -> str:
    """The same, with the digests of earlier stages that were taken at this moment."""
    if group in known:
        return known[group]
    stage, makers = GROUPS[group], _makers(group, plan)
    files = [path for path in reads(group, plan) if path not in makers]
    known[group] = value_digest(
        {
            "form": FORM,
            "stage": stage.name,
            "settings": _settings(group, plan),
            "files": [content_digest(path) for path in files],
            "may_read": [content_digest(p) for p in may_read(group, plan) if p not in makers],
            "stages": {m: _digest(m, plan, known) for m in sorted(set(makers.values()))},
        }
    )
    return known[group]


def _makers(group: str, plan: Plan) -> Mapping[Path, str]:
    return {path: maker for maker, path in made_before(group, plan)}


def read_from_outside(group: str, plan: Plan) -> list[Path]:
    """The user's files and folders that a stage reads."""
    made = {path for _, path in made_before(group, plan)}
    return [path for path in reads(group, plan) if path not in made]


def made_before(group: str, plan: Plan) -> Sequence[tuple[str, Path]]:
    """The files that a stage reads and an earlier one makes, each after the group that makes it."""
    return plan.once(("made before", group), lambda: (*_made_before(group, plan),))


def _made_before(group: str, plan: Plan) -> Iterator[tuple[str, Path]]:
    own = {*reads(group, plan), *may_read(group, plan)}
    for maker, stage in GROUPS.items():
        if maker == group:
            return
        if stage.applies(plan):
            made = (*makes(maker, plan), *may_make(maker, plan))
            yield from ((maker, path) for path in made if path in own)


def _settings(group: str, plan: Plan) -> dict[str, Any]:
    stage = GROUPS[group]
    if not stage.keys:
        return {**plan.settings, **stage.settings()}
    settings = dict(plan.settings_of(stage.keys))
    if group == "search" and plan.chosen:
        settings["chosen"] = asdict(plan.chosen)
    if group == "candidate" and plan.candidate:
        settings["candidate"] = asdict(plan.candidate)
    if group == "batch" and plan.part:
        settings["part"] = asdict(plan.part)
    return settings


def same_imports(plans: Sequence[Plan | BrokenPlan]) -> dict[str, Plan]:
    """The releases whose import another one has made, by name: the first that imports the same.

    Only releases of one file are compared: their paths and modules are found from one folder.
    """
    files: dict[Path, list[Plan]] = {}
    for plan in plans:
        if isinstance(plan, Plan):
            files.setdefault(plan.path, []).append(plan)
    found: dict[str, Plan] = {}
    for releases in (each for each in files.values() if len(each) > 1):
        firsts: dict[str, Plan] = {}
        for plan in releases:
            first = firsts.setdefault(value_digest(_settings("import", plan)), plan)
            if first.name != plan.name:
                found[plan.name] = first
    return found
