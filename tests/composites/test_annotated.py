"""Annotated functions from TensorFlow to LiteRT: taken at their word, and held to their numbers."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from rnnlite_pipeline.composites.record import COMPOSITE
from rnnlite_pipeline.errors import NotConvertible
from rnnlite_pipeline.graph.read import read_model
from rnnlite_pipeline.runtimes.missing import missing_ops
from tests.authoring import check_numbers, convert

UNIDIRECTIONAL, BIDIRECTIONAL = (f"{each}DIRECTIONAL_SEQUENCE_LSTM" for each in ("UNI", "BI"))


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
    authored: Path, name: str, composites: list[str]
) -> None:
    """A body that nothing could read is one fused op a call, with TensorFlow's numbers."""
    conversion = convert(name, authored)
    ops = Counter(each.code for each in conversion.model.ops())
    assert (ops[UNIDIRECTIONAL], ops["WHILE"]) == (len(composites), 0)
    assert [c.name for c in conversion.composites] == composites
    assert all(c.package == "rnnlite" for c in conversion.composites)
    check_numbers(conversion, name, authored)


def test_keras_2_annotates_its_own_layers(authored: Path) -> None:
    """Both directions of Keras 2's own annotated LSTM are grouped into one op."""
    conversion = convert("keras_2", authored)
    assert [c.name[:5] for c in conversion.composites] == ["lstm_", "lstm_"]
    assert [layer.op for layer in conversion.layers] == [BIDIRECTIONAL] * 2
    check_numbers(conversion, "keras_2", authored)


def test_unknown_name_leaves_the_body_to_be_read(authored: Path) -> None:
    """A function annotated with a name nobody converts is inlined and read as any other."""
    conversion = convert("unknown_name", authored)
    assert not conversion.composites
    assert not missing_ops(conversion.model)
    assert all(layer.recurrence for layer in conversion.layers)
    check_numbers(conversion, "unknown_name", authored)


def test_same_body_needs_its_annotation(authored: Path) -> None:
    """Without the annotation the same body is left with ops that LiteRT does not have."""
    assert missing_ops(convert("unannotated", authored).model)


def test_lie_is_an_error_that_says_how_large(authored: Path) -> None:
    """A body with its gates in another order than its annotation says is refused, with numbers."""
    with pytest.raises(NotConvertible, match=r'"lstm_lie" computes something.* differs by \d\.\de'):
        convert("lie", authored)


def test_computed_weight_is_refused(authored: Path) -> None:
    """A kernel computed when the model runs is refused by its place among the operands."""
    with pytest.raises(NotConvertible, match="operand 3 is computed") as error:
        convert("computed_kernel", authored)
    assert "remove the annotation" in error.value.remedy


def test_import_keeps_calls_with_their_names(authored: Path) -> None:
    """The canonical file holds one op a call, under the function's scope, and samples of each."""
    model = read_model((authored / "sequence.tflite").read_bytes())
    assert [op.code for op in model.ops()].count(COMPOSITE) == 2
    assert "rnnlite.composites" in model.metadata
