"""What tests of several rooms share."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from hypothesis import settings

from tests.fake.project import Project

# The same examples in every run: a failure in CI is one that anybody can see again.
settings.register_profile("repeatable", derandomize=True, database=None)
settings.load_profile("repeatable")

#: Starts a fake stage instead of a real one.
FAKE = (sys.executable, str(Path(__file__).parent / "fake" / "stages.py"))


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A folder with a config, a source nobody reads as a model, and fake stages."""
    return Project(tmp_path / "project").write_config().write_source(b"first")
