"""The lock files of this project's own environment."""

from __future__ import annotations

import re
import tomllib
from importlib.metadata import PackageNotFoundError, metadata

import pytest
from packaging.specifiers import SpecifierSet

from tests.fake.project import ROOT

EXTRAS = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"][
    "optional-dependencies"
]


def _pinned(name: str) -> set[str]:
    """Each `package==version ; marker` of a lock file."""
    text = (ROOT / name).read_text(encoding="utf-8")
    return set(re.findall(r"^([\w.-]+==[^\\\n]+?) \\$", text, re.M))


@pytest.mark.parametrize("extra", EXTRAS)
def test_every_extra_is_locked(extra: str) -> None:
    """Each package of each extra has a version and hashes; those of dev in the smaller file too."""
    files = ["requirements-extras.lock", *["requirements.lock"] * (extra == "dev")]
    named = {re.match(r"[\w.-]+", each)[0].lower() for each in EXTRAS[extra]}  # type: ignore[index]
    for file in files:
        assert named <= {each.split("==")[0] for each in _pinned(file)}, file


def test_the_extras_change_no_version() -> None:
    """An environment with the extras is the one without, and more."""
    assert _pinned("requirements.lock") < _pinned("requirements-extras.lock")


@pytest.mark.parametrize("python", ["3.11", "3.12", "3.13"])
def test_what_is_locked_installs_on_every_python(python: str) -> None:
    """No version that is pinned, and installed here, asks for another Python.

    Whether there is a wheel of each only the index knows: `uv pip install --dry-run --target DIR
    --only-binary :all: --python-version 3.13 -r requirements-extras.lock`.
    """
    asked: dict[str, str] = {}
    for pinned in _pinned("requirements-extras.lock"):
        name, version = re.split("==|\\s*;", pinned)[:2]
        try:
            told = metadata(name)
        except PackageNotFoundError:  # an extra that is not installed
            continue
        if told["Version"] == version.strip():
            (asked[name],) = told.get_all("Requires-Python") or [""]
    assert {"numpy", "pydantic"} <= asked.keys()
    assert not [name for name, range_ in asked.items() if f"{python}.9" not in SpecifierSet(range_)]
