"""MediaTek's compiler plugin: its list of ops, and the types that its runtime has."""

from __future__ import annotations

import pytest

from rnnlite_pipeline.runtimes.mediatek import RUNTIME
from tests.runtimes.small import constant, model_of, op_of, value


def test_what_is_not_listed_is_left_to_the_cpu() -> None:
    """TANH is listed; REVERSE_V2 is not, and the reason says who runs it."""
    assert RUNTIME.judge(model_of(op_of("TANH", value()))).takes
    (refusal,) = RUNTIME.judge(model_of(op_of("REVERSE_V2", value()))).refusals
    assert "does not list it; LiteRT runs it on the CPU" in refusal.reason


@pytest.mark.parametrize(("dtype", "taken"), [("INT16", True), ("BOOL", True), ("INT64", False)])
def test_a_value_in_int64_is_refused(dtype: str, taken: bool) -> None:
    """A constant in int64, as an axis, is taken."""
    op = op_of("SUM", value(), constant("axis", [1], "INT64"), gives=value("y", dtype))
    assert RUNTIME.judge(model_of(op)).takes == taken


def test_an_open_size_is_taken() -> None:
    """The table says nothing of sizes."""
    x = value(shape=(-1, 4))
    assert RUNTIME.judge(model_of(op_of("TANH", x), inputs=[x])).takes
