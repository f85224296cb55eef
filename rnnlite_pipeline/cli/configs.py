"""Configs as arguments: a file, `CONFIG/VARIANT`, or the name of a model; and their completion."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
from click.shell_completion import CompletionItem

from rnnlite_pipeline.errors import CallError, RnnliteError, did_you_mean

#: The folder, in the working folder, whose configs can be called by name.
CONFIGS = Path("configs")

#: The keys that only a config has, and no other YAML file of a project.
_KEYS = (re.compile(r"^name:\s*(\S+)", re.M), re.compile(r"^source:", re.M))


class ConfigType(click.Path):
    """A config on the command line. `found_config` later looks up a name."""

    name = "config"

    def __init__(self) -> None:
        super().__init__(path_type=Path)

    def shell_complete(
        self,
        ctx: click.Context,  # noqa: ARG002
        param: click.Parameter,  # noqa: ARG002
        incomplete: str,
    ) -> list[CompletionItem]:
        """Configs only: the files in the typed folder and in its folders, and names of models."""
        folder = Path(incomplete if incomplete.endswith("/") else incomplete or ".")
        folder = folder if folder.is_dir() and incomplete.endswith("/") else folder.parent
        found = dict.fromkeys(str(path) for path, _ in _configs(folder, deep=True))
        if "/" not in incomplete:
            found |= dict.fromkeys(name for _, name in _configs(CONFIGS))
        return [CompletionItem(word) for word in found if word.startswith(incomplete)]


def found_config(word: Path) -> Path:
    """The config that a word means.

    Args:
        word: A file or `CONFIG/VARIANT`, which is returned unchanged; or the name of a model,
            `NAME` or `NAME-VARIANT`, of a config in `configs/` or in the working folder.

    Raises:
        CallError: It is neither.
    """
    if word.is_file() or len(word.parts) != 1 or word.suffix in (".yaml", ".yml"):
        return word
    known: dict[str, Path] = {}
    for path, name in [*_configs(CONFIGS), *_configs(Path())]:
        known.setdefault(name, path)
        if str(word) != name and str(word).startswith(name):
            known |= _variants(path)
    if str(word) in known:
        return known[str(word)]
    if word.exists():
        return word
    names = did_you_mean(str(word), known)
    raise CallError(
        f"There is no config {word}, neither a file nor the name of a model of {CONFIGS}/.",
        names or "Name a YAML file; `rnnlite init MODEL` writes one.",
    )


def _variants(path: Path) -> dict[str, Path]:
    """The releases of a config by name; empty if the config is wrong."""
    from rnnlite_pipeline.config import load_releases

    try:
        releases: Any = load_releases(path)
    except RnnliteError:
        return {}
    return {each.name: path / each.variant if each.variant else path for each in releases}


def _configs(folder: Path, *, deep: bool = False) -> Iterator[tuple[Path, str]]:
    """The configs in a folder, with their names; with `deep`, also of the folders in it."""
    patterns = ("*.yaml", "*/*.yaml") if deep else ("*.yaml",)
    for path in sorted(path for pattern in patterns for path in folder.glob(pattern)):
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, ValueError):
            continue
        name, source = (key.search(text) for key in _KEYS)
        if name and source:
            yield path, name[1].strip("\"'")
