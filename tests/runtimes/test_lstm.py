"""What the fused LSTM op has beyond the plain cell, and who reads its states."""

from __future__ import annotations

from typing import Any

import pytest

from rnnlite_pipeline.graph.ir import Op, Subgraph, Tensor
from rnnlite_pipeline.runtimes.lstm import NOT_COUPLED, PLAIN, STATES, TANH, reads_state
from rnnlite_pipeline.runtimes.rule import Rule, Source
from tests.runtimes.small import model_of, op_of, value


def lstm(*absent: int, count: int = 24, **options: Any) -> Op:
    """The op with all of its operands but some, the optional ones of the plain cell left out."""
    left_out = {*absent, *(place for place, _ in PLAIN)}
    inputs = [None if k in left_out else value(f"operand {k}") for k in range(count)]
    return op_of("UNIDIRECTIONAL_SEQUENCE_LSTM", *inputs, **options)


@pytest.mark.parametrize(
    ("place", "what"),
    [
        (9, "a peephole"),
        (11, "a peephole"),
        (16, "a projection"),
        (17, "a projection"),
        (20, "layer normalization"),
        (23, "layer normalization"),
    ],
)
def test_operands_beyond_the_plain_cell(place: int, what: str) -> None:
    """Each optional operand is refused by what it is for; the states between them are not."""
    rule = Rule("UNIDIRECTIONAL_SEQUENCE_LSTM", Source("a", "1"), absent=PLAIN)
    op = lstm()
    assert list(rule.reasons(op)) == []
    op.inputs[place] = value()
    assert list(rule.reasons(op)) == [f"{what} is not taken"]


def test_coupled_gates_have_no_input_gate() -> None:
    """Without the input gate's weights, i = 1 - f."""
    assert NOT_COUPLED.holds(lstm())
    assert not NOT_COUPLED.holds(lstm(1))
    assert not NOT_COUPLED.holds(op_of("LSTM", value()))


def test_another_activation_is_not_tanh() -> None:
    """An op that asks for RELU, or for nothing, is refused."""
    assert TANH.holds(lstm(fused_activation_function="TANH"))
    assert not TANH.holds(lstm(fused_activation_function="RELU"))
    assert not TANH.holds(lstm())


@pytest.mark.parametrize("place", STATES)
def test_a_state_that_another_op_reads(place: int) -> None:
    """Also inside a graph that another op runs; the LSTM itself does not count."""
    op = lstm()
    state = op.inputs[place]
    assert isinstance(state, Tensor)
    assert not reads_state(model_of(op, op_of("ADD", op.inputs[0])), op)
    assert reads_state(model_of(op, op_of("ADD", value(), state)), op)
    inner = Subgraph("inner", [], [], [op_of("ADD", state)])
    assert reads_state(model_of(op, others=[inner]), op)
