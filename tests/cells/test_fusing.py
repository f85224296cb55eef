"""Why a fused op does not take a cell, in the user's terms."""

from __future__ import annotations

import pytest

from rnnlite_pipeline.cells.fusing import why_not_fused


def test_what_the_op_computes_has_no_reason() -> None:
    """An empty sentence: the op takes the cell."""
    assert why_not_fused("LSTM", "TANH", ("TANH", "RELU")) == ""


@pytest.mark.parametrize(
    ("activation", "known"), [("ELU", "elu"), ("NONE", "linear"), ("SIGMOID", "sigmoid")]
)
def test_the_reason_names_the_activation_as_users_do(activation: str, known: str) -> None:
    """In small letters, and the one without a function is linear."""
    told = why_not_fused("LSTM", activation, ("TANH",))
    assert told == f"its activation is {known}, which the fused LSTM op does not compute"
