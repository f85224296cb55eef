"""Annotated functions from TensorFlow to LiteRT: taken at their word, and held to their numbers."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from rnnlite_pipeline.composites.record import COMPOSITE
from rnnlite_pipeline.config import Config, load_config
from rnnlite_pipeline.convert import Conversion, converted, missing_ops
from rnnlite_pipeline.errors import NotConvertible
from rnnlite_pipeline.graph.read import read_model
from rnnlite_pipeline.graph.write import write_model
from rnnlite_pipeline.runtime import Runner

#: How far a float32 conversion may be from TensorFlow on numbers of the order of 1.
TOLERANCE = 1e-5

CONFIG = """\
name: annotated
source: {format: concrete_function, factory: "authors:model"}
"""

UNIDIRECTIONAL, BIDIRECTIONAL = (f"{each}DIRECTIONAL_SEQUENCE_LSTM" for each in ("UNI", "BI"))


@pytest.fixture
def config(tmp_path: Path) -> Config:
    """A config with every default; the models come from elsewhere."""
    (tmp_path / "config.yaml").write_text(CONFIG, encoding="utf-8")
    return load_config(tmp_path / "config.yaml")


def convert(name: str, folder: Path, config: Config) -> Conversion:
    """The conversion of one of the authors' models."""
    return converted(read_model((folder / f"{name}.tflite").read_bytes()), config)


def load(name: str, folder: Path, side: str) -> dict[str, NDArray[np.float32]]:
    """The inputs ("in") or TensorFlow's outputs ("out") of one of the authors' models."""
    with np.load(folder / f"{name}.npz") as file:
        return {k.removeprefix(f"{side}/"): file[k] for k in file.files if k.startswith(f"{side}/")}


def check_numbers(conversion: Conversion, name: str, folder: Path) -> None:
    """The converted model gives TensorFlow's numbers, three calls in a row."""
    runner = Runner(write_model(conversion.model))
    for _ in range(3):
        results = runner.run(load(name, folder, "in"))
        for key, value in load(name, folder, "out").items():
            np.testing.assert_allclose(results[key], value, atol=TOLERANCE, err_msg=key)


@pytest.mark.parametrize(
    ("name", "composites"),
    [
        ("sequence", ["lstm_mine"] * 2),
        ("backwards", ["lstm_back"]),
        ("lingvo_step", ["LayerNormalizedLstmCellSimple"]),
        ("lingvo_loop", ["lingvo.LSTMCellSimple,CoupleInputForgetGates"]),
    ],
)
def test_annotated_function_becomes_fused_ops(
    authored: Path, config: Config, name: str, composites: list[str]
) -> None:
    """A body that nothing could read is one fused op a call, with TensorFlow's numbers."""
    conversion = convert(name, authored, config)
    ops = Counter(each.code for each in conversion.model.ops())
    assert (ops[UNIDIRECTIONAL], ops["WHILE"]) == (len(composites), 0)
    assert [c.name for c in conversion.composites] == composites
    assert all(c.package == "rnnlite" for c in conversion.composites)
    check_numbers(conversion, name, authored)


def test_keras_2_annotates_its_own_layers(authored: Path, config: Config) -> None:
    """Both directions of Keras 2's own annotated LSTM are grouped into one op."""
    conversion = convert("keras_2", authored, config)
    assert [c.name[:5] for c in conversion.composites] == ["lstm_", "lstm_"]
    assert [layer.op for layer in conversion.layers] == [BIDIRECTIONAL] * 2
    check_numbers(conversion, "keras_2", authored)


def test_unknown_name_leaves_the_body_to_be_read(authored: Path, config: Config) -> None:
    """A function annotated with a name nobody converts is inlined and read as any other."""
    conversion = convert("unknown_name", authored, config)
    assert not conversion.composites
    assert not missing_ops(conversion.model)
    assert all(layer.recurrence for layer in conversion.layers)
    check_numbers(conversion, "unknown_name", authored)


def test_same_body_needs_its_annotation(authored: Path, config: Config) -> None:
    """Without the annotation the same body is left with ops that LiteRT does not have."""
    assert missing_ops(convert("unannotated", authored, config).model)


def test_lie_is_an_error_that_says_how_large(authored: Path, config: Config) -> None:
    """A body with its gates in another order than its annotation says is refused, with numbers."""
    with pytest.raises(NotConvertible, match=r'"lstm_lie" computes something.* differs by \d\.\de'):
        convert("lie", authored, config)


def test_computed_weight_is_refused(authored: Path, config: Config) -> None:
    """A kernel computed when the model runs is refused by its place among the operands."""
    with pytest.raises(NotConvertible, match="operand 3 is computed") as error:
        convert("computed_kernel", authored, config)
    assert "remove the annotation" in error.value.remedy


def test_import_keeps_calls_with_their_names(authored: Path) -> None:
    """The canonical file holds one op a call, under the function's scope, and samples of each."""
    model = read_model((authored / "sequence.tflite").read_bytes())
    assert [op.code for op in model.ops()].count(COMPOSITE) == 2
    assert "rnnlite.composites" in model.metadata
