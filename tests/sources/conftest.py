"""TensorFlow once a process: it takes seconds to import."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from rnnlite_pipeline.toolchain import load


@pytest.fixture(scope="session")
def keras() -> Any:
    """Keras, in the environment that every import of a source runs in."""
    return load("keras")


@pytest.fixture(autouse=True)
def _seeded(request: pytest.FixtureRequest) -> None:
    """The same weights and the same layer names in every test that uses Keras."""
    if "keras" in request.fixturenames:
        keras = request.getfixturevalue("keras")
        keras.backend.clear_session()
        keras.utils.set_random_seed(0)


@pytest.fixture(scope="session")
def tf1_models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of TensorFlow 1 models, written in a process that may use tf-keras."""
    folder = tmp_path_factory.mktemp("tf1")
    author = Path(__file__).with_name("tf1_author.py")
    settings = {"TF_USE_LEGACY_KERAS": "1", "CUDA_VISIBLE_DEVICES": "-1"}
    ended = subprocess.run(
        [sys.executable, str(author), str(folder)],
        env={**os.environ, **settings},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    return folder
