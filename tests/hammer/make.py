"""Converts one of the graphs: `python -m tests.hammer.make NAME FOLDER`, in a process of its own.

Leaves model.tflite and plan.json, what `rnnlite_pipeline.verify.interpreters` is run with. A model
that was wrong may end the process that converts it.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from rnnlite_pipeline.child import tell
from rnnlite_pipeline.compare.batch_axis import batch_axes
from rnnlite_pipeline.config import Config
from rnnlite_pipeline.config.conversion import CALIBRATED
from rnnlite_pipeline.graph.edit import ensure_signature
from rnnlite_pipeline.graph.read import read_model
from rnnlite_pipeline.graph.write import write_model
from rnnlite_pipeline.sources.graphdef.assigned import with_states
from rnnlite_pipeline.sources.graphdef.ranges import with_ranges
from rnnlite_pipeline.sources.model import SourceModel
from rnnlite_pipeline.sources.to_tflite import to_tflite
from rnnlite_pipeline.stages.convert import Conversion, check_convertible, converted
from rnnlite_pipeline.verify.data import random_samples
from rnnlite_pipeline.verify.every_interpreter import plan_of
from tests.hammer.graphs import GRAPHS, Graph

SAMPLES = 24


def make(graph: Graph, folder: Path) -> str:
    """Converts a graph, and writes what it is run on.

    Returns:
        The ops of the model.
    """
    source, config, conversion = convert(graph, folder)
    axes = batch_axes(source.inputs, source.run, source.limits)
    (folder / "plan.json").write_text(plan_of(source, axes, config.tolerance).as_json())
    return " ".join(sorted({op.code for op in conversion.model.ops()}))


def opened(graph: Graph) -> SourceModel:
    """The source of a graph, as the stage import opens it."""
    return with_ranges(with_states(graph.source()))


def convert(
    graph: Graph, folder: Path, source: SourceModel | None = None
) -> tuple[SourceModel, Config, Conversion]:
    """Converts a graph as the stages import and convert do, and writes model.tflite.

    Args:
        graph: The graph.
        folder: Where the model is written.
        source: What `opened` gave, if it was called before.
    """
    source = source or opened(graph)
    config = Config.model_validate(_config(graph, source, folder))
    model = read_model(to_tflite(source))
    ensure_signature(model)
    conversion = converted(model, config, dict(source.limits))
    check_convertible(conversion, config)
    (folder / "model.tflite").write_bytes(write_model(conversion.model))
    return source, config, conversion


def _config(graph: Graph, source: SourceModel, folder: Path) -> dict[str, object]:
    fields: dict[str, object] = {
        "name": "hammered",
        "source": {"format": "keras", "path": "hammered.keras"},
        "recurrent": graph.recurrent,
        "targets": graph.targets,
    }
    if graph.scheme == "none":
        return fields
    quantization: dict[str, object] = {"scheme": graph.scheme}
    if graph.scheme in CALIBRATED:
        samples = random_samples(source.inputs, source.limits, SAMPLES, 3)
        np.savez(folder / "calibration.npz", **samples.inputs)  # type: ignore[arg-type]
        quantization["calibration"] = {"path": str(folder / "calibration.npz")}
    return fields | {"quantization": quantization}


if __name__ == "__main__":
    tell(lambda: make(GRAPHS[sys.argv[1]], Path(sys.argv[2])))
