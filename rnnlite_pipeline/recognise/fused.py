"""The runtime's own recurrent ops, read as recurrences.

1. A fused op of real numbers becomes a RECURRENCE, so that state policies, lowering and
   quantization are those of any other layer. Both halves of a bidirectional op become one each;
   they are grouped again where the config asks for it.
2. Its weights are constants, or what a DEQUANTIZE makes of stored ones.
3. What writes a state before the op is its initial state; what reads it after the op reads the
   final one.
4. An auxiliary input is one more input of both halves where it has weights, and the input of the
   backward half where it has none (bidirectional_sequence_lstm.cc, Eval, the cases "stacking with
   cross links" and "no cross links").
5. A single step, LSTM or RNN, is a sequence of one step.
6. An op that computes in integers, or with integer weights, stays as it is: its roundings are no
   part of a recurrence.

Operand order: LiteRT tflite/kernels/lstm_shared.h, lstm.cc (namespace basic for the kernel of five
operands), bidirectional_sequence_lstm.cc, unidirectional_sequence_rnn.cc,
bidirectional_sequence_rnn.cc, basic_rnn.cc.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from rnnlite_pipeline.algebra.functions import ACTIVATIONS
from rnnlite_pipeline.cells.cell import Cell
from rnnlite_pipeline.cells.gate import Gate
from rnnlite_pipeline.cells.lstm import Lstm
from rnnlite_pipeline.cells.recurrence import RECURRENCE, Array, Recurrence
from rnnlite_pipeline.cells.simple_rnn import SimpleRnn
from rnnlite_pipeline.graph.affine import from_integers
from rnnlite_pipeline.graph.build import Builder, make_op
from rnnlite_pipeline.graph.edit import consumers, producers, replace_uses
from rnnlite_pipeline.graph.fused_ops import layer_names, leaking, states_of
from rnnlite_pipeline.graph.ir import OPEN, Model, Op, Subgraph, Tensor

Operands = Sequence[Tensor | None]


@dataclass(frozen=True, eq=False)
class FusedOp:
    """What was read of one fused op.

    Attributes:
        name: The layer's name.
        code: The op.
        recurrences: What it computes; empty where it stays as it is.
        note: What the user is to know of it; empty if nothing.
    """

    name: str
    code: str
    recurrences: tuple[Recurrence, ...] = ()
    note: str = ""


@dataclass(frozen=True, eq=False)
class _Half:
    """One direction of a fused op.

    Attributes:
        x: What it reads; several are joined along their last axis.
        cell: What a step computes.
        states: The variables it keeps its states in.
        reverse: Whether it runs backwards.
    """

    x: tuple[Tensor, ...]
    cell: Cell
    states: Operands
    reverse: bool = False


class _Kept(Exception):
    """Why an op stays as it is."""


def read_fused_ops(model: Model, subgraph: Subgraph) -> list[FusedOp]:
    """Replaces the fused ops of a graph by RECURRENCE ops, in place; those of rule 6 stay."""
    found: list[FusedOp] = []
    leaks = {op for op, _, _ in leaking(subgraph)}
    for op, name in layer_names(subgraph).items():
        reader = _READERS.get(op.code)
        if reader is None:
            continue
        try:
            if op in leaks:
                raise _Kept("its state goes on from turn to turn of a loop, and it stays as it is")
            halves = reader(_Operands(subgraph, op))
        except _Kept as reason:
            found.append(FusedOp(name, op.code, note=str(reason)))
            continue
        recurrences = tuple(
            Recurrence(_half_name(name, half, halves), half.cell, half.reverse, _time_major(op))
            for half in halves
        )
        _replace(model, subgraph, op, list(zip(halves, recurrences, strict=True)))
        found.append(FusedOp(name, op.code, recurrences, _clipped(recurrences)))
    return found


# Reading an op ------------------------------------------------------------------------------------


class _Operands:
    """The operands of an op, constants as arrays."""

    def __init__(self, subgraph: Subgraph, op: Op) -> None:
        self.op = op
        self._made = producers(subgraph)

    def tensor(self, place: int) -> Tensor | None:
        """An operand; None where it is left out."""
        return self.op.inputs[place] if place < len(self.op.inputs) else None

    def real(self, place: int) -> Tensor:
        """An operand that the graph computes, of real numbers."""
        tensor = self.tensor(place)
        if tensor is None or tensor.dtype != "FLOAT32":
            raise _Kept("it computes in integers and stays as it is")
        return tensor

    def weight(self, place: int) -> Array | None:
        """A constant operand (rule 2); None where it is left out."""
        tensor = self.tensor(place)
        if tensor is None:
            return None
        maker = self._made.get(tensor)
        if maker is not None and maker.code == "DEQUANTIZE" and maker.inputs[0] is not None:
            return _dequantized(maker.inputs[0])
        if tensor.dtype != "FLOAT32":
            raise _Kept("its weights are integers and it stays as it is")
        if tensor.array is None:
            raise _Kept("its weights are no plain constants and it stays as it is")
        return tensor.array

    def needed(self, place: int) -> Array:
        """A constant operand that the kernel needs."""
        found = self.weight(place)
        if found is None:
            raise _Kept("it lacks a weight that its kernel needs and stays as it is")
        return found

    def activation(self) -> str:
        """The op's activation, where a cell has it."""
        name = str(self.op.options["fused_activation_function"])
        if name not in ACTIVATIONS or (name == "NONE" and "LSTM" in self.op.code):
            raise _Kept(f"its kernel does not compute the activation {name.lower()}; it stays")
        return name


