"""TensorFlow once a process: it takes seconds to import."""

from __future__ import annotations

from typing import Any

import pytest

from rnnlite_pipeline.toolchain import load


@pytest.fixture(scope="session")
def keras() -> Any:
    """Keras, in the environment that every verification runs in."""
    return load("keras")
