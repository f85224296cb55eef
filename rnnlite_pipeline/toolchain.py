"""The versions of all that computes."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import metadata

#: The distributions whose versions change what comes out, whatever the source is.
DISTRIBUTIONS = (
    "ai-edge-litert",
    "flatbuffers",
    "keras",
    "numpy",
    "pyyaml",
    "tensorflow",
    "tf-keras",
)

#: Those that change it as well where the source is of a format.
OF_FORMAT = {"jax": ("jax", "jaxlib")}


def versions(*formats: str) -> Mapping[str, str | None]:
    """The installed version of each distribution that computes; None where one is not installed.

    Args:
        formats: Of the sources.
    """
    names = [*DISTRIBUTIONS, *(name for each in formats for name in OF_FORMAT.get(each, ()))]
    return {name: _version(name) for name in names}


def _version(distribution: str) -> str | None:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None
