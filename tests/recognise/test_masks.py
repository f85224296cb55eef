"""Masks and paddings that are one number a step for each batch entry."""

from __future__ import annotations

import copy
from typing import Literal

import numpy as np
import pytest

from rnnlite_pipeline.compare.validation import objection
from rnnlite_pipeline.graph.ir import NUMPY, OPEN, Tensor
from rnnlite_pipeline.lower import lower
from rnnlite_pipeline.passes.tensor_lists import tensor_lists_to_tensors
from rnnlite_pipeline.recognise import recognise
from rnnlite_pipeline.recognise.loop.masks import MASKED
from tests.recognise.alike import Array, check_alike, sequence
from tests.recognise.author import Author, Cell
from tests.recognise.spelling import Spelling
from tests.recognise.strategies import lstm, simple_rnn

Read = Literal["m[:, t:t+1]", "m[:, t]", "m[t]"]
Use = Literal["select", "blend", "padding", "integers"]

#: What each is made of.
DTYPES = {"select": "BOOL", "blend": "FLOAT32", "padding": "FLOAT32", "integers": "INT32"}


class Masks(Author):
    """Every state keeps its value where a mask [B, T] or [T, B] says so."""

    read_mask: Read = "m[t]"
    use: Use = "select"
    length: int = OPEN

    def counted(self, sequence: Tensor) -> None:
        """The mask as well."""
        super().counted(sequence)
        batch = (sequence.shape or ())[0 if self.spelling.batch_major else 1]
        sizes = (self.length, batch) if self.read_mask == "m[t]" else (batch, self.length)
        mask = self.input("m", sizes)
        mask.dtype = DTYPES[self.use]
        self.variable("m", mask)

    def step_of_mask(self) -> Tensor:
        """[B, 1]."""
        mask, zero, one = self.variables["m"].inner, self.body.indices(0), self.body.indices(1)
        index = self.place("forward")
        if self.read_mask == "m[t]":
            return self.body.expand_dims(self.body.gather(mask, index), 1)
        begin = self.packed(self.body, [zero, index])
        end = self.packed(self.body, [zero, self.body.binary("ADD", index, one)])
        keeps = self.read_mask == "m[:, t:t+1]"
        batch = (mask.shape or ())[0]
        number = self.body.op(
            "STRIDED_SLICE",
            [mask, begin, end, self.body.indices([1, 1])],
            mask.dtype,
            (batch, 1) if keeps else (batch,),
            begin_mask=0b01,
            end_mask=0b01,
            shrink_axis_mask=0b00 if keeps else 0b10,
        )
        return number if keeps else self.body.reshape(number, [batch, 1])

    def set_states(self, layer: int, states: list[Tensor]) -> None:
        """select(m, new, old), m * new + (1 - m) * old, or p * old + (1 - p) * new."""
        mask, build = self.step_of_mask(), self.body
        old = self.old_states(layer, self.cells[layer])
        if self.use == "select":
            pairs = zip(states, old, strict=True)
            kept = [build.op("SELECT_V2", [mask, n, o], "FLOAT32", n.shape) for n, o in pairs]
            super().set_states(layer, kept)
            return
        if mask.dtype == "INT32":
            mask = build.op("CAST", [mask], "FLOAT32", mask.shape or ())
        rest = build.binary("SUB", build.constant("one", np.full((), 1.0, np.float32)), mask)
        new, before = (rest, mask) if self.use == "padding" else (mask, rest)
        blended = [
            build.binary("ADD", build.binary("MUL", new, n), build.binary("MUL", before, o))
            for n, o in zip(states, old, strict=True)
        ]
        super().set_states(layer, blended)

    def item(self, _states: list[Tensor]) -> Tensor:
        """The state as it is kept."""
        return self.variables["h0"].new


def author(cell: Cell, spelling: Spelling, read: Read, use: Use, length: int = OPEN) -> Masks:
    """One masked loop."""
    made = type("Made", (Masks,), {"read_mask": read, "use": use, "length": length})
    masks: Masks = made([cell], spelling)
    return masks


CASES: list[tuple[Cell, Read, Use, Spelling, int]] = [
    (lstm(4), "m[:, t:t+1]", "select", Spelling(), OPEN),
    (lstm(4), "m[:, t]", "select", Spelling(read="backward"), OPEN),
    (lstm(4), "m[t]", "padding", Spelling(), OPEN),
    (lstm(4), "m[t]", "blend", Spelling(batch_major=True), OPEN),
    (simple_rnn(4), "m[:, t:t+1]", "blend", Spelling(), 6),
    (simple_rnn(4), "m[:, t]", "padding", Spelling(steps=6), OPEN),
    (simple_rnn(4), "m[:, t]", "integers", Spelling(), OPEN),
    (simple_rnn(4), "m[t]", "select", Spelling(steps=6), 6),
]


@pytest.mark.parametrize(("cell", "read", "use", "spelling", "length"), CASES)
def test_masks_of_numbers(
    cell: Cell, read: Read, use: Use, spelling: Spelling, length: int
) -> None:
    """The loop is read as a masked cell and computes what it did, for longer masks as well."""
    model = author(cell, spelling, read, use, length).model()
    loop = copy.deepcopy(model)
    tensor_lists_to_tensors(loop)
    (finding,) = recognise(model, objection)
    assert not finding.reason, finding.reason
    (recurrence,) = finding.recurrences
    assert recurrence.cell.kind == f"masked {cell.kind}"
    assert getattr(recurrence.cell, "reason") == MASKED  # noqa: B009
    lower(model)

    def masked(random: np.random.Generator, batch: int) -> dict[str, Array]:
        longer = 6 if length == 6 else 8
        sizes = (longer, batch) if read == "m[t]" else (batch, longer)
        mask = random.integers(0, 2, sizes).astype(NUMPY[DTYPES[use]])
        return {**sequence(random, batch), "m": mask}

    for kernels in ("reference", "default"):
        check_alike(loop, model, kernels, masked)
