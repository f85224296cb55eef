"""Sources whose sequences are [T, B, F]."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rnnlite_pipeline.config import Config, Pipeline
from rnnlite_pipeline.stages.convert import convert
from rnnlite_pipeline.stages.import_source import import_source
from rnnlite_pipeline.stages.verify import verify
from rnnlite_pipeline.toolchain import load


@pytest.fixture(scope="module")
def exported(keras: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SavedModel: x [T, B, 3], a first state [B, 4], to y [T, B, 4]; T and B are open."""
    tensorflow: Any = load("tensorflow")
    keras.utils.set_random_seed(3)
    cell = keras.layers.GRU(4, return_sequences=True)
    cell.build((None, None, 3))

    class Model(tensorflow.Module):  # type: ignore[misc]
        @tensorflow.function(  # type: ignore[untyped-decorator]
            input_signature=[
                tensorflow.TensorSpec((None, None, 3), name="x"),
                tensorflow.TensorSpec((None, 4), name="first"),
            ]
        )
        def serve(self, x: Any, first: Any) -> dict[str, Any]:
            y = cell(tensorflow.transpose(x, (1, 0, 2)), initial_state=first)
            return {"y": tensorflow.transpose(y, (1, 0, 2))}

    path = tmp_path_factory.mktemp("time_major") / "m"
    module = Model()
    module.cell = cell.trainable_variables
    tensorflow.saved_model.save(module, str(path), signatures=module.serve)
    return path


@pytest.mark.parametrize(("from_file", "scheme"), [(False, "none"), (True, "none"), (True, "int8")])
def test_every_batch_of_a_time_major_source(
    exported: Path, tmp_path: Path, from_file: bool, scheme: str
) -> None:
    """Batches of 1, 3 and 17 are verified; data has one row a sample, calibration too."""
    rng = np.random.default_rng(0)
    data: dict[str, Any] = {"random": {"samples": 5, "seed": 0}}
    if from_file:
        arrays = {"x": rng.normal(size=(7, 9, 3)), "first": rng.normal(size=(7, 4))}
        labels = rng.integers(0, 4, (7, 9))
        floats: dict[str, Any] = {n: a.astype("f") for n, a in arrays.items()}
        np.savez(tmp_path / "d.npz", labels=labels, **floats)
        data = {"path": str(tmp_path / "d.npz")}
    values: dict[str, Any] = {
        "name": "m",
        "source": {"format": "saved_model", "path": str(exported)},
        "verification": {"data": data},
    }
    if scheme == "int8":
        values["quantization"] = {"scheme": scheme, "calibration": data}
        values["verification"]["max_abs_error"] = 0.1
    config = Config.model_validate(values)
    import_source(config, tmp_path)
    convert(config, tmp_path)
    verify(config, tmp_path, Pipeline.model_validate({}))
    told = json.loads((tmp_path / "verification.json").read_text())
    assert told["passed"]
    assert told["batch_axes"] == {"first": 0, "x": 1}
    batches = {b for c in told["checks"] for b in c.get("batch", ())}
    assert told.get("quantization", {}).get("scheme", "none") == scheme
    assert batches >= {1, 3, 17}
    assert {each["samples"] for each in told["accuracy"]} == ({7} if from_file else set())
