"""Forms of the algebra as builtin ops, on tensors whose last axis is the form's columns.

Numbers are FLOAT32 and truths BOOL: what compares gives a truth, `number` casts it where it is
added or multiplied, and `truth` compares a number with zero where SELECT_V2 or a logical op
needs it.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnlite_pipeline.algebra.atoms import Apply, Atom, Product, Symbol
from rnnlite_pipeline.algebra.forms import Form
from rnnlite_pipeline.graph.build import broadcast, make_op
from rnnlite_pipeline.graph.ir import Tensor
from rnnlite_pipeline.graph.ops import CHOICES, COMPARISONS, LOGICAL, REDUCTIONS
from rnnlite_pipeline.graph.schema import enum_values
from rnnlite_pipeline.lower.emit import Emitter

#: A row of numbers, [width] or [1].
Row = NDArray[Any]

#: An op's options, as `Op.options` names them.
Options = dict[str, Any]


class Forms:
    """Computes forms, each atom and each form once.

    Args:
        emit: Where the ops go.
        symbols: The tensor of each symbol's whole width, by name; more may be defined later.
    """

    def __init__(self, emit: Emitter, symbols: dict[str, Tensor]) -> None:
        self.emit = emit
        self.symbols = symbols
        self._numbers: dict[str, Tensor] = {}
        self._atoms: dict[str, Tensor] = {}

    def number(self, value: Form) -> Tensor:
        """FLOAT32 [..., value.width], or a constant row [value.width] or [1]."""
        if value.key not in self._numbers:
            self._numbers[value.key] = self._wide(self._sum(value), value)
        return self._numbers[value.key]

    def truth(self, value: Form) -> Tensor:
        """BOOL of the form's width or 1: where the form is not 0."""
        atom = value.atom
        if isinstance(atom, Apply) and is_truth(atom):
            return self.atom(atom)
        return self._nonzero(self.number(value))

    def atom(self, atom: Atom) -> Tensor:
        """The atom's value: BOOL for what `is_truth`, FLOAT32 for the rest."""
        if atom.key not in self._atoms:
            self._atoms[atom.key] = self._computed(atom)
        return self._atoms[atom.key]

    def row(self, values: Row) -> Tensor:
        """A constant row, one number where all are equal."""
        uniform = values.size and np.all(values == values.flat[0])
        return self.emit.constant("row", (values[:1] if uniform else values).astype(np.float32))

    def columns(self, tensor: Tensor, start: int, stop: int) -> Tensor:
        """Columns [start, stop) of a tensor's last axis."""
        *lead, width = tensor.shape or ()
        if (start, stop) == (0, width):
            return tensor
        return self.emit.part(tensor, len(lead), start, stop)

    def product(self, tensor: Tensor, matrix: NDArray[Any], bias: Row) -> Tensor:
        """`tensor @ matrix + bias`, with matrix [in, out] and bias [out]."""
        shape = (*(tensor.shape or ())[:-1], matrix.shape[1])
        weights = self.weight("kernel", matrix.T)
        operands = [tensor, weights, self.weight("bias", bias if np.any(bias) else None)]
        # Without it the delegate copies what the product reads (delegated.py, rule 4).
        return self.emit.op("FULLY_CONNECTED", operands, "FLOAT32", shape, keep_num_dims=True)

    def weight(self, name: str, value: NDArray[Any] | None) -> Tensor | None:
        """A FLOAT32 constant that a product reads; None stays None."""
        return self.emit.weight(name, value)

    def split(self, tensor: Tensor, widths: Sequence[int], *, slices: bool = True) -> list[Tensor]:
        """The columns of a tensor's last axis, parted into these widths, if need be by slices.

        The default delegate takes no SPLIT_V: with one, a step would leave it and enter it again
        (LiteRT tflite/delegates/xnnpack/xnnpack_delegate.cc).
        """
        if len(widths) < 2:
            return [tensor]
        if len(set(widths)) == 1:
            return self.emit.split(tensor, len(widths), len(tensor.shape or ()) - 1)
        if not slices:
            lead = (tensor.shape or ())[:-1]
            outs = [self.emit.tensor("split", tensor.dtype, (*lead, w)) for w in widths]
            operands = [tensor, self.emit.indices(widths), self.emit.indices(len(lead))]
            self.emit.ops.append(make_op("SPLIT_V", operands, outs, num_splits=len(widths)))
            return outs
        axis, starts = len(tensor.shape or ()) - 1, [*accumulate(widths, initial=0)][:-1]
        ends = [*starts[1:], None]
        return [self.emit.part(tensor, axis, a, b) for a, b in zip(starts, ends, strict=True)]

    def _nonzero(self, tensor: Tensor) -> Tensor:
        return self.emit.binary("NOT_EQUAL", tensor, self.row(np.zeros(1)))

    def _sum(self, value: Form) -> Tensor:
        """The form, its width perhaps still to be broadcast."""
        terms: list[tuple[Tensor, Row]] = []
        total: Tensor | None = None
        for atom, linear in value.terms.values():
            tensor = self._number_of(atom)
            if linear.diagonal or linear.values.shape[0] == 1:
                terms.append((tensor, linear.values.reshape(-1)))
            else:
                bias = value.bias if total is None else np.zeros(value.width)
                mapped = self.product(tensor, linear.values, bias)
                total = mapped if total is None else self.emit.binary("ADD", total, mapped)
        bias = value.bias if total is None else np.zeros(value.width)
        return self._total(total, terms, bias)

    def _total(self, total: Tensor | None, terms: list[tuple[Tensor, Row]], bias: Row) -> Tensor:
        """`total`, each tensor times its row, and `bias`, added up."""
        for tensor, factor in sorted(terms, key=lambda term: not np.all(term[1] == 1.0)):
            if total is not None and np.all(factor == -1.0):
                total = self.emit.binary("SUB", total, tensor)
                continue
            plain = np.all(factor == 1.0)
            term = tensor if plain else self.emit.binary("MUL", tensor, self.row(factor))
            total = term if total is None else self.emit.binary("ADD", total, term)
        if total is None:
            return self.row(bias)
        return self.emit.binary("ADD", total, self.row(bias)) if np.any(bias) else total

    def _wide(self, tensor: Tensor, value: Form) -> Tensor:
        """A column [..., 1] as the form's width says; a constant row stays as it is."""
        if tensor.data is not None or (tensor.shape or (1,))[-1] == value.width:
            return tensor
        ones = self.emit.constant("ones", np.ones(value.width, np.float32))
        return self.emit.binary("MUL", tensor, ones)

    def _number_of(self, atom: Atom) -> Tensor:
        tensor = self.atom(atom)
        if tensor.dtype != "BOOL":
            return tensor
        key = f"number of {atom.key}"
        if key not in self._atoms:
            types = enum_values("TensorType")
            options: Options = {"in_data_type": types["BOOL"], "out_data_type": types["FLOAT32"]}
            self._atoms[key] = self.emit.op("CAST", [tensor], "FLOAT32", tensor.shape, **options)
        return self._atoms[key]

    def _computed(self, atom: Atom) -> Tensor:
        if isinstance(atom, Symbol):
            return self.columns(self.symbols[atom.name], atom.start, atom.stop)
        if isinstance(atom, Product):
            return self._multiplied(atom.factors)
        return self._applied(atom)

    def _multiplied(self, factors: Sequence[Atom]) -> Tensor:
        first, *rest = map(self._number_of, factors)
        for factor in rest:
            first = self.emit.binary("MUL", first, factor)
        return first

    def _applied(self, atom: Apply) -> Tensor:
        function, arguments = atom.function, atom.arguments
        if function == "LINEAR":
            return self.number(arguments[0])
        if function in REDUCTIONS:
            return self._reduced(function, self.number(arguments[0]))
        if function in LOGICAL:
            return self._elementwise(function, [self.truth(a) for a in arguments], "BOOL")
        if function in CHOICES:
            mask, *choices = arguments
            operands = [self.truth(mask), *map(self.number, choices)]
            return self._elementwise("SELECT_V2", operands, "FLOAT32")
        numbers = [self.number(a) for a in arguments]
        if function in COMPARISONS:
            return self._elementwise(function, numbers, "BOOL")
        return self._elementwise(function, numbers, "FLOAT32", **dict(atom.options))

    def _elementwise(
        self, function: str, operands: list[Tensor], dtype: str, **options: Any
    ) -> Tensor:
        shape = operands[0].shape
        for operand in operands[1:]:
            shape = broadcast(shape, operand.shape)
        return self.emit.op(function, operands, dtype, shape, **options)

    def _reduced(self, function: str, tensor: Tensor) -> Tensor:
        lead = (tensor.shape or ())[:-1]
        operands = [tensor, self.emit.indices([len(lead)])]
        return self.emit.op(function, operands, "FLOAT32", (*lead, 1), keep_dims=True)


def is_truth(atom: Atom) -> bool:
    """Whether an atom is computed as BOOL."""
    return isinstance(atom, Apply) and atom.function in COMPARISONS | LOGICAL
