"""LiteRT.js: what its tensors hold."""

from __future__ import annotations

from rnnlite_pipeline.runtimes.litert_web import RUNTIME
from tests.runtimes.models import a_gru, in_integers, lowered
from tests.runtimes.small import model_of, op_of, value


def test_inputs_and_outputs_have_types_of_javascript_tensors() -> None:
    """Such inputs and outputs are refused, inner values of the same type are not."""
    loop = lowered(a_gru(), "loop")
    assert RUNTIME.judge(in_integers(loop)).takes
    found = RUNTIME.judge(in_integers(loop, "int8", "int8")).refusals
    assert [each.op for each in found] == ["INPUT", "OUTPUT"]
    assert all("it is int8; LiteRT.js has tensors of float32" in each.reason for each in found)


def test_an_open_input_is_refused() -> None:
    """The page resizes no input."""
    x = value(shape=(-1, 4))
    found = RUNTIME.judge(model_of(op_of("TANH", x), inputs=[x])).refusals
    assert [(each.op, each.name) for each in found] == [("INPUT", "x")]
