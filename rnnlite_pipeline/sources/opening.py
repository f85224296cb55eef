"""Opens the source that a config names, whatever its format.

`open_source` imports TensorFlow when it is called: in the child process of a stage.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from rnnlite_pipeline.sources.batch import pins_of_one
from rnnlite_pipeline.sources.graphdef.assigned import with_states
from rnnlite_pipeline.sources.graphdef.ranges import with_ranges
from rnnlite_pipeline.sources.model import SourceModel

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
    source: SourceModel = module.open_source(config)
    return with_ranges(with_states(source))


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
