"""The header of a .tflite file."""

from __future__ import annotations

from pathlib import Path

import pytest

from rnnlite_pipeline.config.headers import tflite
from rnnlite_pipeline.config.headers.interface import Tensor, WrongSource
from rnnlite_pipeline.config.source import Source
from rnnlite_pipeline.graph.ir import Signature
from rnnlite_pipeline.graph.read import read_model
from rnnlite_pipeline.graph.write import write_model
from tests.config import written_sources as written

SOURCE = Source(format="tflite", path="m.tflite")


def test_names_are_those_of_the_signature(tmp_path: Path) -> None:
    """Inputs and outputs have their names, shapes and dtypes; -1 is an open dimension."""
    path = tmp_path / "m.tflite"
    path.write_bytes(written.tflite())
    found = tflite.read(path, SOURCE)
    assert found is not None
    assert dict(found.inputs) == {"x": Tensor((None, 7, 3), "float32")}
    assert dict(found.outputs) == {"y": Tensor((None, 2), "float32")}

    model = read_model(written.tflite())
    (x,), (y,) = model.main.inputs, model.main.outputs
    model.signatures.append(Signature("serving_default", model.main, {"image": x}, {"p": y}))
    path.write_bytes(write_model(model))
    found = tflite.read(path, SOURCE)
    assert found is not None
    assert (list(found.inputs), list(found.outputs)) == (["image"], ["p"])


def test_a_file_that_is_cut_anywhere_is_damaged(tmp_path: Path) -> None:
    """No beginning of a file passes for the whole of it, padding at its end apart."""
    path = tmp_path / "m.tflite"
    whole = written.tflite()
    for size in range(1, len(whole.rstrip(b"\0"))):
        path.write_bytes(whole[:size])
        with pytest.raises(WrongSource):
            tflite.read(path, SOURCE)