def _dequantized(stored: Tensor) -> Array:
    array = stored.array
    if array is None:
        raise _Kept("its weights are computed and it stays as it is")
    if array.dtype.kind == "f":
        return array.astype(np.float32)
    if stored.quantization is None or len(stored.quantization.scale) != 1:
        raise _Kept("its weights have a scale for each channel and it stays as it is")
    return from_integers(array, stored)


def _unidirectional_lstm(read: _Operands) -> list[_Half]:
    if read.op.options.get("diagonal_recurrent_tensors"):
        raise _Kept("its recurrent weights are diagonals and it stays as it is")
    x = read.real(0)
    cell = _lstm(read, _Places(kernel=1, layer_norm=20))
    return [_Half((x,), cell, [read.tensor(18), read.tensor(19)])]


def _single_lstm(read: _Operands) -> list[_Half]:
    """LSTM with the kernel of all variants, or with the basic one of five operands."""
    if read.op.options.get("kernel_type", 0) == 0:
        return _unidirectional_lstm(read)
    x, states = read.real(0), [read.tensor(1), read.tensor(4)]
    weights, bias = read.needed(2), read.needed(3)
    units = len(bias) // 4
    kernels, biases = np.split(weights, 4), np.split(bias, 4)
    # basic kernel: input gate, candidate, forget gate, output gate over [x, h] (lstm_cell.h)
    first, candidate, forget, output = (
        Gate(kernel[:, :-units], kernel[:, -units:], own)
        for kernel, own in zip(kernels, biases, strict=True)
    )
    return [_Half((x,), Lstm(first, forget, candidate, output), states)]


def _bidirectional_lstm(read: _Operands) -> list[_Half]:
    x, aux = read.real(0), read.tensor(39)
    linked = read.tensor(41) is not None
    states = [read.tensor(place) for place in range(35, 39)]
    forward = _lstm(read, _Places(kernel=1, aux=40 if linked else None))
    backward = _lstm(read, _Places(kernel=18, aux=44 if linked else None))
    return _both((forward, backward), (x, aux, linked), states)


def _unidirectional_rnn(read: _Operands) -> list[_Half]:
    return [_Half((read.real(0),), _rnn(read, 1, None), [read.tensor(4)])]


def _bidirectional_rnn(read: _Operands) -> list[_Half]:
    x, aux = read.real(0), read.tensor(9)
    linked = read.tensor(10) is not None
    forward, backward = (
        _rnn(read, place, own if linked else None) for place, own in ((1, 10), (5, 11))
    )
    states = [read.tensor(4), read.tensor(8)]
    return _both((forward, backward), (x, aux, linked), states)


