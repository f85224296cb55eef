"""The Keras LSTM interface: functions whose `api_implements` is `lstm_...`.

    lstm_*(inputs, init_h, init_c, kernel, recurrent_kernel, bias)
        -> last_output, outputs, h, c, runtime

inputs [B, T, F], or [T, B, F] with `time_major`; init_h and init_c [B, U]; kernel [F, 4U],
recurrent_kernel [U, 4U] and bias [4U], the gates in the order input, forget, candidate, output.
With `go_backwards` the sequence is read from its end, and outputs stand in the order they were
computed in. `runtime` is a number for Keras' own use. Source: tf-keras, layers/rnn/lstm.py,
standard_lstm; LiteRT tflite/converter/utils/lstm_utils.cc, ConvertKerasLSTMLayer.
"""

from __future__ import annotations

from rnnlite_pipeline.cells.gate import Gate
from rnnlite_pipeline.cells.lstm import Lstm
from rnnlite_pipeline.cells.recurrence import Recurrence
from rnnlite_pipeline.composites.call import CompositeCall, Refused
from rnnlite_pipeline.graph.ir import Tensor

OPERANDS = 6
RESULTS = 5


def fits(operands: int, results: int) -> bool:
    """Whether a function has this interface. With a mask, it has 7 operands, and does not."""
    return (operands, results) == (OPERANDS, RESULTS)


def convert(call: CompositeCall) -> list[Tensor | None]:
    """The call as one recurrence.

    Raises:
        Refused: A weight is computed, or the weights do not fit each other.
    """
    x, h, c = call.operands[:3]
    time_major = bool(call.attributes.get("time_major", False))
    reverse = bool(call.attributes.get("go_backwards", False))
    recurrence = Recurrence(call.layer, _cell(call), reverse, time_major)
    y, last, cell_state = call.run(recurrence, x, [h, c])
    axis = 0 if time_major else 1
    outputs = call.build.expand_dims(last, axis) if _keeps_last(call, axis) else y
    if outputs is y and reverse:
        outputs = call.build.reverse(y, axis)
    return [last, outputs, last, cell_state, None]


def _cell(call: CompositeCall) -> Lstm:
    kernel, recurrent, bias = (call.constant(k) for k in (3, 4, 5))
    units = bias.size // 4
    if (kernel.shape[1:], recurrent.shape, bias.shape) != (
        (4 * units,),
        (units, 4 * units),
        (4 * units,),
    ):
        raise Refused(
            f"its kernel {list(kernel.shape)}, recurrent kernel {list(recurrent.shape)} and bias "
            f"{list(bias.shape)} are not [F, 4U], [U, 4U] and [4U]"
        )
    i, f, g, o = (
        Gate(kernel[:, s].T, recurrent[:, s].T, bias[s])
        for s in (slice(k * units, (k + 1) * units) for k in range(4))
    )
    return Lstm(input=i, forget=f, candidate=g, output=o)


def _keeps_last(call: CompositeCall, axis: int) -> bool:
    """Whether `outputs` holds the last step alone, as without `return_sequences`."""
    inputs, outputs = call.operands[0].shape or (), call.results[1].shape or ()
    return len(outputs) == 3 and outputs[axis] == 1 and inputs[axis] != 1
