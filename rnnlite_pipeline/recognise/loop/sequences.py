"""Computes over the whole sequence what each step of a loop computes without its states.

Every function of the algebra works on the last axis, so a form over the inputs' steps is the
same form over their sequences [T, B, ...].
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnlite_pipeline.algebra.atoms import Apply, Atom, Product, Symbol
from rnnlite_pipeline.algebra.forms import Form
from rnnlite_pipeline.algebra.maps import Map
from rnnlite_pipeline.cells.symbols import After
from rnnlite_pipeline.graph.build import Builder
from rnnlite_pipeline.graph.ir import Tensor
from rnnlite_pipeline.graph.ops import CHOICES, COMPARISONS, LOGICAL
from rnnlite_pipeline.recognise.loop.loop import STEP, Kept, Loop, Reading, Unrecognised
from rnnlite_pipeline.recognise.loop.running import Running
from rnnlite_pipeline.shapes.extents import Extents
from rnnlite_pipeline.shapes.linear import Counter, Linear

_PLAIN = {
    *("LOGISTIC", "TANH", "RELU", "RELU6", "RELU_N1_TO_1", "ABS", "EXP", "LOG", "SQRT", "RSQRT"),
    *("SIN", "COS", "MAXIMUM", "MINIMUM", "DIV"),
}


@dataclass
class Sequences:
    """The sequences of one loop, in running order, each [T, B, ...].

    Attributes:
        loop: The loop they belong to.
        extents: The run-time integers of the graph the loop stands in.
        build: Collects the ops made, in execution order.
        from_zero: The states, by key before the step, whose zero before the loop is a step of one.
    """

    loop: Loop
    extents: Extents
    build: Builder
    _known: dict[str, Tensor] = field(default_factory=dict)
    _starts: dict[str, tuple[Symbol, Tensor | None]] = field(default_factory=dict)
    from_zero: set[str] = field(default_factory=set)

    @property
    def running(self) -> Running:
        """What writes sequences in running order."""
        return Running(self.loop, self.extents, self.build)

    def define(self, symbol: Symbol, tensor: Tensor) -> None:
        """Says which sequence a symbol stands for, once it is computed."""
        self._known[symbol.key] = tensor

    def define_before(self, before: Symbol, after: Symbol, first: Tensor | None) -> None:
        """Says what a state is before each step: `first` [B, n] or zero, and then as after it."""
        self._starts[before.key] = after, first

    def joined(self, forms: Sequence[Form]) -> Tensor:
        """The forms' sequences side by side along the features."""
        parts = [self.of(form) for form in forms]
        if len(parts) == 1:
            return parts[0]
        return self.build.concatenate(parts, axis=2)

    def of(self, form: Form) -> Tensor:
        """The sequence [T, B, form.width] of a form over the outside.

        Raises:
            Unrecognised: It depends on what is not known as a sequence.
        """
        total: Tensor | None = None
        for atom, linear in form.terms.values():
            part = self._mapped(self._atom(atom), linear, atom.width)
            total = part if total is None else self.build.binary("ADD", total, part)
        if total is None:
            raise Unrecognised("a part of its step is the same in every step")
        if not np.any(form.bias):
            return total
        return self.build.binary("ADD", total, self.row(form.bias))

    def reversed(self, tensor: Tensor) -> Tensor:
        """The sequence from its last step to its first."""
        return self.build.reverse(tensor, axis=0)

    def of_symbol(self, symbol: Symbol) -> Tensor:
        """The sequence [T, B, n] of a symbol.

        Raises:
            Unrecognised: It is not known as a sequence.
        """
        return self._atom(symbol)

    def last(self, tensor: Tensor) -> Tensor:
        """The last step [B, n] of a sequence."""
        return self.build.step(tensor, 0, -1)

    def columns(self, tensor: Tensor, start: int, stop: int) -> Tensor:
        """Columns [start, stop) of a tensor's last axis."""
        lead = (tensor.shape or ())[:-1]
        if (start, stop) == (0, (tensor.shape or ())[-1]):
            return tensor
        return self.build.part(tensor, len(lead), start, stop)

    def row(self, values: NDArray[Any] | Sequence[float]) -> Tensor:
        """A constant row."""
        return self.build.constant("row", np.asarray(values, np.float32))

    def _mapped(self, tensor: Tensor, linear: Map, width: int) -> Tensor:
        """The sequence of `tensor` mapped in each step."""
        if linear.is_identity and width == linear.width:
            return tensor
        if linear.diagonal:
            return self.build.binary("MUL", tensor, self.row(linear.values))
        shape = (*(tensor.shape or ())[:2], linear.width)
        weights = self.row(linear.values.T)
        return self.build.op(
            "FULLY_CONNECTED", [tensor, weights, None], tensor.dtype, shape, keep_num_dims=True
        )

    def _atom(self, atom: Atom) -> Tensor:
        if atom.key not in self._known:
            self._known[atom.key] = self._computed(atom)
        return self._known[atom.key]

    def _computed(self, atom: Atom) -> Tensor:
        if isinstance(atom, Symbol):
            return self._symbol(atom)
        if isinstance(atom, Product):
            first, *rest = (self._atom(f) for f in atom.factors)
            for tensor in rest:
                first = self.build.binary("MUL", first, tensor)
            return first
        if atom.function == "LINEAR":
            return self.of(atom.arguments[0])
        if atom.function in CHOICES:
            mask, *choices = atom.arguments
            operands = [self._truth(mask), *map(self._operand, choices)]
            shape = (*(operands[0].shape or ())[:2], atom.width)
            return self.build.op("SELECT_V2", operands, "FLOAT32", shape)
        if atom.function not in _PLAIN:
            raise Unrecognised(f"its step computes {atom.function.lower()} between two layers")
        return self._applied(atom)

    def _truth(self, mask: Form) -> Tensor:
        """Where a form is not 0, BOOL.

        Raises:
            Unrecognised: It is put together of truths.
        """
        atom = mask.atom
        if isinstance(atom, Apply) and atom.function in LOGICAL:
            raise Unrecognised(f"its step computes {atom.function.lower()} between two layers")
        if isinstance(atom, Apply) and atom.function in COMPARISONS:
            one, other = map(self._operand, atom.arguments)
            return self.build.binary(atom.function, one, other)
        return self.build.binary("NOT_EQUAL", self.of(mask), self.row([0.0]))

    def _operand(self, value: Form) -> Tensor:
        return self.row(value.bias) if value.is_constant else self.of(value)

    def _applied(self, atom: Apply) -> Tensor:
        parts = [self._operand(a) for a in atom.arguments]
        if len(parts) == 1:
            return self.build.unary(atom.function, parts[0])
        return self.build.binary(atom.function, parts[0], parts[1])

    def _symbol(self, symbol: Symbol) -> Tensor:
        whole = self.loop.whole(symbol)
        if whole.key in self._known:
            start = symbol.start - whole.start
            return self.columns(self._known[whole.key], start, start + symbol.width)
        if symbol.name in self.loop.readings:
            self._known[whole.key] = self._running(self.loop.readings[symbol.name])
        elif isinstance(symbol.name, Kept):
            self._known[whole.key] = self._repeated(symbol.name.number, whole.width)
        elif isinstance(symbol.name, Counter):
            self._known[whole.key] = self._counted(symbol.name.number)
        elif whole.key in self._starts and self._starts[whole.key][0].key in self._known:
            after, first = self._starts[whole.key]
            if first is None:
                self.from_zero.add(whole.key)
            self._known[whole.key] = self._delayed(after, first)
        else:
            raise Unrecognised(self._why_not(symbol))
        return self._symbol(symbol)

    def _delayed(self, after: Symbol, first: Tensor | None) -> Tensor:
        """What a state is before each step, as a sequence [T, B, n]."""
        build, y = self.build, self._known[after.key]
        _, batch, width = y.shape or ()
        if first is None:
            sizes = [build.indices([1]), build.dimension(y, 1), build.indices([width])]
            shape = build.concatenate(sizes, axis=0)
            zero = build.constant("zero", np.zeros((), np.float32))
            start = build.op("FILL", [shape, zero], "FLOAT32", (1, batch, width))
        else:
            start = build.expand_dims(first, axis=0)
        return build.part(build.concatenate([start, y], axis=0), 0, 0, -1)

    def _repeated(self, variable: int, width: int) -> Tensor:
        """What a variable holds in every step, [B] or [B, width], as a sequence [T, B, width]."""
        tensor = self.loop.op.inputs[variable]
        assert tensor is not None, "a WHILE has all its operands"
        if tensor.dtype != "FLOAT32":
            tensor = self.build.op("CAST", [tensor], "FLOAT32", tensor.shape)
        batch = (tensor.shape or ())[0]
        return self._broadcast(self.build.reshape(tensor, [1, batch, width]), width)

    def _counted(self, variable: int) -> Tensor:
        """The counter's value in each step, as a sequence [T, B, 1]."""
        counter = self.loop.counters[variable]
        stride = counter.factor(STEP)
        start = counter - Linear.symbol(STEP) * stride
        if not start.is_constant:
            raise Unrecognised("its step computes with a counter that starts at run time")
        places = self.running.count()
        floats = self.build.op("CAST", [places], "FLOAT32", places.shape)
        value = self._mapped(floats, Map(np.array([float(stride)])), 1)
        if start.constant:
            value = self.build.binary("ADD", value, self.row(np.array([float(start.constant)])))
        return self._broadcast(self.build.reshape(value, [self.running.steps(), 1, 1]), 1)

    def _broadcast(self, tensor: Tensor, width: int) -> Tensor:
        reading = next(iter(self.loop.readings.values()), None)
        if reading is None:
            raise Unrecognised("its step reads no sequence")
        batch = 1 - reading.axis
        sizes = [
            self.running.total(),
            self.build.dimension(reading.tensor, batch),
            self.build.indices([width]),
        ]
        shape = self.build.concatenate(sizes, axis=0)
        made = (self.running.steps(), (reading.tensor.shape or ())[batch], width)
        return self.build.op("BROADCAST_TO", [tensor, shape], "FLOAT32", made)

    def _why_not(self, symbol: Symbol) -> str:
        """Why a value of the loop is not to be had for every step."""
        if isinstance(symbol.name, After):
            return "the cell state of each step is used, and a fused op gives the last alone"
        return "a state from before the step is used outside the state's own cell"

    def _running(self, reading: Reading) -> Tensor:
        """The sequence [T, B, F] in the order the loop reads it."""
        tensor = self.running.read(reading)
        if tensor.dtype != "FLOAT32":
            tensor = self.build.op("CAST", [tensor], "FLOAT32", tensor.shape)
        if len(tensor.shape or ()) == 2:
            tensor = self.build.expand_dims(tensor, axis=2)
        if reading.axis == 1:
            tensor = self.build.transpose(tensor, [1, 0, 2])
        return tensor
