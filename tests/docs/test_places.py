"""The files and folders that the pages for developers name are where they say."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fake.project import ROOT
from tests.test_rooms import ORDER

PAGES = ("architecture.md", "extending.md")

#: What a page names: a Python file, or a folder, which ends with a slash.
_PLACE = re.compile(r"`(\w[\w./-]*(?:\.py|/))`")


def places(page: str) -> Iterator[tuple[str, list[Path]]]:
    """Each place that a page names, and the folders that it may be in.

    A path begins at the root of the repository or of the package; in a row of a table, also in the
    room that the row begins with. A word of capitals stands for any name.
    """
    package = ROOT / "rnnlite_pipeline"
    for line in (ROOT / "docs" / page).read_text(encoding="utf-8").splitlines():
        first = line.split("|")[1] if line.startswith("|") else ""
        rooms = [package / name for name in _PLACE.findall(first) if name.endswith("/")]
        yield from ((name, [ROOT, package, *rooms]) for name in _PLACE.findall(line))


def is_there(name: str, folders: list[Path]) -> bool:
    """Whether one of the folders has it."""
    pattern = re.sub(r"[A-Z]{2,}(?=\.py$|/)", "*", name)
    found = (path for folder in folders for path in folder.glob(pattern))
    return any(path.is_dir() == name.endswith("/") for path in found)


@pytest.mark.parametrize("page", PAGES)
def test_what_a_page_names_is_there(page: str) -> None:
    """A module that was moved or renamed is named by its new place."""
    named = list(places(page))
    assert len(named) > 10
    assert [name for name, folders in named if not is_there(name, folders)] == []


def test_every_room_has_its_row() -> None:
    """In the order in which rooms may import each other."""
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    assert re.findall(r"^\| `(\w+)/` \|", page, re.MULTILINE) == ORDER


@pytest.mark.parametrize(
    ("name", "there"),
    [
        ("graph/read.py", True),
        ("rnnlite_pipeline/graph/read.py", True),
        ("config/headers/FORMAT.py", True),
        ("graph/", True),
        ("read.py", False),
        ("graph/none.py", False),
        ("graph/NAME.txt.py", False),
        ("none/", False),
    ],
)
def test_a_place_is_looked_for(name: str, there: bool) -> None:
    """A file of a room is not found without its room, nor a folder that is none."""
    assert is_there(name, [ROOT, ROOT / "rnnlite_pipeline"]) is there
