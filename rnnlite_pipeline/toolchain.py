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

#: What runs the models of a runtime here, of those that are optional.
OF_RUNTIME = {"tflm": "tflite-micro"}


def versions(*formats: str) -> Mapping[str, str | None]:
    """The installed version of each distribution that computes; None where one is not installed.

    Args:
        formats: Of the sources.
    """
    names = [*DISTRIBUTIONS, *(name for each in formats for name in OF_FORMAT.get(each, ()))]
    return {name: version(name) for name in names}


def version(distribution: str) -> str | None:
    """The installed version; None where it is not installed."""
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None
