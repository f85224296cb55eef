"""Lingvo's cell interface: `LSTMCellSimple` and `LayerNormalizedLstmCellSimple`.

    LSTMCellSimple(x, weight, bias[, projection][, m, c]) -> m[, c]
    LayerNormalizedLstmCellSimple(x, weight, bias[, projection], scale[, m, c]) -> m[, c]

One step: x [B, F]; weight [F + O, 4U], the rows of x above those of m; bias [4U], the forget
gate's bias within; projection [U, O]; scale [4U], of the layer normalization. The gates stand in
the order candidate, input, forget, output. Without m [B, O] and c [B, U] the step starts from
zeros, as it does in the interface of TensorFlow's own converter. "lingvo." may stand before the
name. ",CoupleInputForgetGates" after it takes the input gate out of the weights: i = 1 - f.
Attributes: `cell_value_cap`, the bound of |c|, 10.0 if left out as in lingvo, 0 for none.

Source: lingvo core/rnn_cell.py, LSTMCellSimple and LayerNormalizedLSTMCellSimple; LiteRT
tflite/converter/utils/lstm_utils.cc, ConvertLSTMCellSimpleToFusedLSTM.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from rnnlite_pipeline.cells.gate import Gate
from rnnlite_pipeline.cells.lstm import Lstm
from rnnlite_pipeline.cells.recurrence import Recurrence
from rnnlite_pipeline.composites.call import Array, CompositeCall, Refused
from rnnlite_pipeline.graph.ir import Tensor

COUPLED = "CoupleInputForgetGates"

#: Lingvo's own names, in lower case: TensorFlow's converter spells one of them otherwise.
PLAIN, NORMALIZED = "lstmcellsimple", "layernormalizedlstmcellsimple"


def is_name(name: str) -> bool:
    """Whether an annotation names one of the cells."""
    base, *flags = name.removeprefix("lingvo.").split(",")
    return base.lower() in (PLAIN, NORMALIZED) and flags in ([], [COUPLED])


def fits(operands: int, results: int) -> bool:
    """Whether a function can have this interface."""
    return operands in range(3, 8) and results in (1, 2)


def convert(call: CompositeCall) -> list[Tensor]:
    """The call as a recurrence of one step.

    Raises:
        Refused: A weight is computed, or the operands do not fit each other.
    """
    operands = _Operands(call)
    recurrence = Recurrence(call.layer, operands.cell())
    x = call.build.expand_dims(call.operands[0], axis=0)
    _, m, c = call.run(recurrence, x, operands.states)
    return [m, c][: len(call.results)]


class _Operands:
    """The operands by what they are, told by how many there are."""

    def __init__(self, call: CompositeCall) -> None:
        base, *flags = call.name.removeprefix("lingvo.").split(",")
        self.call, self.coupled = call, COUPLED in flags
        normalized = base.lower() == NORMALIZED
        optional = len(call.operands) - 3 - normalized
        if optional not in range(4):
            raise Refused(f"it takes {len(call.operands)} operands, which is not its interface")
        projected, stateful = optional % 2 == 1, optional >= 2
        self.projection = call.constant(3) if projected else None
        self.scale = call.constant(3 + projected) if normalized else None
        self.states = list(call.operands[-2:]) if stateful else []

    def cell(self) -> Lstm:
        """The cell of the weights."""
        *input_, candidate, forget, output = self._gates()
        cap = float(self.call.attributes.get("cell_value_cap", 10.0))
        projection = None if self.projection is None else self.projection.T
        return Lstm(
            input=input_[0] if input_ else None,
            forget=forget,
            candidate=candidate,
            output=output,
            projection=projection,
            cell_clip=cap,
        )

    def _gates(self) -> Iterator[Gate]:
        """[input,] candidate, forget, output."""
        weight, bias = self.call.constant(1), self.call.constant(2)
        count = 3 if self.coupled else 4
        units = bias.size // count
        outputs = units if self.projection is None else self.projection.shape[-1]
        features = (self.call.operands[0].shape or (0,))[-1]
        if weight.shape != (features + outputs, count * units) or bias.size != count * units:
            raise Refused(
                f"its weight {list(weight.shape)} and bias {list(bias.shape)} are not "
                f"[F + O, {count}U] and [{count}U] with F = {features} and O = {outputs}"
            )
        order = [0, 1, 2] if self.coupled else [1, 0, 2, 3]
        for k in order:
            part = slice(k * units, (k + 1) * units)
            kernel, recurrent = np.split(weight[:, part].T, [features], axis=1)
            yield Gate(kernel, recurrent, bias[part], layer_norm=_part(self.scale, part))


def _part(scale: Array | None, part: slice) -> Array | None:
    return None if scale is None else scale[part]
