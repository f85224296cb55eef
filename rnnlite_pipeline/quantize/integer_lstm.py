"""UNIDIRECTIONAL_SEQUENCE_LSTM in integers.

Rules (lstm_eval.cc, EvalInteger8x8_16 and its Populate*; TFLM's unidirectional_sequence_lstm.cc):

1. Weights int8, symmetric, one scale a tensor.
2. Bias in int32 (int64 under int16 activations), of scale input * weight; with a layer norm
   2^-10 * the norm's.
3. The cell state int16, its scale a power of two from 2^-15 to 2^-9: with another one LiteRT's
   kernel leaves tanh(c) uncomputed (portable_tensor_utils.cc, PortableApplyTanh, which has a case
   for each of 0 to 6 integer bits). The output state as the output.
4. Peepholes and layer norms int16, symmetric.
5. Five intermediates: what each gate sums before its layer norm (int16; without a norm the kernel
   takes 2^-12), and what the projection reads (without one: the output). That has the zero point
   0: with another one LiteRT's projections are off, measured, by far more than a rounding.
6. What a gate sums must stay below 2^18: its sum is scaled to 2^-12 in int32, and wraps where that
   overflows (internal/common.h, MultiplyByQuantizedMultiplier shifts left before it multiplies).
7. Where the input is tiny, weights have larger scales, so that biases fit (numbers.py).
8. The activation is tanh whatever the options say, and a clip of the cell state is in its scale.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnlite_pipeline.cells.lstm import why_not_integer
from rnnlite_pipeline.graph.ir import NUMPY, OPEN, Op, Quantization, Tensor
from rnnlite_pipeline.quantize.numbers import (
    LARGEST_BIAS,
    Numbers,
    least_weight_scale,
    power_of_two,
    product,
    stored,
    symmetric,
)
from rnnlite_pipeline.quantize.traces import Trace
from rnnlite_pipeline.quantize.weights import to_int8

#: The intermediates carry scales only; TFLM refuses those that ask for memory.
_NO_MEMORY = (0,)

#: The ranges of the cell state that the kernel has a tanh for.
_LEAST_CELL, _MOST_CELL = 1.0, 64.0 * 32767 / 32768

#: A cell state that stays below is less than 32 steps of a candidate (rule 5), some 20 dB.
_LEAST_PEAK = 32 * 2.0**-12

#: What the kernel takes the gates' sums in without a layer norm.
_GATES = Quantization((2.0**-12,), (0,))

#: What a gate, between 0 and 1, may lose where a part of its sum ends at 8 (traces.py).
_MOST_LOST = 0.125

#: Rule 6, with room for a bias and for rounding.
_MOST_SUM = 2.0**17

#: The scale of a layer norm's bias, as a part of the norm's (lstm_eval.cc).
_NORMED = 2.0**-10


def why_not(op: Op, writers: dict[Tensor, Op], readers: dict[Tensor, list[Op]]) -> str:
    """Why this LSTM has no integer form; empty if it has one.

    Args:
        op: A UNIDIRECTIONAL_SEQUENCE_LSTM.
        writers: The op that produces each tensor.
        readers: The ops that read each tensor.
    """
    h, c = op.inputs[18:20]
    assert h is not None and c is not None  # noqa: PT018
    activation = op.options["fused_activation_function"]
    widths = [(state.shape or (0,))[-1] for state in (h, c)]
    if reason := why_not_integer(activation, widths, op.inputs[10] is not None):
        return reason
    closed = OPEN not in (c.shape or (OPEN,))
    for state in (h, c):
        if filled_with(state, writers) is None and not (closed and given(state, writers)):
            return "its state starts from a computed value"
        others = [reader for reader in readers[state] if reader is not op]
        if others and not (closed and all(reader.code == "CONCATENATION" for reader in others)):
            return "its final cell state is read"
    return ""


def why_not_by_range(op: Op, seen: Trace, x: float, y: float) -> str:
    """Why an LSTM with these values has no integer form; empty if it has one.

    Args:
        op: A UNIDIRECTIONAL_SEQUENCE_LSTM that `why_not` has nothing against.
        seen: The ranges of its inner values.
        x: The largest magnitude that its input can have in integers.
        y: Likewise of its output.
    """
    if seen.cell > _MOST_CELL:
        return (
            f"its cell state reaches {seen.cell:.3g}; the integer LSTM op ends at {_MOST_CELL:.0f}"
        )
    if seen.cell < _LEAST_PEAK:
        return (
            f"its cell state stays below {seen.cell:.3g}; the integer LSTM op computes its gates "
            f"in steps of {_GATES.scale[0]:.2g}"
        )
    if seen.lost > _MOST_LOST:
        return (
            f"a part of a gate's sum is above 8, where the integer LSTM op ends it, and the gate "
            f"would be wrong by {seen.lost:.2g}; recurrent.lowering: loop computes it in integers"
        )
    gates = [
        reach * float(np.abs(np.asarray(w.array, np.float64)).sum(axis=1).max())
        for slots, reach in ((range(1, 5), x), (range(5, 9), y))
        for w in (op.inputs[slot] for slot in slots)
        if w is not None
    ]
    if max(gates) > _MOST_SUM and not any(op.inputs[20:24]):  # a norm's sums are measured
        return (
            f"its gates can sum up to {max(gates):.3g}; the integer LSTM op wraps above "
            f"{_MOST_SUM:.0f}"
        )
    return ""


def initial(
    op: Op, writers: dict[Tensor, Op], values: Mapping[Tensor, NDArray[Any]]
) -> tuple[NDArray[Any], NDArray[Any]]:
    """What h and c hold at the start of a call, [B or 1, width] or one number for all.

    Args:
        op: A UNIDIRECTIONAL_SEQUENCE_LSTM that `why_not` has nothing against.
        writers: The op that produces each tensor.
        values: What was fed and computed in the call.
    """
    starts = []
    for state in op.inputs[18:20]:
        assert state is not None
        source = filled_with(state, writers) or given(state, writers)
        assert source is not None
        starts.append(np.asarray(values.get(source, source.array)))
    return starts[0], starts[1]


def given(state: Tensor, writers: dict[Tensor, Op]) -> Tensor | None:
    """What a state is set to at each call by a BROADCAST_TO; None where it is not set so."""
    writer = writers.get(state)
    return writer.inputs[0] if writer is not None and writer.code == "BROADCAST_TO" else None


def filled_with(state: Tensor, writers: dict[Tensor, Op]) -> Tensor | None:
    """The constant number that a FILL sets a state to; None where none does."""
    fill = _fill(writers, state)
    number = fill.inputs[1] if fill is not None else None
    return number if number is not None and number.data is not None else None


def cell_scale(seen: Trace) -> Quantization:
    """The scale of the cell state; rule 3."""
    return power_of_two(seen.cell, _LEAST_CELL)


def to_integers(
    op: Op,
    numbers: Numbers,
    writers: dict[Tensor, Op],
    *,
    x: Tensor,
    y: Quantization,
    seen: Trace,
) -> None:
    """Gives the op integer operands, in place; its output's tensor is the caller's.

    Args:
        op: A UNIDIRECTIONAL_SEQUENCE_LSTM that `why_not` has nothing against.
        numbers: The scheme's dtypes.
        writers: The op that produces each tensor; a FILL of a state is changed as well. What
            sets a state otherwise is the caller's.
        x: The input in integers.
        y: The output's quantization.
        seen: The ranges of its inner values.
    """
    given = [*op.inputs, *[None] * (24 - len(op.inputs))]
    assert x.quantization is not None
    norms = [t and _int16(t, bias) for t, bias in zip(given[20:24], given[12:16], strict=True)]
    sums_in = _sums(norms, seen)
    made: list[Tensor | None] = [x]
    for k, weight in enumerate(given[1:5]):
        bias = None if norms[k] is not None else given[12 + k]
        made.append(weight and _weight(weight, numbers, x.quantization, sums_in[k], bias))
    made += [t and to_int8(t, None) for t in given[5:9]]
    made += [t and _int16(t) for t in given[9:12]]
    for k, bias in enumerate(given[12:16]):
        weight, norm = made[1 + k], norms[k]
        made.append(bias and _bias(bias, numbers, x.quantization, weight, norm))
    hidden = y if given[16] is None else _before_projection(numbers, seen)
    projection = given[16] and _weight(given[16], numbers, hidden, y, given[17])
    made += [projection, given[17] and _bias(given[17], numbers, hidden, projection, None)]
    cell = cell_scale(seen)
    for state, dtype, scale in zip(
        given[18:20], (numbers.activation, "INT16"), (y, cell), strict=True
    ):
        assert state is not None
        _set_state(state, dtype, scale, writers)
        made.append(state)
    sums = zip(sums_in, ["INT16"] * 4, strict=True)
    kept = [*sums, (hidden, numbers.activation)]
    op.intermediates = [
        Tensor(f"{op.outputs[0].name}/inner_{k}", dtype, _NO_MEMORY, quantization=scale)
        for k, (scale, dtype) in enumerate(kept)
    ]
    op.inputs = made + norms
    op.options["asymmetric_quantize_inputs"] = False
    op.version = 1


def _before_projection(numbers: Numbers, seen: Trace) -> Quantization:
    """Of what the projection reads; rule 5."""
    limit = np.iinfo(NUMPY[numbers.activation]).max
    return symmetric(max(map(abs, seen.hidden)), int(limit))


def _sums(norms: list[Tensor | None], seen: Trace) -> list[Quantization]:
    pairs = zip(norms, seen.gates, strict=True)
    return [_GATES if norm is None else symmetric(peak, 32767) for norm, peak in pairs]


def _weight(
    weight: Tensor, numbers: Numbers, x: Quantization, y: Quantization, bias: Tensor | None
) -> Tensor:
    """An int8 weight that multiplies x; rule 7."""
    least = least_weight_scale(x, y.scale[0], bias, numbers.bias)
    return to_int8(weight, None, least, empty=y.scale[0] / x.scale[0])


def _int16(tensor: Tensor, bias: Tensor | None = None) -> Tensor:
    """A peephole, or a layer norm whose bias fits in its scale."""
    value = np.asarray(tensor.array, np.float64)
    largest = float(np.abs(value).max())
    if bias is not None:
        beside = float(np.abs(np.asarray(bias.array, np.float64)).max())
        largest = max(largest, 32767 * beside / (_NORMED * LARGEST_BIAS["INT32"]))
    return stored(tensor.name, value, "INT16", symmetric(largest, 32767))


def _bias(
    bias: Tensor, numbers: Numbers, x: Quantization, weight: Tensor | None, norm: Tensor | None
) -> Tensor:
    assert weight is not None and weight.quantization is not None  # noqa: PT018
    scale = product(x, weight.quantization)
    dtype = numbers.bias
    if norm is not None:
        assert norm.quantization is not None
        scale, dtype = Quantization((norm.quantization.scale[0] * _NORMED,), (0,)), "INT32"
    return stored(bias.name, np.asarray(bias.array, np.float64), dtype, scale)


def _fill(writers: dict[Tensor, Op], state: Tensor) -> Op | None:
    """The FILL that writes a state, by way of a SLICE or not (lower/states.py, rule 5)."""
    made = writers.get(state)
    if made is not None and made.code == "SLICE" and made.inputs[0] is not None:
        made = writers.get(made.inputs[0])
    return made if made is not None and made.code == "FILL" else None


def _set_state(state: Tensor, dtype: str, scale: Quantization, writers: dict[Tensor, Op]) -> None:
    """The state, and the ops that write it, in integers.

    With a closed batch the FILL becomes a SLICE of a constant, which runs at every call as well
    (lower/states.py, rule 2): TFLM fills with floats only.
    """
    state.dtype, state.quantization = dtype, scale
    fill, filled = _fill(writers, state), filled_with(state, writers)
    if fill is None or filled is None:
        return
    number = np.asarray(filled.array, np.float64)
    start = stored(f"{state.name}/start", number, dtype, scale)
    shape, closed = fill.outputs[0].shape or (), OPEN not in (fill.outputs[0].shape or ())
    if closed:
        assert start.array is not None
        whole = Tensor.constant(start.name, np.broadcast_to(start.array, shape))
        whole.quantization = scale
        places = [np.zeros(len(shape), np.int32), np.asarray(shape, np.int32)]
        names = [f"{state.name}/{part}" for part in ("begin", "size")]
        fill.code, fill.options_type, fill.options = "SLICE", "SliceOptions", {}
        fill.inputs = [whole, *map(Tensor.constant, names, places)]
    else:
        fill.inputs[1] = start
    fill.outputs[0].dtype, fill.outputs[0].quantization = dtype, scale
    for op in (fill, writers[state]):
        op.version = {"FILL": 3, "SLICE": 2 if dtype == "INT8" else 4}[op.code]
