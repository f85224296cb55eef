"""What installed packages add to rnnlite: their entry points, without importing any of them."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import Any

#: The entry point group of converters; an entry point's name is the composite's.
GROUP = "rnnlite.converters"


@dataclass(frozen=True)
class Plugin:
    """A converter that an installed package registers.

    Attributes:
        pattern: The composite's name; `*`, `?` and `[...]` as in names of files (fnmatch).
        package: The distribution's name and version.
        entry: Where its function is.
    """

    pattern: str
    package: str
    entry: metadata.EntryPoint

    def matches(self, name: str) -> bool:
        """Whether it converts composites of this name."""
        return fnmatchcase(name, self.pattern)

    def files(self) -> list[Path]:
        """The Python files of its top-level package or module, found without importing it."""
        spec = find_spec(self.entry.module.partition(".")[0])
        if spec is None:
            return []
        if spec.submodule_search_locations is None:
            return [Path(spec.origin)] if spec.origin else []
        folders = map(Path, spec.submodule_search_locations)
        return sorted(path for folder in folders for path in folder.rglob("*.py"))

    def load(self) -> Any:
        """Imports its function."""
        return self.entry.load()


def plugins() -> list[Plugin]:
    """The converters of installed packages, by name."""
    found = [Plugin(e.name, _package(e), e) for e in metadata.entry_points(group=GROUP)]
    return sorted(found, key=lambda plugin: (plugin.pattern, plugin.package))


def _package(entry: metadata.EntryPoint) -> str:
    return f"{entry.dist.name} {entry.dist.version}" if entry.dist else entry.value
