"""The user's own code: imported, called, and blamed by what it says."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from rnnlite_pipeline.errors import NotConvertible, SourceError
from rnnlite_pipeline.sources.reference import attribute, built, importable

CODE = """
from rnnlite_pipeline.errors import NotConvertible

class Inner:
    number = 7

def make():
    return [Inner]

def fails():
    raise KeyError("kernel")

def needs(x):
    return x

def refused():
    raise NotConvertible("not this one")
"""


@pytest.fixture
def module(tmp_path: Path) -> Iterator[Path]:
    """A folder with the module of a user."""
    (tmp_path / "users_own.py").write_text(CODE)
    (tmp_path / "users_broken.py").write_text("import nothing_of_this_name")
    yield tmp_path
    for name in ("users_own", "users_broken"):
        sys.modules.pop(name, None)


def test_an_attribute_of_a_module(module: Path) -> None:
    """Of any depth."""
    with importable(module):
        assert attribute("users_own:Inner.number", "source.factory") == 7


def test_what_a_factory_returns(module: Path) -> None:
    """It is called without arguments."""
    with importable(module):
        (inner,) = built("users_own:make", "a keras.Model")
    assert inner.number == 7


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("users_gone:make", "No module named 'users_gone'"),
        ("users_broken:make", "No module named 'nothing_of_this_name'"),
        ("users_own:made", "has no attribute 'made'"),
        ("users_own:Inner.size", "has no attribute 'size'"),
        ("users_own", "has no attribute ''"),
    ],
)
def test_what_cannot_be_imported(module: Path, target: str, said: str) -> None:
    """Python's reason is in the error, which has the key's place in the config."""
    with importable(module), pytest.raises(SourceError, match=said) as caught:
        attribute(target, "source.custom_objects.a.B")
    assert caught.value.message.startswith(f"source.custom_objects.a.B: cannot import {target}")
    assert caught.value.key == ("source", "custom_objects", "a.B")


@pytest.mark.parametrize(
    ("name", "said"),
    [("fails", r"raised KeyError: 'kernel'"), ("needs", r"raised TypeError: needs\(\) missing 1")],
)
def test_a_factory_that_raises(module: Path, name: str, said: str) -> None:
    """Its error is one line, with what it should return."""
    with importable(module), pytest.raises(SourceError, match=said) as caught:
        built(f"users_own:{name}", "a tf.function")
    assert "until it returns a tf.function" in caught.value.remedy


def test_an_error_of_ours_is_handed_on(module: Path) -> None:
    """What the factory asks of rnnlite fails in rnnlite's words."""
    with importable(module), pytest.raises(NotConvertible, match="not this one"):
        built("users_own:refused", "a keras.Model")


def test_folders_are_on_the_path_only_while_open(
    module: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beside the config first, then the working folder; the path is what it was before."""
    working = tmp_path_factory.mktemp("working")
    monkeypatch.chdir(working)
    before = list(sys.path)
    with importable(module):
        assert sys.path == [str(module), str(working), *before]
    assert sys.path == before
    with pytest.raises(ZeroDivisionError), importable(module):
        raise ZeroDivisionError
    assert sys.path == before
