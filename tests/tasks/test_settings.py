"""How doit is set up."""

from __future__ import annotations

import importlib
import tomllib
from pathlib import Path

import pytest

from rnnlite_pipeline.tasks.reporter import Progress
from rnnlite_pipeline.tasks.settings import BACKEND, doit_settings
from rnnlite_pipeline.tasks.state import Ordering, StateFolder
from tests.fake.project import ROOT


def test_the_state_stands_in_the_build_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A relative folder is that of the moment: doit changes the working folder later."""
    monkeypatch.chdir(tmp_path)
    settings = doit_settings(Path("build"))
    assert settings["dep_file"] == str(tmp_path / "build" / ".state")
    assert settings["reporter"] is Progress
    assert settings["check_file_uptodate"] is Ordering
    assert settings["par_type"] == "thread"


def test_dodo_and_the_command_have_one_backend() -> None:
    """doit reads it from pyproject.toml, rnnlite from here; both are this class."""
    told = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert told["tool"]["doit"]["plugins"]["backend"] == BACKEND
    module, name = BACKEND[doit_settings(Path())["backend"]].split(":")
    assert getattr(importlib.import_module(module), name) is StateFolder
