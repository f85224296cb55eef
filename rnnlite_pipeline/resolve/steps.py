"""One step of a cell in a loop's body, written out in ops: what is read with the loop around it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rnnlite_pipeline.cells.recurrence import RECURRENCE, Recurrence
from rnnlite_pipeline.cells.symbols import INPUT, after, before
from rnnlite_pipeline.graph.ir import Op, Tensor
from rnnlite_pipeline.lower.emit import Emitter
from rnnlite_pipeline.lower.loop.forms import Forms


def written_out(ops: Sequence[Op]) -> list[Op]:
    """The ops with each recurrence over a row that was made a sequence of one step written out.

    1. It must read an EXPAND_DIMS; then the cell reads the row itself.
    2. y and the final states keep their tensors.
    """
    rows = {id(op.outputs[0]): op.inputs[0] for op in ops if op.code == "EXPAND_DIMS"}
    result: list[Op] = []
    for op in ops:
        row = rows.get(id(op.inputs[0])) if op.code == RECURRENCE else None
        result += [op] if row is None else _step(op, row)
    return result


def _step(op: Op, row: Tensor) -> list[Op]:
    recurrence: Recurrence = op.options["recurrence"]
    cell = recurrence.cell.equations()
    emit = Emitter(recurrence.name)
    forms = Forms(emit, {INPUT: row})
    for k, (state, width) in enumerate(zip(op.inputs[1:], cell.states, strict=True)):
        zeros = emit.constant("zeros", np.zeros((1, width), np.float32))
        forms.symbols[before(k)] = zeros if state is None else state
    y, *finals = op.outputs
    for k in cell.order:
        forms.symbols[after(k)] = forms.number(cell.updates[k])
    final_of: dict[Tensor, Tensor] = {}
    made = {t for each in emit.ops for t in each.outputs}
    for k, final in enumerate(finals):
        value = forms.symbols[after(k)]
        if value in made and value not in final_of:
            final_of[value] = final
        else:  # the input, an old state, or what another state becomes as well
            zero = emit.constant("zero", np.zeros(1, np.float32))
            emit.binary("ADD", value, zero)
            emit.into(final)
    for each in emit.ops:
        each.inputs = [t and final_of.get(t, t) for t in each.inputs]
        each.outputs = [final_of.get(t, t) for t in each.outputs]
    emit.expand_dims(finals[0], 0 if recurrence.time_major else 1)
    emit.into(y)
    return emit.ops
