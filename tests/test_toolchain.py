"""The frameworks that compute: which releases, and in which environment."""

from __future__ import annotations

import re
import tomllib

import pytest

from rnnlite_pipeline import toolchain
from rnnlite_pipeline.errors import StageError
from tests.fake.project import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


@pytest.mark.parametrize("package", toolchain.TESTED)
def test_the_project_asks_for_the_releases_that_were_tested(package: str) -> None:
    """The lowest release that is asked for is the one tested, and the next one is not allowed."""
    (asked,) = (each for each in PROJECT["dependencies"] if re.match(rf"{package}[>=<]", each))
    major, minor = toolchain.TESTED[package].split(".")
    assert asked == f"{package}>={major}.{minor},<{major}.{int(minor) + 1}"


@pytest.mark.parametrize(
    "module", ["tensorflow.python.eager.context", "keras.src.backend.common.name_scope"]
)
def test_the_inside_of_another_release_is_refused(
    module: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What nobody tested is not patched: the error names the module and both releases."""
    monkeypatch.setattr(toolchain, "version", lambda _: "9.9.1")
    with pytest.raises(StageError, match=r"9\.9\.1 is installed") as found:
        toolchain.load(module)
    assert module in found.value.message
    assert "pip install" in found.value.remedy


def test_other_modules_are_loaded_whatever_their_release(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a framework promises is not bound to a release."""
    monkeypatch.setattr(toolchain, "version", lambda _: "9.9.1")
    assert toolchain.load("json").loads("1") == 1
