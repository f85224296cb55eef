"""The stages of one config: the config, its pipeline, and the folder it works in."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from itertools import chain, count
from pathlib import Path
from platform import machine, python_version
from typing import Any, TypeVar

import rnnlite_pipeline
from rnnlite_pipeline.config import Config, Pipeline, load_config, load_releases, pipeline_of
from rnnlite_pipeline.config.chosen import Chosen
from rnnlite_pipeline.config.part import Part
from rnnlite_pipeline.errors import CallError, RnnliteError
from rnnlite_pipeline.plugins import Plugin, plugins
from rnnlite_pipeline.tasks.state import content_digest, value_digest
from rnnlite_pipeline.toolchain import OF_FORMAT, OF_RUNTIME, version, versions

Value = TypeVar("Value")


@dataclass(frozen=True)
class Plan:
    """One model to work on.

    Args:
        config: What the YAML says.
        pipeline: The stages and the gates.
        out: The model's folder, DIR/NAME, absolute.
        chosen: The choice of a search, from a lock; it is not searched again.
        candidate: The candidate of a search that the stages reference and candidate make.
        part: The part of the verification data that the stage batch runs.
    """

    config: Config
    pipeline: Pipeline
    out: Path
    chosen: Chosen | None = None
    candidate: Chosen | None = None
    part: Part | None = None
    _once: dict[object, Any] = field(default_factory=dict, init=False, repr=False, compare=False)

    def once(self, key: object, value: Callable[[], Value]) -> Value:
        """A value that follows from this plan alone, computed when it is first asked for."""
        if key not in self._once:
            self._once[key] = value()
        found: Value = self._once[key]
        return found

    @property
    def name(self) -> str:
        """The model's name."""
        return self.config.name

    @property
    def path(self) -> Path:
        """The config file."""
        return self.config.path

    @property
    def reference(self) -> Path:
        """The config file, or `CONFIG/VARIANT`."""
        return self.config.reference

    @property
    def settings(self) -> dict[str, Any]:
        """Everything but files that the outcome of a stage depends on, as a JSON value."""
        return self.once("settings", self._settings)

    def _settings(self) -> dict[str, Any]:
        return {
            "config": self.config.normalized(),
            "pipeline": self.pipeline.model_dump(mode="json"),
            "toolchain": _toolchain_digest(),
            **self._runtimes(),
        }

    def settings_of(self, keys: tuple[str, ...]) -> dict[str, Any]:
        """The same for a stage that is given some keys of the config, and no pipeline."""
        narrowed = self.once(keys, lambda: self.config.only(keys).normalized())
        return {"config": narrowed, "toolchain": _toolchain_digest()}

    def _runtimes(self) -> dict[str, Any]:
        """The versions of the runtimes it is verified on beside LiteRT."""
        names = [OF_RUNTIME[name] for name in self.config.meant_for if name in OF_RUNTIME]
        return {"runtimes": {name: version(name) for name in names}} if names else {}


@dataclass(frozen=True)
class BrokenPlan:
    """A config that cannot be worked on: its tasks exist, and say why they cannot run."""

    name: str
    path: Path
    error: RnnliteError

    @property
    def reference(self) -> Path:
        """The config file."""
        return self.path


def load_plan(path: Path, build: Path) -> Plan:
    """Read a config and its pipeline.

    Raises:
        ConfigError: One of the two is wrong.
    """
    return _plan(load_config(path), build)


def plans_of(path: Path, build: Path) -> list[Plan]:
    """The plans of every release of a config file, or of the one that `CONFIG/VARIANT` names.

    Raises:
        ConfigError: The file or a pipeline is wrong.
    """
    return [_plan(config, build) for config in load_releases(path)]


def load_plans(paths: Iterable[Path], build: Path) -> list[Plan | BrokenPlan]:
    """The plans of a folder of configs, in which a broken one does not stop the others."""
    return list(_distinct(plan for path in paths for plan in _plans_or_broken(path, build)))


def _plan(config: Config, build: Path) -> Plan:
    return Plan(config, pipeline_of(config), build.absolute() / config.name)


def _plans_or_broken(path: Path, build: Path) -> Sequence[Plan | BrokenPlan]:
    try:
        return plans_of(path, build)
    except RnnliteError as error:
        return [BrokenPlan(path.stem, path.absolute(), error)]


def _distinct(plans: Iterable[Plan | BrokenPlan]) -> Iterator[Plan | BrokenPlan]:
    """The same with names that differ, as each is that of a task.

    1. Of releases of one name, which would work in one folder, the first keeps it.
    2. A broken config is called by its file, as nobody knows its name; it takes no release's.
    """
    found = list(plans)
    first: dict[str, Plan] = {}
    for each in found:
        if isinstance(each, Plan):
            first.setdefault(each.name, each)
    taken = set(first)
    for plan in found:
        if isinstance(plan, Plan) and first[plan.name] is plan:
            yield plan
            continue
        error = plan.error if isinstance(plan, BrokenPlan) else _named_twice(plan, first[plan.name])
        name = _free(plan.name, plan.path.stem, taken)
        taken.add(name)
        yield BrokenPlan(name, plan.path, error)


def _named_twice(plan: Plan, first: Plan) -> CallError:
    return same_name(plan.name, first.reference, plan.reference)


def _free(name: str, stem: str, taken: Collection[str]) -> str:
    """A name that no task has: no release's own has an `@`."""
    names = chain((name, f"{name}@{stem}"), (f"{name}@{stem}@{n}" for n in count(2)))
    return next(each for each in names if each not in taken)


def same_name(name: str, first: Path, second: Path) -> CallError:
    """The error for two configs that would work in one folder."""
    return CallError(
        f"{first} and {second} are both named {name}.", "Give one of them another `name:`."
    )


@cache
def toolchain() -> dict[str, Any]:
    """The versions of all packages that compute, and a digest of this package's code."""
    return {
        "python": python_version(),
        "machine": machine(),
        "rnnlite": rnnlite_pipeline.__version__,
        "code": _code_digest(),
        "toolchain": versions(*OF_FORMAT),
        "plugins": {f"{p.pattern} of {p.package}": _plugin_digest(p) for p in plugins()},
    }


@cache
def _toolchain_digest() -> str:
    return value_digest(toolchain())


def _code_digest() -> str:
    top = Path(rnnlite_pipeline.__file__).parent
    return _files_digest([*top.rglob("*.py"), *top.rglob("templates/**/*.*")])


def _plugin_digest(plugin: Plugin) -> str:
    """Of its files: it may be edited where it is installed in place, under the same version."""
    return _files_digest(plugin.files())


def _files_digest(paths: Iterable[Path]) -> str:
    found = sorted(paths)
    top = os.path.commonpath(found) if found else ""
    return value_digest({os.path.relpath(path, top): content_digest(path) for path in found})
