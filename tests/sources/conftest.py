"""TensorFlow once a process: it takes seconds to import."""

from __future__ import annotations

from typing import Any

import pytest

from rnnlite_pipeline.sources.environment import load


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