_READERS: dict[str, Callable[[_Operands], list[_Half]]] = {
    "UNIDIRECTIONAL_SEQUENCE_LSTM": _unidirectional_lstm,
    "BIDIRECTIONAL_SEQUENCE_LSTM": _bidirectional_lstm,
    "LSTM": _single_lstm,
    "UNIDIRECTIONAL_SEQUENCE_RNN": _unidirectional_rnn,
    "BIDIRECTIONAL_SEQUENCE_RNN": _bidirectional_rnn,
    "RNN": _unidirectional_rnn,
}

_SINGLE_STEPS = ("LSTM", "RNN")


@dataclass(frozen=True)
class _Places:
    """Where the weights of one direction of an LSTM stand.

    Attributes:
        kernel: The first of its 17 weights.
        aux: The first of its 4 weights for the auxiliary input, if there is one.
        layer_norm: The first of its 4 layer norms, if the op has any.
    """

    kernel: int
    aux: int | None = None
    layer_norm: int | None = None


def _lstm(read: _Operands, at: _Places) -> Lstm:
    """17 weights: 4 kernels, 4 recurrent ones, 3 peepholes, 4 biases, the projection and its bias.

    Gates stand in the order input, forget, candidate, output; without the first the gates are
    coupled.
    """
    first, peephole, bias = at.kernel, at.kernel + 8, at.kernel + 11
    coupled = read.weight(first) is None
    peepholes = {0: peephole, 1: peephole + 1, 3: peephole + 2}
    gates: list[Gate | None] = [
        None
        if coupled and gate == 0
        else Gate(
            _joined(read, first + gate, None if at.aux is None else at.aux + gate),
            read.needed(first + 4 + gate),
            read.needed(bias + gate),
            read.weight(peepholes[gate]) if gate in peepholes else None,
            None if at.layer_norm is None else read.weight(at.layer_norm + gate),
        )
        for gate in range(4)
    ]
    _, forget, candidate, output = gates
    assert forget is not None
    assert candidate is not None
    assert output is not None
    projection = read.weight(first + 15)
    return Lstm(
        gates[0],
        forget,
        candidate,
        output,
        read.activation(),
        projection,
        None if projection is None else read.weight(first + 16),
        float(read.op.options["cell_clip"]),
        0.0 if projection is None else float(read.op.options["proj_clip"]),
    )


def _rnn(read: _Operands, first: int, aux: int | None) -> SimpleRnn:
    """Three weights: kernel, recurrent kernel, bias."""
    return SimpleRnn(
        _joined(read, first, aux),
        read.needed(first + 1),
        read.needed(first + 2),
        read.activation(),
    )


def _joined(read: _Operands, kernel: int, aux: int | None) -> Array:
    """A kernel [U, F], with the auxiliary input's columns behind its own."""
    own = read.needed(kernel)
    return own if aux is None else np.concatenate([own, read.needed(aux)], 1)


def _both(
    cells: tuple[Cell, Cell],
    given: tuple[Tensor, Tensor | None, bool],
    states: Operands,
) -> list[_Half]:
    """Rule 4."""
    x, aux, linked = given
    forward: tuple[Tensor, ...] = (x,)
    backward = forward
    if aux is not None:
        forward, backward = ((x, aux), (x, aux)) if linked else ((x,), (aux,))
    half = len(states) // 2
    return [
        _Half(forward, cells[0], states[:half]),
        _Half(backward, cells[1], states[half:], reverse=True),
    ]


def _time_major(op: Op) -> bool:
    return op.code in _SINGLE_STEPS or bool(op.options["time_major"])


def _half_name(name: str, half: _Half, halves: Sequence[_Half]) -> str:
    if len(halves) == 1:
        return name
    return f"{name}/backward" if half.reverse else f"{name}/forward"


def _clipped(recurrences: Sequence[Recurrence]) -> str:
    """The bound of the cell state, which TensorFlow's converter sets on LSTMs that have none."""
    bounds = {r.cell.cell_clip for r in recurrences if isinstance(r.cell, Lstm)} - {0.0}
    if not bounds:
        return ""
    return (
        f"its cell state is clipped at {max(bounds):g}, as the file has it; TensorFlow's converter "
        "clips at 10 whatever the model does: source.cell_clip: 0 takes the clip away"
    )


# Writing recurrences ------------------------------------------------------------------------------


