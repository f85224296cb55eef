"""Sources: every format becomes one canonical TFLite file with its loops intact.

A format is one module with `open_source(config) -> SourceModel`; `FORMATS` names it. The road
from there on, `to_tflite`, is common. Only `import_source` and `open_source` import TensorFlow,
when called: in the child process of a stage.
"""

from __future__ import annotations

import importlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rnnlite_pipeline.config.declared import source_digest
from rnnlite_pipeline.errors import SourceError
from rnnlite_pipeline.files import write_atomically
from rnnlite_pipeline.sources.batch import pins_of_one
from rnnlite_pipeline.sources.graphdef.assigned import with_states
from rnnlite_pipeline.sources.graphdef.ranges import with_ranges
from rnnlite_pipeline.sources.model import SourceModel
from rnnlite_pipeline.sources.to_tflite import to_tflite
from rnnlite_pipeline.steps import step

if TYPE_CHECKING:
    from rnnlite_pipeline.config import Config

#: `source.format` to the module that opens it.
FORMATS: dict[str, str] = {
    "keras": "rnnlite_pipeline.sources.formats.keras_files",
    "h5": "rnnlite_pipeline.sources.formats.keras_files",
    "saved_model": "rnnlite_pipeline.sources.formats.saved_model",
    "concrete_function": "rnnlite_pipeline.sources.formats.concrete_function",
    "graph_def": "rnnlite_pipeline.sources.formats.graph_def",
    "jax": "rnnlite_pipeline.sources.formats.jax",
    "tflite": "rnnlite_pipeline.sources.formats.tflite",
}

#: Formats whose graph can be made for one batch entry while its inputs leave the batch open.
_GRAPHS = ("saved_model", "graph_def", "concrete_function", "tflite")


def open_source(config: Config) -> SourceModel:
    """The source that a config names, ready to trace and to run.

    Raises:
        SourceError: It cannot be read or built.
    """
    source = _opened(config)
    pins, refused = pins_of_one(source) if config.source.format in _GRAPHS else ({}, "")
    if not pins:
        return source
    print(
        f"warning: the source takes one batch entry alone, and is converted for a batch of 1; to "
        f"several it says: {refused}",
        flush=True,
    )
    pinned = config.source.model_copy(update={"inputs": {**config.source.inputs, **pins}})
    return _opened(config.model_copy(update={"source": pinned}))


def _opened(config: Config) -> SourceModel:
    module = importlib.import_module(FORMATS[config.source.format])
    try:
        source: SourceModel = module.open_source(config)
    except SourceError as error:  # of what the config names, if not of another key
        error.key = error.key or ("source", "factory" if config.source.factory else "path")
        raise
    return with_ranges(with_states(source))


def import_source(config: Config, out: Path) -> None:
    """The stage import: writes `.work/source.tflite` and `.work/source.json` into `out`.

    Runs in a child process: TensorFlow's converter can crash, and prints, flushed, what it is
    about to do, so that the log says where.

    Raises:
        SourceError: The source cannot be read or built.
        NotConvertible: TensorFlow's converter refuses it, or it keeps state.
    """
    step(f"opening the source of {config.name} ({config.source.format})")
    source = open_source(config)
    work = out / ".work"
    as_custom = config.converter.allow_custom_ops and not config.converter.select_tf_ops
    told = {"of": source_digest(config), **describe(source)}
    write_atomically(work / "source.tflite", to_tflite(source, as_custom=as_custom))
    write_atomically(work / "source.json", json.dumps(told, indent=2).encode() + b"\n")
    print("imported.", flush=True)


def describe(source: SourceModel) -> dict[str, Any]:
    """The source's interface and layers as JSON; the same for the same source."""
    return {
        "inputs": [spec.as_json() for spec in source.inputs],
        "outputs": [spec.as_json() for spec in source.outputs],
        "limits": {name: [r.start, r.stop] for name, r in source.limits.items()},
        "states": [name for name, _ in source.states],
        "layers": [dict(layer) for layer in source.layers],
        "versions": dict(source.versions),
    }
