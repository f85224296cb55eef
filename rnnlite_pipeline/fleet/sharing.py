"""Which stages are shared by the cache, and how one is brought up to date with it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from rnnlite_pipeline.files import write_atomically
from rnnlite_pipeline.fleet.cache import Cache
from rnnlite_pipeline.tasks.child import occupied
from rnnlite_pipeline.tasks.keys import made_before, stage_digest
from rnnlite_pipeline.tasks.plan import Plan
from rnnlite_pipeline.tasks.state import content_digest
from rnnlite_pipeline.tasks.table import GROUPS

#: What the reporter says about a stage that was not run.
FROM_CACHE = "from the cache"


def why_not_shared(group: str, plan: Plan) -> str:
    """Why a stage is not shared; empty where it is.

    A stage is shared if its digest covers everything that its result depends on. The user's code
    may depend on anything, and a measurement depends on the machine.
    """
    if group in ("validate", "benchmark"):
        return "it is about this machine"
    if group == "search" and plan.chosen:
        return "the lock says what it chose"
    source = plan.config.source
    if source.factory or source.custom_objects:
        return "the source is built by code"
    if plan.config.recurrent.lowering == "fastest" and group != "import":
        return "recurrent.lowering is fastest, which measures this machine"
    return ""


def files_of(group: str, plan: Plan) -> tuple[dict[str, Path], frozenset[str]]:
    """What a stage makes, by its name below the release's folder; and which of it is optional."""
    stage = GROUPS[group]
    named = {path.relative_to(plan.out).as_posix(): path for path in stage.makes(plan)}
    may = {path.relative_to(plan.out).as_posix(): path for path in stage.may_make(plan)}
    return named | may, frozenset(may)


def made_of(group: str, plan: Plan) -> dict[str, str]:
    """The sha256 of what earlier stages made and this one reads, where it is there, by name."""
    found = {path: content_digest(path) for _, path in made_before(group, plan)}
    return {
        path.relative_to(plan.out).as_posix(): sha256 for path, sha256 in found.items() if sha256
    }


class Shared:
    """Brings stages up to date with a cache.

    Args:
        cache: Where finished stages are.
    """

    def __init__(self, cache: Cache) -> None:
        self._cache = cache

    def fetch(self, group: str, plan: Plan) -> str:
        """As of `Bring`."""
        if why_not_shared(group, plan):
            return ""
        plan.out.mkdir(parents=True, exist_ok=True)
        with occupied(plan.out):
            return FROM_CACHE if self._fetched(group, plan) else ""

    def __call__(self, group: str, plan: Plan, run: Callable[[], None]) -> str:
        """As `Bring`: fetches a stage, or runs it and keeps what it made."""
        if why_not_shared(group, plan):
            run()
            return ""
        plan.out.mkdir(parents=True, exist_ok=True)
        with occupied(plan.out):
            if self._fetched(group, plan):
                return FROM_CACHE
            key, sources = stage_digest(group, plan), made_of(group, plan)
            run()
            # A file that was edited during the stage no longer has its digest.
            if stage_digest(group, plan) == key and made_of(group, plan) == sources:
                files, _ = files_of(group, plan)
                there = {name: path for name, path in files.items() if path.exists()}
                self._cache.store(key, there, sources)
            return ""

    def _fetched(self, group: str, plan: Plan) -> bool:
        key, sources = stage_digest(group, plan), made_of(group, plan)
        files, optional = files_of(group, plan)
        if not self._cache.fetch(key, files, optional, sources):
            return False
        write_atomically(GROUPS[group].log(plan), f"taken from the cache, as {key}\n".encode())
        return True
