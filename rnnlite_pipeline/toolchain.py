"""The versions of all that computes."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import metadata

#: The distributions whose versions change what comes out.
DISTRIBUTIONS = ("ai-edge-litert", "flatbuffers", "keras", "numpy", "pyyaml", "tensorflow")


def versions() -> Mapping[str, str | None]:
    """The installed version of each of `DISTRIBUTIONS`; None where one is not installed."""
    return {name: _version(name) for name in DISTRIBUTIONS}


def _version(distribution: str) -> str | None:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None
