"""What an accelerator takes in part is told from what it does not take."""

from __future__ import annotations

import pytest

from rnnlite_pipeline.graph.ir import Model
from rnnlite_pipeline.lower.unrolled import unroll
from rnnlite_pipeline.runtimes import RUNTIMES
from rnnlite_pipeline.stages.convert import in_part
from tests.runtimes.models import a_gru, an_lstm, in_integers, lowered


def _steps(interface: str) -> Model:
    model = in_integers(lowered(a_gru(), "unrolled"), "int8", interface)
    unroll(model, every=True)
    return model


MODELS = {
    "float loop": lowered(a_gru(), "loop"),
    "open loop": lowered(a_gru(), "loop", open_batch=True, open_steps=True),
    "fused": lowered(an_lstm(), "fused"),
    "int8 steps": _steps("int8"),
    "int8 steps, float inputs": _steps("float32"),
}


@pytest.mark.parametrize(
    ("name", "target", "expected"),
    [
        ("int8 steps, float inputs", "ethos-u55", True),  # QUANTIZE and DEQUANTIZE are the CPU's
        ("int8 steps", "ethos-u55", False),  # all of it is taken
        ("float loop", "qualcomm", True),  # the product with the input is taken, WHILE is not
        ("open loop", "qualcomm", False),  # an open size is nothing that a CPU helps with
        ("fused", "qualcomm", False),  # nor is a variable tensor: the model is not loaded
        ("fused", "litert-compiled", False),  # there is no CPU behind it
        ("fused", "litert", False),
    ],
)
def test_in_part(name: str, target: str, expected: bool) -> None:
    """Ops may be left to a CPU; a demand on the whole model has to be met."""
    model = MODELS[name]
    assert in_part(target, model, RUNTIMES[target].judge(model)) is expected
