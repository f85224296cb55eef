"""The ops of a model that LiteRT lacks: names, places, and the flag that keeps each."""

from __future__ import annotations

import pytest

from rnnlite_pipeline.config.conversion import Converter
from rnnlite_pipeline.graph.ir import Model, Op, Subgraph
from rnnlite_pipeline.runtimes.missing import (
    MissingOp,
    complex_ops,
    missing_ops,
    other_precision,
    refused_ops,
)
from tests.runtimes.small import model_of, op_of, value


def foreign(code: str, result: str, dtype: str = "FLOAT32", operand: str = "FLOAT32") -> Op:
    """An op that LiteRT lacks."""
    return op_of(code, value(dtype=operand), None, gives=value(result, dtype), custom=True)


def a_model() -> Model:
    """Two Flex ops, one of them in a loop's body, and a custom op; MFCC, which LiteRT has."""
    body = Subgraph("body", [], [], [foreign("FlexRoll", "body/roll")])
    known = op_of("Mfcc", value(), custom=True)
    ops = [foreign("FlexRoll", "roll"), op_of("ADD", value()), foreign("Own", "own"), known]
    return model_of(*ops, others=[body])


def test_every_missing_op_by_name_with_its_places() -> None:
    """Inside loops as well; sorted by code."""
    assert missing_ops(a_model()) == [
        MissingOp("FlexRoll", ("roll", "body/roll")),
        MissingOp("Own", ("own",)),
    ]


def test_an_op_without_results_is_named_by_its_code() -> None:
    """It has no tensor to be found by."""
    op = foreign("Own", "y")
    op.outputs = []
    assert missing_ops(model_of(op, op_of("ADD", value()))) == [MissingOp("Own", ("Own",))]


@pytest.mark.parametrize(
    ("flags", "refused"),
    [
        ({}, ["FlexRoll", "Own"]),
        ({"select_tf_ops": True}, ["Own"]),
        ({"allow_custom_ops": True}, ["FlexRoll"]),
        ({"select_tf_ops": True, "allow_custom_ops": True}, []),
    ],
)
def test_each_kind_has_its_own_flag(flags: dict[str, bool], refused: list[str]) -> None:
    """`select_tf_ops` keeps TensorFlow's ops, `allow_custom_ops` all others."""
    converter = Converter.model_validate(flags)
    assert [op.code for op in refused_ops(a_model(), converter)] == refused


def test_text_and_json() -> None:
    """The framework's name; an error names three places, the JSON names all."""
    op = MissingOp("FlexRoll", ("a", "b", "c"))
    assert str(op) == "Roll (a, b, c)"
    more = MissingOp("Own", ("a", "b", "c", "d"))
    assert str(more) == "Own (a, b, c, ...)"
    assert more.as_json() == {
        "op": "Own",
        "places": ["a", "b", "c", "d"],
        "kept_by": "converter.allow_custom_ops",
    }


def test_other_precisions_of_missing_ops_only() -> None:
    """float64 of a builtin op does not count, nor does an integer result."""
    plain = op_of("CAST", value(), gives=value("y", "FLOAT64"))
    assert other_precision(model_of(plain, foreign("Own", "z", "INT64"))) == ""
    ops = [foreign("Own", "a", "FLOAT64"), foreign("Own", "b", "BFLOAT16")]
    assert other_precision(model_of(*ops)) == "bfloat16 and float64"


def test_complex_numbers_that_go_in_or_come_out() -> None:
    """Each op once, sorted, without the prefix."""
    ops = [
        foreign("FlexFFT", "a", "COMPLEX64"),
        foreign("FlexFFT", "b", "COMPLEX64"),
        foreign("Angle", "c", operand="COMPLEX128"),
        foreign("Own", "d"),
        op_of("REAL", value(dtype="COMPLEX64")),
    ]
    assert complex_ops(model_of(*ops)) == ["Angle", "FFT"]