def _replace(
    model: Model, subgraph: Subgraph, op: Op, halves: Sequence[tuple[_Half, Recurrence]]
) -> None:
    """Puts RECURRENCE ops in the place of a fused op.

    One output for two halves is both, joined along the last axis. The basic LSTM puts out its
    final cell state as well.
    """
    place, build = subgraph.ops.index(op), Builder(halves[0][1].name)
    read: dict[tuple[Tensor, ...], Tensor] = {}
    results: list[Tensor] = []
    for half, recurrence in halves:
        if half.x not in read:
            read[half.x] = _sequence(build, op, half.x)
        y, finals = _recurrence(subgraph, build, half, recurrence, read[half.x])
        _hand_on(model, subgraph, op, half, finals)
        results.append(y)
        if not states_of(op) and op.code == "LSTM":
            replace_uses(model, subgraph, op.outputs[1], finals[1])
    if op.code in _SINGLE_STEPS:
        build.ops.append(make_op("SQUEEZE", results, op.outputs[:1], squeeze_dims=[0]))
    elif op.options.get("merge_outputs") and len(results) > 1:
        axis = len(results[0].shape or (0, 0, 0)) - 1
        build.ops.append(make_op("CONCATENATION", results, op.outputs[:1], axis=axis))
    else:
        for own, y in zip(op.outputs, results, strict=True):
            own.shape = y.shape if own.shape is None else own.shape
            _renamed_output(build, y, own)
    for tensor in states_of(op).values():
        tensor.is_variable = False
    subgraph.ops[place : place + 1] = build.ops


def _renamed_output(build: Builder, made: Tensor, wanted: Tensor) -> None:
    """Lets the op that makes `made` make `wanted`."""
    for op in build.ops:
        op.outputs = [wanted if t is made else t for t in op.outputs]


def _sequence(build: Builder, op: Op, parts: tuple[Tensor, ...]) -> Tensor:
    """What a half reads, [T, B, F] or [B, T, F] (rules 4 and 5)."""
    x = parts[0]
    if len(parts) > 1:
        x = build.concatenate(parts, len(x.shape or (0, 0, 0)) - 1)
    return build.expand_dims(x, 0) if op.code in _SINGLE_STEPS else x


def _recurrence(
    subgraph: Subgraph, build: Builder, half: _Half, recurrence: Recurrence, x: Tensor
) -> tuple[Tensor, list[Tensor]]:
    """Appends a RECURRENCE; returns what it puts out, and its final states."""
    widths = recurrence.cell.states
    y = build.tensor("y", "FLOAT32", None if x.shape is None else (*x.shape[:2], widths[0]))
    initial, finals = list[Tensor | None](), list[Tensor]()
    made = producers(subgraph)
    for state, width in zip(half.states, widths, strict=True):
        assert state is not None, "the kernels need their states"
        initial.append(_initial(made.get(state), state))
        finals.append(build.tensor("final_state", "FLOAT32", ((state.shape or (OPEN,))[0], width)))
    options = {"recurrence": recurrence}
    build.ops.append(Op(RECURRENCE, [x, *initial], [y, *finals], options))
    return y, finals


def _initial(writer: Op | None, state: Tensor) -> Tensor:
    """What a state starts from (rule 3)."""
    if writer is not None and writer.code == "BROADCAST_TO":
        given = writer.inputs[0]
        if given is not None and given.shape == state.shape:
            return given
    return state


def _hand_on(
    model: Model, subgraph: Subgraph, op: Op, half: _Half, finals: Sequence[Tensor]
) -> None:
    """Lets what reads a variable after the op read the final state (rule 3)."""
    variables = set(states_of(op).values())
    readers, after = consumers(subgraph), set(subgraph.ops[subgraph.ops.index(op) + 1 :])
    for state, final in zip(half.states, finals, strict=True):
        if state is None or state not in variables:
            continue
        for reader in after.intersection(readers[state]):
            if reader.code == "SELECT_V2" and reader.inputs[1:] == [state, state]:
                replace_uses(model, subgraph, reader.outputs[0], final)
            else:
                reader.inputs = [final if t is state else t for t in reader.inputs]
        if state in subgraph.outputs:
            replace_uses(model, subgraph, state, final)
