"""The rooms of the package, and which may import which (docs/architecture.md)."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import rnnlite_pipeline

PACKAGE = "rnnlite_pipeline"
FOLDER = Path(rnnlite_pipeline.__file__).parent
TESTS = Path(__file__).parent

#: Modules that the whole house uses, and what starts the program.
ROOT = (
    "__init__",
    "child",
    "errors",
    "files",
    "machine",
    "plugins",
    "preloaded",
    "steps",
    "toolchain",
    "lstm_ops",
    "__main__",
)

#: A room imports the root's modules and the rooms before it; no other.
_ORDER = """
    config graph algebra cells shapes composites runtimes recognise passes state lower metadata
    sources compare resolve quantize latency report verify release diff stages tasks fleet trust cli
"""
ORDER = _ORDER.split()


@cache
def imported(path: Path, types: bool = False) -> frozenset[str]:
    """The modules of this package that a file imports when it runs, wherever in it.

    Args:
        path: The file.
        types: Whether those count as well that it imports for its types alone.
    """
    return frozenset(_imported(path, types))


def _imported(path: Path, types: bool) -> Iterator[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    typing = [n for n in ast.walk(tree) if isinstance(n, ast.If) and _is_for_types(n)]
    skipped = set() if types else {inner for node in typing for inner in ast.walk(node)}
    for node in (n for n in ast.walk(tree) if n not in skipped):
        if isinstance(node, ast.Import):
            yield from (each.name for each in node.names if each.name.startswith(PACKAGE))
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith(PACKAGE):
            if node.module == PACKAGE:
                yield from (f"{PACKAGE}.{each.name}" for each in node.names)
            else:
                below = FOLDER.parent / Path(*str(node.module).split("."))
                for each in node.names:
                    own = (below / f"{each.name}.py", below / each.name / "__init__.py")
                    is_module = any(path.is_file() for path in own)
                    yield f"{node.module}.{each.name}" if is_module else str(node.module)


def _is_for_types(node: ast.If) -> bool:
    return isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"


def room(module: str) -> str:
    """The room of a module; "" for the package itself and for modules at its root."""
    name = module.split(".")[1] if "." in module else ""
    return name if name in ORDER else ""


def files(name: str) -> list[Path]:
    """The modules of a room."""
    return sorted((FOLDER / name).rglob("*.py"))


def test_every_folder_is_a_room() -> None:
    """A folder that is added gets its place in the order, and at the root stands nothing else."""
    folders = {path.name for path in FOLDER.iterdir() if (path / "__init__.py").is_file()}
    assert folders == set(ORDER)
    assert {path.stem for path in FOLDER.glob("*.py")} == set(ROOT)


@pytest.mark.parametrize("name", ORDER)
def test_a_room_imports_rooms_before_it(name: str) -> None:
    """So there is no circle between rooms, and one can be read from left to right."""
    allowed = {"", name, *ORDER[: ORDER.index(name)]}
    wrong = {
        f"{path.relative_to(FOLDER)}: {module}"
        for path in files(name)
        for module in imported(path)
        if room(module) not in allowed
    }
    assert not wrong


@pytest.mark.parametrize("name", ["errors", "files", "toolchain", "lstm_ops", "plugins"])
def test_the_root_imports_no_room(name: str) -> None:
    """What everyone uses uses nobody."""
    assert not {room(module) for module in imported(FOLDER / f"{name}.py")} - {""}


def test_no_circle_between_files() -> None:
    """Of two files at most one imports the other, be it for types alone or by way of others."""
    found = {_module(path): path for path in FOLDER.rglob("*.py")}
    graph = {
        name: {each for each in imported(path, types=True) if each in found and each != name}
        for name, path in found.items()
    }
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(" imports ".join(reversed(error.args[1])))


def _module(path: Path) -> str:
    parts = path.relative_to(FOLDER.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _twin(module: str) -> Path:
    """Where the test of a module of a room, "graph/read", stands."""
    path = Path(module)
    return TESTS / path.parent / f"test_{path.name}.py"


#: Modules that need no test of their own, and why.
NO_LOGIC = {
    "algebra/algebra": "a protocol: types alone",
    "config/headers/interface": "dataclasses and an exception: types alone",
}


def test_every_module_has_its_twin() -> None:
    """A module that holds logic has a test of its name in the mirrored folder."""
    modules = {
        path.relative_to(FOLDER).with_suffix("").as_posix()
        for path in FOLDER.rglob("*.py")
        if path.stem not in ("__init__", "__main__")
    }
    assert {module for module in modules if not _twin(module).is_file()} == NO_LOGIC.keys()


def test_docs_tell_the_order() -> None:
    """The page on the architecture lists the rooms in this order."""
    page = (FOLDER.parent / "docs" / "architecture.md").read_text(encoding="utf-8")
    told = re.search(r"```text\n(config → .*?)```", page, re.DOTALL)
    assert told
    assert re.split(r"[\s→]+", told[1].strip()) == ORDER
