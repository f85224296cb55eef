"""Models on TensorFlow Lite Micro: what it would compute wrongly, and what its process says."""

from __future__ import annotations

import importlib.util

import pytest

from rnnlite_pipeline.errors import StageError
from rnnlite_pipeline.graph.write import write_model
from rnnlite_pipeline.runtimes.micro import MicroRunner, why_wrong
from tests.runtimes.models import dense
from tests.runtimes.single_ops import single_op
from tests.runtimes.small import model_of, op_of, value

needs_tflm = pytest.mark.skipif(
    importlib.util.find_spec("tflite_micro") is None, reason="the extra tflm is not installed"
)


def test_what_would_be_wrong_without_an_error() -> None:
    """Demands on the whole model and the LSTM's rule; other ops TFLM refuses itself."""
    lstm = op_of("UNIDIRECTIONAL_SEQUENCE_LSTM", value(), value(), fused_activation_function="RELU")
    lstm.inputs += [None] * 7 + [value("peephole")]
    assert why_wrong(model_of(lstm)) == [
        "UNIDIRECTIONAL_SEQUENCE_LSTM (y): a peephole is not taken",
        "UNIDIRECTIONAL_SEQUENCE_LSTM (y): it computes tanh, whatever activation the op asks for",
    ]
    assert why_wrong(model_of(op_of("REDUCE_ANY", value()))) == []
    (line,) = why_wrong(dense())
    assert line.startswith("INPUT (x): it has an open dimension")


def test_without_the_wheel_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """The config's key is named."""
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(StageError, match=r"verification\.runtimes asks for tflm") as raised:
        MicroRunner(b"")
    assert "pip install --pre 'rnnlite[tflm]'" in raised.value.remedy


@needs_tflm
def test_a_model_that_would_be_wrong_is_not_started() -> None:
    """Every reason stands on a line of its own."""
    with pytest.raises(StageError, match=r"would not compute this model:\n  INPUT \(x\)"):
        MicroRunner(write_model(dense()))


@needs_tflm
def test_the_process_says_why_it_ended() -> None:
    """TFLM's own lines, without the traceback."""
    with pytest.raises(StageError, match=r"cannot run the model: .*REDUCE_ANY") as raised:
        MicroRunner(write_model(single_op("REDUCE_ANY", "BOOL")))
    assert "Traceback" not in str(raised.value)
