"""What tests of several rooms share."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from rnnlite_pipeline.tasks import warm
from rnnlite_pipeline.tasks.plan import Plan, load_plan
from rnnlite_pipeline.toolchain import load
from tests.fake.project import Project

#: Where random examples begin; unset, they are those of the ordinary run.
SEED = os.environ.get("RNNLITE_SEED")

# The same examples in every run: a failure in CI is one that anybody can see again. With
# RNNLITE_SEED=7 they are others, and the same in every run with that seed.
settings.register_profile("repeatable", derandomize=SEED is None, database=None)
settings.load_profile("repeatable")

#: Starts a fake stage instead of a real one.
FAKE = (sys.executable, str(Path(__file__).parent / "fake" / "stages.py"))


def pytest_configure(config: pytest.Config) -> None:
    """Hypothesis begins at RNNLITE_SEED; its plugin reads the option after this."""
    if SEED is not None and config.option.hypothesis_seed is None:
        config.option.hypothesis_seed = SEED


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A folder with a config, a source nobody reads as a model, and fake stages."""
    return Project(tmp_path / "project").write_config().write_source(b"first")


@pytest.fixture
def plan(project: Project) -> Plan:
    """The release of the project."""
    return load_plan(project.config, project.build)


@pytest.fixture
def fake_forks(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Stages are forks of a process that has imported the fake ones."""
    warm.close()
    monkeypatch.setattr(warm, "FIRST", ("tests.fake.forked",))
    monkeypatch.setattr(warm, "LIGHT", ())
    monkeypatch.setattr(warm, "TENSORFLOW", ())
    yield
    warm.close()


@pytest.fixture(scope="session")
def keras() -> Any:
    """Keras, as stages import it; once for each test process, since it takes seconds."""
    return load("keras")


@pytest.fixture(autouse=True)
def _seeded(request: pytest.FixtureRequest) -> None:
    """The same weights and the same layer names in every test that uses Keras."""
    if "keras" in request.fixturenames:
        keras = request.getfixturevalue("keras")
        keras.backend.clear_session()
        keras.utils.set_random_seed(0)
