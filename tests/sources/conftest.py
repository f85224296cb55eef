"""Models of TensorFlow 1."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest


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
