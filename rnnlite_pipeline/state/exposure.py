"""The states of recurrences become inputs and outputs of the graph."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from rnnlite_pipeline.cells.recurrence import BIDIRECTIONAL, RECURRENCE, Recurrence
from rnnlite_pipeline.errors import NotConvertible
from rnnlite_pipeline.graph.edit import producers
from rnnlite_pipeline.graph.ir import OPEN, Model, Op, Tensor
from rnnlite_pipeline.graph.variables import Array, State, add


def exposed(
    model: Model, asked: str, kept: Sequence[State], read: Sequence[Op] = ()
) -> list[State]:
    """Makes an input and an output of each state that starts anew at every call, in place.

    A state that the model itself computes, such as a decoder's from its encoder, is no state
    between calls and stays as it is.

    Args:
        model: Its recurrences are pseudo ops.
        asked: persist or explicit.
        kept: The states that are inputs and outputs already.
        read: Loops whose states are among these.

    Raises:
        NotConvertible: A recurrence runs backwards, or a loop was not read.
    """
    _check_loops(model, asked, kept, read)
    states: list[State] = []
    for op in model.main.ops:
        for run in _runs(op):
            states += _exposed(model, op, run, asked)
    return states


def names_of(model: Model, kept: Sequence[State]) -> dict[str, str]:
    """What the states of recurrences are called as `exposed` would, by their name till now.

    A variable's own name says little: Keras calls both states of an LSTM "rnn_state".
    """
    inputs = {model.signatures[0].inputs[state.input]: state.name for state in kept}
    found: dict[str, str] = {}
    for op in model.main.ops:
        for run in _runs(op):
            for short, tensor in zip(run.short_names, run.initial, strict=True):
                if tensor in inputs:
                    found.setdefault(inputs[tensor], f"{run.recurrence.name}/{short}")
    return found


@dataclass(frozen=True, eq=False)
class _Run:
    """One recurrence of a pseudo op.

    Attributes:
        recurrence: What it computes.
        place: The position of its first initial state among the op's inputs.
        initial: The initial states; None: zeros.
        finals: The final states.
    """

    recurrence: Recurrence
    place: int
    initial: list[Tensor | None]
    finals: list[Tensor]

    @property
    def short_names(self) -> tuple[str, ...]:
        """h is what a cell puts out, c an LSTM's cell state; other states are numbered."""
        return self.recurrence.cell.state_names


def _runs(op: Op) -> Iterator[_Run]:
    if op.code not in (RECURRENCE, BIDIRECTIONAL):
        return
    place = out = 1
    for recurrence in op.options.values():
        count = len(recurrence.cell.states)
        op.inputs += [None] * (place + count - len(op.inputs))
        initial, finals = op.inputs[place : place + count], op.outputs[out : out + count]
        yield _Run(recurrence, place, initial, finals)
        place, out = place + count, out + count + 1


def _exposed(model: Model, op: Op, run: _Run, asked: str) -> Iterator[State]:
    made, batch = producers(model.main), _batch(op, run.recurrence)
    for k, (short, before, after) in enumerate(
        zip(run.short_names, run.initial, run.finals, strict=True)
    ):
        width = run.recurrence.cell.states[k]
        value = _constant(before, made, width)
        if value is None:
            continue
        if op.code == BIDIRECTIONAL or run.recurrence.reverse:
            raise NotConvertible(
                f'recurrent.state: {asked}, and "{run.recurrence.name}" runs backwards or has a '
                "backward partner: its first step needs the end of the sequence, so that it cannot "
                "go on from call to call.",
                "Set recurrent.state to reset, or make the layer run forwards only.",
                ("recurrent", "state"),
            )
        rows = len(value) if batch == OPEN else batch
        state = State(f"{run.recurrence.name}/{short}", np.resize(value, (rows, width)))
        given = Tensor(state.input, "FLOAT32", (batch, width))
        op.inputs[run.place + k] = given
        add(model, state, given, after)
        yield state


def _batch(op: Op, recurrence: Recurrence) -> int:
    shape = (op.inputs[0].shape if op.inputs[0] is not None else None) or (OPEN,) * 3
    return shape[1 if recurrence.time_major else 0]


def _constant(tensor: Tensor | None, made: dict[Tensor, Op], width: int) -> Array | None:
    """An initial state [B or 1, width] that no input has a part in; None where one has."""
    op = made.get(tensor) if tensor is not None else None
    if tensor is None or (op is not None and op.code == "ZEROS_LIKE"):
        return np.zeros((1, width), np.float32)
    source: Tensor | None = tensor
    if op is not None and op.code in ("FILL", "BROADCAST_TO"):
        source = op.inputs[1 if op.code == "FILL" else 0]
    array = source.array if source is not None else None
    if array is None or not array.size:
        return None
    rows = len(array) if array.ndim == 2 else 1
    return np.array(np.broadcast_to(array, (rows, width)), np.float32)


def _check_loops(model: Model, asked: str, kept: Sequence[State], read: Sequence[Op]) -> None:
    """A loop that was not read has states that nobody knows, unless the source keeps them."""
    inputs = model.signatures[0].inputs
    given = {inputs[state.input] for state in kept}
    for op in model.main.ops:
        if op.code == "WHILE" and op not in read and not given.intersection(op.inputs):
            raise NotConvertible(
                f'recurrent.state: {asked}, and the loop "{op.outputs[0].name}" was not read as '
                "recurrent, so that its states are not known.",
                "Set recurrent.state to reset, or keep the layer's states in variables in the "
                "source.",
                ("recurrent", "state"),
            )
