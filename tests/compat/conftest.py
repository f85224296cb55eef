"""The authors' models, made once by a child process: TensorFlow stays out of this one."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.authoring import write_models


@pytest.fixture(scope="session")
def authored(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what `authors.py` writes."""
    script = Path(__file__).parent / "authors.py"
    return write_models(script, tmp_path_factory.mktemp("compat"))
