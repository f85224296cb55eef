"""A release as `rnnlite package` writes it, and other ones that were tampered with."""

from __future__ import annotations

import shutil
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from rnnlite_pipeline.release.digests import sums
from rnnlite_pipeline.trust.files import Bundle, read_bundle
from tests.release.test_bundle import _lay_out, _package


@pytest.fixture(scope="session")
def packaged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A release that no test changes."""
    return _package(_lay_out(tmp_path_factory.mktemp("release")))


@pytest.fixture
def path(packaged: Path, tmp_path: Path) -> Path:
    """The zip of a release, with what stands beside it."""
    shutil.copytree(packaged.parent, tmp_path / "dist")
    return tmp_path / "dist" / packaged.name


@pytest.fixture
def bundle(path: Path) -> Bundle:
    """The same, read."""
    return read_bundle(path)


def changed(bundle: Bundle, change: Callable[[dict[str, bytes]], object]) -> Bundle:
    """The same with other members; nothing else is made to fit."""
    members = dict(bundle.members)
    change(members)
    return replace(bundle, members=members)


def beside(bundle: Bundle, ending: str, content: bytes) -> Bundle:
    """The same with another file beside it."""
    name = bundle.path.with_name(bundle.path.stem + ending).name
    return replace(bundle, beside=bundle.beside | {name: content})


def names(path: Path) -> list[str]:
    """The members of a zip."""
    with zipfile.ZipFile(path) as archive:
        return archive.namelist()


def fits(bundle: Bundle) -> Bundle:
    """The same with a digest that is the zip's."""
    content = sums({bundle.path.name: bundle.path.read_bytes()})
    return beside(bundle, ".zip.sha256", content)
