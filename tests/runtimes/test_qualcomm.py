"""Qualcomm's compiler plugin: its list of builders, and closed sizes."""

from __future__ import annotations

from rnnlite_pipeline.runtimes.qualcomm import RUNTIME
from tests.runtimes.small import model_of, op_of, value


def test_what_has_no_builder_is_left_to_the_cpu() -> None:
    """REVERSE_V2 has one; WHILE and custom ops have none, and the reason says who runs them."""
    assert RUNTIME.judge(model_of(op_of("REVERSE_V2", value()))).takes
    (refusal,) = RUNTIME.judge(model_of(op_of("WHILE", value()))).refusals
    assert "no builder for it; LiteRT runs it on the CPU" in refusal.reason
    assert not RUNTIME.judge(model_of(op_of("TANH", value(), custom=True))).takes


def test_an_open_input_is_refused() -> None:
    """The plugin would compile it as 1."""
    x = value(shape=(-1, 4))
    (refusal,) = RUNTIME.judge(model_of(op_of("TANH", x), inputs=[x])).refusals
    assert (refusal.op, refusal.name) == ("INPUT", "x")
