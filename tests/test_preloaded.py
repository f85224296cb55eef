"""What a process that begins with its imports done leaves to a new one."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from rnnlite_pipeline import preloaded
from rnnlite_pipeline.preloaded import ANEW, asked_for, before_tensorflow, importable, remember


class GaveUp(Exception):
    """Instead of the end of this process."""


@pytest.fixture(autouse=True)
def _forgotten(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A process in which nothing was imported beforehand, whose end the test can see."""

    def leave(status: int) -> None:
        assert status == ANEW
        raise GaveUp

    monkeypatch.setattr(os, "_exit", leave)
    monkeypatch.setattr(preloaded, "_BEFOREHAND", set())
    monkeypatch.setattr(preloaded, "_ASKED", [])
    yield
    assert preloaded._BEFOREHAND is not None


@pytest.fixture
def tensorflow(monkeypatch: pytest.MonkeyPatch) -> None:
    """TensorFlow, or what has its name, was imported beforehand."""
    monkeypatch.setitem(sys.modules, "tensorflow", ModuleType("tensorflow"))
    remember()


def test_what_was_imported_beforehand() -> None:
    """Packages by their first name, without Python's own modules and the program itself."""
    remember()
    assert {"pytest", "rnnlite_pipeline"} <= preloaded._BEFOREHAND
    assert not {"os", "sys", "json", "__main__"} & preloaded._BEFOREHAND
    assert not any("." in name for name in preloaded._BEFOREHAND)


@pytest.mark.usefixtures("tensorflow")
def test_tensorflow_came_before_what_decides_about_it() -> None:
    """A new process would run the user's module first, and import TensorFlow after it."""
    with pytest.raises(GaveUp):
        before_tensorflow()


@pytest.mark.usefixtures("tensorflow")
@pytest.mark.parametrize(
    "module", ["tensorflow", "keras", "tf_keras.src.models", "tensorflow.lite"]
)
def test_tensorflow_was_asked_for_before(module: str) -> None:
    """In a new process it would be there by now, too: nothing that follows decides about it."""
    asked_for(module)
    before_tensorflow()


@pytest.mark.usefixtures("tensorflow")
@pytest.mark.parametrize("module", ["numpy", "jax", "tensorflow_hub", "kerastuner"])
def test_another_module_that_was_asked_for(module: str) -> None:
    """It does not import TensorFlow by its name alone."""
    asked_for(module)
    with pytest.raises(GaveUp):
        before_tensorflow()


@pytest.mark.usefixtures("tensorflow")
def test_each_stage_begins_anew() -> None:
    """What was asked for before the work began does not count."""
    asked_for("keras")
    remember()
    with pytest.raises(GaveUp):
        before_tensorflow()


def test_a_new_process_gives_nothing_up(tmp_path: Path) -> None:
    """Where nothing was imported beforehand, all of this does nothing."""
    (tmp_path / "pytest.py").write_text("")
    before_tensorflow()
    importable([tmp_path])


def test_a_module_that_hides_one_imported_beforehand(tmp_path: Path) -> None:
    """A file or a package of that name is another module than the one that is there."""
    remember()
    importable([tmp_path])
    (tmp_path / "mine.py").write_text("")
    importable([tmp_path, tmp_path / "none"])
    (tmp_path / "pytest").mkdir()
    importable([tmp_path])  # a folder alone is no package that hides one
    (tmp_path / "pytest" / "__init__.py").write_text("")
    with pytest.raises(GaveUp):
        importable([tmp_path])


def test_the_folder_that_it_was_imported_from(tmp_path: Path) -> None:
    """The same file, also by a link, is no other module."""
    remember()
    folder = Path(pytest.__file__).parents[1]
    importable([folder])
    (tmp_path / "linked").symlink_to(folder)
    importable([tmp_path / "linked"])


def test_a_module_without_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that was made in memory is hidden by any file of its name."""
    monkeypatch.setitem(sys.modules, "made_in_memory", ModuleType("made_in_memory"))
    remember()
    (tmp_path / "made_in_memory.py").write_text("")
    with pytest.raises(GaveUp):
        importable([tmp_path])
