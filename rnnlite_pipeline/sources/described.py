"""What a model file holds, told by a process of its own, for who writes a config for it.

python -m rnnlite_pipeline.sources.described SOURCE
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

from rnnlite_pipeline.child import run_apart, tell
from rnnlite_pipeline.config import Config
from rnnlite_pipeline.errors import RnnliteError, SourceError
from rnnlite_pipeline.sources.model import first_line
from rnnlite_pipeline.sources.opening import describe, open_source
from rnnlite_pipeline.sources.proposal import propose


def described(source: Mapping[str, Any]) -> dict[str, Any]:
    """The interface and the layers of a model file, as the stage import describes them.

    Of a graph, which does not say what its inputs and outputs are, a proposal (proposal.py) stands
    under `source`.

    Args:
        source: Keys of `source:`: its format and path, and what its author alone can say.

    Raises:
        SourceError: It cannot be read, or opening it crashed.
    """
    path = source["path"]
    with TemporaryFile() as log:
        words = [json.dumps(dict(source))]
        told, why = run_apart("rnnlite_pipeline.sources.described", words, log=log.fileno())
    if why:
        raise SourceError(f"Opening {path} {why}.", "Save the model again; it may be damaged.")
    value: dict[str, Any] = json.loads(told)
    if "message" in value:
        raise SourceError(value["message"], value["remedy"])
    return value


def describe_file(text: str) -> str:
    """As `described`, in its process, from and as JSON: what the file holds, or why not."""
    source: dict[str, Any] = json.loads(text)
    path, proposed = source["path"], dict[str, Any]()
    try:
        if source["format"] == "graph_def":
            proposed = propose(Path(path)).as_source()
        config = config_of({**source, **proposed})
        return json.dumps({**describe(open_source(config)), "source": proposed})
    except RnnliteError as error:
        return json.dumps({"message": str(error.message), "remedy": error.remedy})
    except Exception as error:  # noqa: BLE001  # whatever a damaged file raises
        reason = f"{path}: {first_line(error)}"
        return json.dumps({"message": reason, "remedy": "", "unforeseen": True})


def config_of(source: Mapping[str, Any]) -> Config:
    """A config of which only the source matters; JSON's lists may be lists."""
    return Config.model_validate({"name": "described", "source": _tuples(source)})


def _tuples(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _tuples(each) for key, each in value.items()}
    return tuple(map(_tuples, value)) if isinstance(value, list) else value


if __name__ == "__main__":
    tell(lambda: describe_file(sys.argv[1]))
