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
   a FILL feeding them is enough. SLICE copies.
4. The final cell state is read through a CONCATENATION with an output of the fused op, so that
   no scheduler or delegate reads it before the op has run.
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
    _dims: dict[int, Tensor] = field(default_factory=dict)
    _batch: Tensor | None = None

    def write(self, name: str, width: int, initial: Tensor | None) -> Tensor:
        """A variable [B, width] that holds `initial` (None: zeros) when the op starts."""
        state = self.emit.tensor(name, (self._batch_size(), width))
        state.is_variable = True
        filled = _filled(initial, self.producer)
        if filled is not None:
            value, dims = filled
            self._fill(state, dims or self._shape(width), value)
        elif initial is not None and initial.array is not None:
            self._write_constant(state, initial)
        else:
            assert initial is not None
            self._copy(state, initial)
        return state

    def _write_constant(self, state: Tensor, initial: Tensor) -> None:
        rows = np.atleast_2d(np.asarray(initial.array))
        if np.all(rows == rows[:1]):
            row = self.emit.weight("initial_state", rows[:1])
            dims = self._shape(rows.shape[1])
            self.emit.op("BROADCAST_TO", [row, dims], [state], "BroadcastToOptions", version=2)
        else:
            self._copy(state, initial)

    def _copy(self, state: Tensor, initial: Tensor) -> None:
        begin, size = self.emit.indices("begin", [0, 0]), self.emit.indices("size", [-1, -1])
        self.emit.op("SLICE", [initial, begin, size], [state], "SliceOptions")

    def _fill(self, state: Tensor, dims: Tensor, value: Tensor | None) -> None:
        value = value or self.emit.weight("zero", np.zeros(()))
        self.emit.op("FILL", [dims, value], [state], "FillOptions")

    def _batch_size(self) -> int:
        return self.x.shape[self.batch_axis] if self.x.shape else OPEN

    def _shape(self, width: int) -> Tensor:
        """The int32 tensor [B, width], shared by the states of one width."""
        if width not in self._dims:
            self._dims[width] = self._new_shape(width)
        return self._dims[width]

    def _new_shape(self, width: int) -> Tensor:
        size = self._batch_size()
        if size != OPEN:
            return self.emit.indices("state_shape", [size, width])
        units = self.emit.indices("width", [width])
        out = self.emit.tensor("state_shape", (2,), "INT32")
        return self.emit.concatenate([self._batch_tensor(), units], 0, out)

    def _batch_tensor(self) -> Tensor:
        """The int32 tensor [B] of an open batch."""
        if self._batch is None:
            emit, axis = self.emit, self.batch_axis
            shape = emit.op(
                "SHAPE",
                [self.x],
                [emit.tensor("input_shape", (3,), "INT32")],
                "ShapeOptions",
                out_type="INT32",
            )
            self._batch = emit.op(
                "STRIDED_SLICE",
                [shape, *(emit.indices("batch_axis", [k]) for k in (axis, axis + 1, 1))],
                [emit.tensor("batch", (1,), "INT32")],
                "StridedSliceOptions",
            )
        return self._batch


def read_final_cell(emit: Emitter, last: Tensor, state: Tensor, out: Tensor) -> None:
    """Reads the state [B, U] after the op put out `last` [B, O], into `out` [B, U] (rule 4)."""
    assert last.shape is not None
    assert state.shape is not None
    outputs, units = last.shape[1], state.shape[1]
    joined = emit.tensor("output_and_state", (state.shape[0], outputs + units))
    emit.columns(emit.concatenate([last, state], 1, joined), outputs, out)


def _filled(
    initial: Tensor | None, producer: Producer
) -> tuple[Tensor | None, Tensor | None] | None:
    """The value and the dims of a state that is one number throughout; None if it is not.

    A value of None is zero; dims of None are those of the state.
    """
    if initial is None:
        return None, None
    made = producer(initial)
    if made is not None and made.code == "FILL" and made.inputs[1] is not None:
        if made.inputs[1].array is not None:
            return made.inputs[1], made.inputs[0]
        return None
    array = initial.array
    if array is not None and array.size and np.all(array == array.flat[0]):
        return Tensor.constant(initial.name, np.asarray(array.flat[0], np.float32)), None
    return None
