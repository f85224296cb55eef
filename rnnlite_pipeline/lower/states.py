"""The states of a fused op: written before it at every call, read after it.

A state is a variable tensor: the interpreter keeps it from one call to the next, so the graph
writes it at every call. The rules, measured on ai-edge-litert 2.3 (reference kernels, default
delegate, no delegate; fixed and open batch; several calls):

1. Each state is one variable of its own, produced by one op. Two states in one tensor overwrite
   each other.
2. The writer is an op that runs at every call. FILL, BROADCAST_TO and SLICE do, with constant
   operands and a fixed batch as well. RESHAPE, TILE and CONCATENATION of constants do not: they
   are evaluated once, when tensors are allocated, and the state leaks from call to call.
3. The writer is no op that may work in place. RESHAPE ("lacks data") and ADD (a crash of the
   process) hand the memory of a computed input to their output, which a variable cannot take;
   a FILL feeding them is enough.
4. The final cell state is read through a CONCATENATION with an output of the fused op, so that
   no scheduler or delegate reads it before the op has run.
5. With an open batch the state may have to be written through a SLICE: that is left to
   passes/give_states_room.py, which sees the whole graph.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from rnnlite_pipeline.graph.ir import OPEN, Op, Tensor
from rnnlite_pipeline.lower.emit import Emitter

#: The op that computes a tensor, or None for a constant or a graph input.
Producer = Callable[[Tensor], Op | None]


@dataclass
class StateWriter:
    """Writes the initial states of one recurrent op.

    Attributes:
        emit: Where the ops go.
        x: The op's input [T, B, F] or [B, T, F].
        batch_axis: Which axis of x is B.
        producer: The op that computes an initial state.
    """

    emit: Emitter
    x: Tensor
    batch_axis: int
    producer: Producer
    _shapes: dict[int, Tensor] = field(default_factory=dict)
    _batch: Tensor | None = None

    def write(self, name: str, width: int, initial: Tensor | None) -> Tensor:
        """A variable [B, width] that holds `initial` (None: zeros) when the op starts."""
        emit, shape = self.emit, (self._batch_size(initial), width)
        number = filled_with(initial, self.producer)
        if number is not None:
            constant = emit.constant("initial_state", np.asarray(number, np.float32))
            emit.fill(self._shape(width), constant, shape)
        else:
            emit.op("BROADCAST_TO", [initial, self._shape(width)], "FLOAT32", shape)
        state = emit.into(emit.tensor(name, "FLOAT32", shape))
        state.is_variable = True
        return state

    def _batch_size(self, initial: Tensor | None = None) -> int:
        """B, OPEN where neither x nor the initial state (if more than a row) tells it."""
        batch = self.x.shape[self.batch_axis] if self.x.shape else OPEN
        return _batch(initial) if batch == OPEN and _batch(initial) > 1 else batch

    def _shape(self, width: int) -> Tensor:
        """The int32 tensor [B, width], shared by the states of one width."""
        if width not in self._shapes:
            self._shapes[width] = self._new_shape(width)
        return self._shapes[width]

    def _new_shape(self, width: int) -> Tensor:
        size = self._batch_size()
        if size != OPEN:
            return self.emit.indices([size, width], "state_shape")
        self._batch = self._batch or self.emit.dimension(self.x, self.batch_axis)
        return self.emit.concatenate([self._batch, self.emit.indices([width])], 0)


def read_final_cell(emit: Emitter, last: Tensor, state: Tensor, out: Tensor) -> None:
    """Reads the state [B, U] after the op put out `last` [B, O], into `out` [B, U] (rule 4)."""
    assert last.shape is not None
    joined = emit.concatenate([last, state], 1)
    emit.columns(joined, last.shape[-1])
    emit.into(out)


def _batch(initial: Tensor | None) -> int:
    return initial.shape[0] if initial is not None and initial.shape else OPEN


def filled_with(initial: Tensor | None, producer: Producer) -> float | None:
    """The number an initial state holds throughout, None if it is not one number."""
    if initial is None:
        return 0.0
    made = producer(initial)
    filled = made.inputs[1] if made is not None and made.code == "FILL" else initial
    array = filled.array if filled is not None else None
    if array is not None and array.size and np.all(array == array.flat[0]):
        return float(array.flat[0])
    return None
