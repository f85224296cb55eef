"""The converter of `acme.NormalizedLSTM`.

    acme.NormalizedLSTM(x, kernel, recurrent_kernel, bias, scale, projection) -> y, h, c

x [B, T, F]; kernel [F, 4U]; recurrent_kernel [O, 4U]; bias and scale [4U]; projection [U, O];
y [B, T, O]; h [B, O]; c [B, U]. The gates stand in the order input, forget, candidate, output.
Each is normalized over its units, scaled, and then biased. Attribute `cell_clip`: the bound of
|c|, 0 for none.
"""

from __future__ import annotations

from rnnlite_pipeline.cells.gate import Gate
from rnnlite_pipeline.cells.lstm import Lstm
from rnnlite_pipeline.cells.recurrence import Recurrence
from rnnlite_pipeline.composites import CompositeCall, Refused
from rnnlite_pipeline.graph.ir import Tensor


def convert(call: CompositeCall) -> list[Tensor]:
    """The call as one recurrence: LiteRT's LSTM normalizes and projects as this cell does.

    Args:
        call: A call of a function with the interface above.

    Returns:
        y, h and c.

    Raises:
        Refused: It has another interface, or a weight is computed when the model runs.
    """
    if len(call.operands) != 6:
        raise Refused(f"it has {len(call.operands)} operands, where the interface has 6")
    kernel, recurrent, bias, scale, projection = (call.constant(k) for k in range(1, 6))
    units = len(bias) // 4

    def gate(k: int) -> Gate:
        part = slice(k * units, (k + 1) * units)
        return Gate(kernel[:, part].T, recurrent[:, part].T, bias[part], layer_norm=scale[part])

    cell = Lstm(
        input=gate(0),
        forget=gate(1),
        candidate=gate(2),
        output=gate(3),
        projection=projection.T,
        cell_clip=float(call.attributes.get("cell_clip", 0.0)),
    )
    y, h, c = call.run(Recurrence(call.layer, cell, time_major=False), call.operands[0])
    return [y, h, c]
