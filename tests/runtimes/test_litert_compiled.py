"""LiteRT's loader of models, for every runtime behind the CompiledModel API."""

from __future__ import annotations

from rnnlite_pipeline.graph.ir import Tensor
from rnnlite_pipeline.runtimes import RUNTIMES
from rnnlite_pipeline.runtimes.litert_compiled import RUNTIME
from tests.runtimes.models import an_lstm, lowered
from tests.runtimes.small import model_of, op_of, value

FUSED = lowered(an_lstm(), "fused")


def test_loader_refuses_states_behind_every_compiled_api() -> None:
    """The fused op is named, not what writes its states, and the reason is the runtime's own."""
    for name in ("litert-compiled", "litert-web", "qualcomm", "mediatek", "google-tensor"):
        found = [r for r in RUNTIMES[name].judge(FUSED).refusals if "Variable tensors" in r.reason]
        assert [r.op for r in found] == ["UNIDIRECTIONAL_SEQUENCE_LSTM"], name
        assert "lowering loop or unrolled" in found[0].reason


def test_intermediate_tensors_are_refused_once() -> None:
    """An int8 LSTM has them beside its states: then the states are the one reason."""
    op = op_of("UNIDIRECTIONAL_SEQUENCE_LSTM", value(dtype="INT8"))
    op.intermediates = [value("middle", "INT16")]
    (refusal,) = RUNTIME.judge(model_of(op)).refusals
    assert "Intermediate tensors not yet supported" in refusal.reason
    op.inputs.append(Tensor("state", "INT8", (1, 4), is_variable=True))
    (refusal,) = RUNTIME.judge(model_of(op)).refusals
    assert "Variable tensors not yet supported" in refusal.reason
