"""What a model file holds, told by a process of its own, for who writes a config for it.

python -m rnnlite_pipeline.sources.described FORMAT PATH SIGNATURE CUSTOM
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

from rnnlite_pipeline.config import Config, Format
from rnnlite_pipeline.errors import RnnliteError, SourceError
from rnnlite_pipeline.runtimes.child import run_apart, tell
from rnnlite_pipeline.sources import describe, open_source
from rnnlite_pipeline.sources.model import first_line


def described(
    kind: Format, path: Path, signature: str = "", custom: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """The interface and the layers of a model file, as the stage import describes them.

    Args:
        kind: Its format.
        path: The file or folder.
        signature: The signature of a saved_model; empty for its default one.
        custom: As `source.custom_objects`.

    Raises:
        SourceError: It cannot be read, or opening it crashed.
    """
    with TemporaryFile() as log:
        words = [kind, str(path.absolute()), signature, json.dumps(dict(custom or {}))]
        told, why = run_apart("rnnlite_pipeline.sources.described", words, log=log.fileno())
    if why:
        raise SourceError(f"Opening {path} {why}.", "Save the model again; it may be damaged.")
    value: dict[str, Any] = json.loads(told)
    if "message" in value:
        raise SourceError(value["message"], value["remedy"])
    return value


def describe_file(kind: str, path: str, signature: str, custom: str = "{}") -> str:
    """As `described`, in its process, as JSON: what the file holds, or why it cannot be read."""
    source: dict[str, Any] = {"format": kind, "path": path}
    source |= {"signature": signature} if signature else {}
    source |= {"custom_objects": objects} if (objects := json.loads(custom)) else {}
    try:
        config = Config.model_validate({"name": "described", "source": source})
        return json.dumps(describe(open_source(config)))
    except RnnliteError as error:
        return json.dumps({"message": str(error.message), "remedy": error.remedy})
    except Exception as error:  # noqa: BLE001  # whatever a damaged file raises
        reason = f"{path}: {first_line(error)}"
        return json.dumps({"message": reason, "remedy": "", "unforeseen": True})


if __name__ == "__main__":
    tell(lambda: describe_file(*sys.argv[1:5]))
