"""CMSIS-NN: an integer LSTM starts each call from zero, whatever its state tensors hold."""

from __future__ import annotations

from rnnlite_pipeline.graph.build import make_op
from rnnlite_pipeline.graph.ir import Model, Op, Tensor
from rnnlite_pipeline.runtimes import RUNTIMES
from tests.runtimes.models import an_lstm, in_integers, lowered
from tests.runtimes.small import constant, model_of, op_of, value


def refused(target: str, model: Model) -> list[str]:
    """The codes of the ops that a target refuses."""
    return [each.op for each in RUNTIMES[target].judge(model).refusals]


def test_cmsis_nn_starts_from_zero() -> None:
    """An integer LSTM with a given, a kept or a read state is refused there; a float one is not."""
    name = "tflm-cmsis-nn"
    assert refused(name, in_integers(lowered(an_lstm(), "fused"))) == []

    given = in_integers(lowered(an_lstm(), "fused"))
    writer, state = state_and_writer(given)
    assert writer.inputs[0] is not None
    assert writer.inputs[0].data is not None
    writer.inputs[0].data = bytes([7] * len(writer.inputs[0].data))
    assert f"is given the state {state.name}" in RUNTIMES[name].judge(given).refusals[0].reason

    kept = in_integers(lowered(an_lstm(), "fused"))
    writer, state = state_and_writer(kept)
    kept.main.ops.remove(writer)
    assert f"keeps its state {state.name}" in RUNTIMES[name].judge(kept).refusals[0].reason

    read = in_integers(lowered(an_lstm(), "fused"))
    _, state = state_and_writer(read)
    last = Tensor("last", state.dtype, state.shape, quantization=state.quantization)
    read.main.ops.append(make_op("RESHAPE", [state], [last]))
    assert f"value of {state.name} is read" in RUNTIMES[name].judge(read).refusals[0].reason

    for model in (given, kept, read):
        assert refused("tflm", model) == []
    assert refused(name, lowered(an_lstm(), "fused", initial=("row", "row"))) == []


def state_and_writer(model: Model) -> tuple[Op, Tensor]:
    """The op that writes the state of the model's LSTM at the start of a call, and the state."""
    (lstm,) = (op for op in model.ops() if op.code == "UNIDIRECTIONAL_SEQUENCE_LSTM")
    state = lstm.inputs[18]
    assert state is not None
    return next(op for op in model.ops() if state in op.outputs), state


def test_a_state_that_fill_makes_is_looked_at_by_its_value() -> None:
    """FILL's first operand is the shape; zeros of it say nothing of what is filled in."""
    for number, taken in ((0, True), (1, False)):
        states = [Tensor(f"state {k}", "INT8", (1, 4), is_variable=True) for k in range(2)]
        fills = [
            op_of("FILL", constant("dims", [1, 4]), constant("v", number, "INT8"), gives=state)
            for state in states
        ]
        inputs = [value(dtype="INT8") if k in (0, 1) else None for k in range(24)]
        inputs[18:20] = states
        y = value("y", "INT8")
        lstm = op_of(
            "UNIDIRECTIONAL_SEQUENCE_LSTM", *inputs, gives=y, fused_activation_function="TANH"
        )
        assert (refused("tflm-cmsis-nn", model_of(*fills, lstm)) == []) == taken
