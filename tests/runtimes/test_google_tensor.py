"""Google Tensor's compiler plugin: it lists what it does not take."""

from __future__ import annotations

from rnnlite_pipeline.graph.ir import Tensor
from rnnlite_pipeline.runtimes.google_tensor import RUNTIME
from tests.runtimes.small import model_of, op_of, value


def test_what_is_not_listed_is_taken() -> None:
    """WHILE and TANH are not in the list; SHAPE and REVERSE_SEQUENCE are."""
    assert RUNTIME.judge(model_of(op_of("WHILE", value()), op_of("TANH", value()))).takes
    for code in ("SHAPE", "REVERSE_SEQUENCE"):
        (refusal,) = RUNTIME.judge(model_of(op_of(code, value()))).refusals
        assert "lists it as not supported" in refusal.reason


def test_a_variable_tensor_is_refused_for_an_op_that_is_not_listed() -> None:
    """The fused LSTM is taken by the list, and its states are not by LiteRT's loader."""
    state = Tensor("state", "FLOAT32", (1, 4), is_variable=True)
    (refusal,) = RUNTIME.judge(
        model_of(op_of("UNIDIRECTIONAL_SEQUENCE_LSTM", value(), state))
    ).refusals
    assert "Variable tensors not yet supported" in refusal.reason
