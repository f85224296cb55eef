"""What is said of an op's quantization."""

from __future__ import annotations

from rnnlite_pipeline.graph.ir import Op, Subgraph, Tensor
from rnnlite_pipeline.quantize.outcome import Outcome, outcome


def test_a_line_says_what_there_is_to_say() -> None:
    """The reason and the loop, where there is one."""
    assert str(Outcome("y", "ADD", "int8")) == "y (ADD): int8"
    full = Outcome("y", "ADD", "float32", "named in quantization.skip", "body")
    assert str(full) == "y (ADD in the loop body): float32, named in quantization.skip"


def test_empty_fields_are_not_written() -> None:
    """The file has what is known."""
    assert Outcome("y", "ADD", "int8").as_json() == {"name": "y", "op": "ADD", "became": "int8"}
    assert Outcome("y", "ADD", "int8", inside="body").as_json()["inside"] == "body"


def test_an_op_is_named_after_its_first_output() -> None:
    """In a body the graph's name stands with it; in the main graph none does."""
    outputs = [Tensor(name, "FLOAT32", (1,)) for name in ("first", "second")]
    op, main, body = Op("SPLIT", [], outputs), Subgraph("main"), Subgraph("body")
    assert outcome(op, main, main, "int8") == Outcome("first", "SPLIT", "int8")
    assert outcome(op, main, body, "float32", "why") == Outcome(
        "first", "SPLIT", "float32", "why", "body"
    )


def test_outcomes_have_an_order() -> None:
    """By their names."""
    assert sorted([Outcome("b", "ADD", "int8"), Outcome("a", "MUL", "int8")])[0].name == "a"
