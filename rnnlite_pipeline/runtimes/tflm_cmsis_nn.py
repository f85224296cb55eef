"""TensorFlow Lite Micro with Arm's kernels for Cortex-M (CMSIS-NN)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from rnnlite_pipeline.graph.ir import Model, Op, Tensor
from rnnlite_pipeline.runtimes import tflm
from rnnlite_pipeline.runtimes.demands import is_zero
from rnnlite_pipeline.runtimes.lstm import STATES
from rnnlite_pipeline.runtimes.rule import Demand, Refusal, Table, tflm_source
from rnnlite_pipeline.runtimes.runtime import Runtime

#: CMSIS_NN_EvalInteger8x8_16Lstm and its twin for int16: the cell state is a scratch buffer, and
#: neither state tensor is read or written.
SOURCE = tflm_source("tensorflow/lite/micro/kernels/cmsis_nn/unidirectional_sequence_lstm.cc")

_FROM_ZERO = "CMSIS-NN starts the integer LSTM from zero at every call, and {}; use unrolled"


def _integer_lstms(model: Model) -> Iterator[Op]:
    for op in model.ops():
        if op.code == "UNIDIRECTIONAL_SEQUENCE_LSTM" and op.outputs[0].dtype != "FLOAT32":
            yield op


def _starts_from_zero() -> Demand:
    """No integer LSTM is given a state, keeps one, or has its last state read."""

    def refusals(model: Model) -> Iterator[Refusal]:
        for op in _integer_lstms(model):
            states = [op.inputs[place] for place in STATES]
            for what in _needs(model, op, [s for s in states if s is not None]):
                yield Refusal(op.code, op.outputs[0].name, _FROM_ZERO.format(what))

    return Demand("an integer LSTM that starts each call from zero", SOURCE, refusals)


def _needs(model: Model, lstm: Op, states: list[Tensor]) -> Iterator[str]:
    for state in states:
        writer = next((op for op in model.ops() if state in op.outputs), None)
        if writer is None:
            yield f"this one keeps its state {state.name} between calls"
        elif not _writes_zero(writer):
            yield f"this one is given the state {state.name}"
        if any(state in op.inputs for op in model.ops() if op is not lstm):
            yield f"the last value of {state.name} is read after it"


def _writes_zero(writer: Op) -> bool:
    return is_zero(writer.inputs[1 if writer.code == "FILL" else 0])


def _table() -> Table:
    table = tflm.table()
    return replace(table, demands=(*table.demands, _starts_from_zero()))


RUNTIME = Runtime(
    "tflm-cmsis-nn",
    "TensorFlow Lite Micro with Arm's kernels (CMSIS-NN)",
    "by table",
    "not run here: it needs a build for Cortex-M; the reference kernels of tflm are run",
    _table,
)
