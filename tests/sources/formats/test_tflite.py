"""A .tflite file as a source: recognised where it has recurrences, else passed through."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rnnlite_pipeline.errors import SourceError
from rnnlite_pipeline.graph.read import read_model
from rnnlite_pipeline.graph.write import write_model
from rnnlite_pipeline.runtimes.interpreter import Runner
from rnnlite_pipeline.sources.formats.keras import source_model
from rnnlite_pipeline.sources.opening import open_source
from rnnlite_pipeline.sources.to_tflite import to_tflite
from rnnlite_pipeline.stages.convert import convert
from rnnlite_pipeline.stages.import_source import import_source
from tests.sources.round_trip import config, round_trip, shapes


def dense(keras: Any) -> bytes:
    """A model without recurrences, as the stock converter writes it."""
    layers = [keras.Input((6, 3), name="x"), keras.layers.Flatten(), keras.layers.Dense(4)]
    lite = __import__("tensorflow").lite
    return bytes(lite.TFLiteConverter.from_keras_model(keras.Sequential(layers)).convert())


def recurrent(keras: Any) -> bytes:
    """A loop on lists, which no runtime runs as it is, read through an Embedding."""
    layers = [
        keras.Input((None,), name="tokens", dtype="int32"),
        keras.layers.Embedding(9, 3),
        keras.layers.LSTM(4, name="l"),
    ]
    return to_tflite(source_model(keras.Sequential(layers), {}))


def unsigned(content: bytes) -> bytes:
    """The same file without a signature."""
    model = read_model(content)
    model.signatures.clear()
    return write_model(model)


def test_loops_on_lists_are_recognised(keras: Any, tmp_path: Path) -> None:
    """The loop is fused, the interface kept, and the limit of its indices found."""
    path = tmp_path / "m.tflite"
    path.write_bytes(recurrent(keras))
    made = round_trip(format="tflite", path=str(path))
    assert shapes(made.source.inputs) == [("tokens", "int32", (None, None))]
    assert shapes(made.source.outputs) == [("l", "float32", (None, 4))]
    assert made.source.limits == {"tokens": range(9)}
    assert made.codes["UNIDIRECTIONAL_SEQUENCE_LSTM"] == 1
    assert "WHILE" not in made.codes


@pytest.mark.parametrize("change", [bytes, unsigned], ids=["signed", "unsigned"])
def test_a_file_without_recurrences_passes_through(
    keras: Any, tmp_path: Path, change: Callable[[bytes], bytes]
) -> None:
    """Not a byte changes, with or without a signature."""
    content = change(dense(keras))
    (tmp_path / "m.tflite").write_bytes(content)
    asked = config(format="tflite", path=str(tmp_path / "m.tflite"))
    import_source(asked, tmp_path)
    convert(asked, tmp_path)
    assert (tmp_path / "model.tflite").read_bytes() == content


def test_every_signature_is_kept(keras: Any, tmp_path: Path) -> None:
    """A second subgraph with a signature of its own stands behind the converted main graph."""
    model, other = read_model(recurrent(keras)), read_model(dense(keras))
    model.subgraphs.append(other.main)
    other.signatures[0].key = "second"
    model.signatures = [*other.signatures, *model.signatures]
    (tmp_path / "m.tflite").write_bytes(write_model(model))
    made = round_trip(format="tflite", path=str(tmp_path / "m.tflite"))
    assert [spec.name for spec in made.source.inputs] == ["tokens"]
    assert {s.key for s in made.imported.signatures} == {"serving_default", "second"}
    assert made.codes["FULLY_CONNECTED"] == 1


def test_without_a_signature_tensors_have_their_own_names(keras: Any, tmp_path: Path) -> None:
    """The names in the graph, which the runtime uses as well."""
    (tmp_path / "m.tflite").write_bytes(unsigned(dense(keras)))
    source = open_source(config(format="tflite", path=str(tmp_path / "m.tflite")))
    runner = Runner(unsigned(dense(keras)), "reference")
    assert [s.name for s in source.inputs] == list(runner.inputs)
    x = np.ones((2, 6, 3), "f")
    assert source.run({source.inputs[0].name: x})[source.outputs[0].name].shape == (2, 4)


@pytest.mark.parametrize(
    ("change", "asked", "said"),
    [
        (lambda c: c[: len(c) // 2], {}, r"m.tflite: .*damaged"),
        (lambda _: b"hello", {}, r"m.tflite: "),
        (None, {}, r"cannot be read: No such file"),
        (bytes, {"inputs": {"x": [1, 7, 3]}}, r"pins \"x\" to \[1, 7, 3\], but the model has"),
    ],
    ids=["cut", "text", "missing", "pinned"],
)
def test_a_wrong_file_is_one_sentence(
    keras: Any, tmp_path: Path, change: Any, asked: dict[str, Any], said: str
) -> None:
    """A damaged or missing file, or a pin that a file cannot take, says what to do."""
    path = tmp_path / "m.tflite"
    if change:
        path.write_bytes(change(dense(keras)))
    with pytest.raises(SourceError, match=said) as caught:
        open_source(config(format="tflite", path=str(path), **asked))
    assert caught.value.remedy
