"""Three attempts at a loop: fused cells, the same up to a length, and any equations."""

from __future__ import annotations

from typing import Any

import pytest

from rnnlite_pipeline.cells.recurrence import RECURRENCE
from rnnlite_pipeline.graph.ir import Op, Subgraph, Tensor
from rnnlite_pipeline.recognise.loop.loop import Unrecognised
from rnnlite_pipeline.recognise.loop.rewrite import Replacement, replace_loop
from tests.recognise.author import Author
from tests.recognise.spelling import Spelling
from tests.recognise.strategies import lstm


class Inside(Author):
    """The list holds what no state is: the output and the cell state before it together."""

    def item(self, states: list[Tensor]) -> Tensor:
        """h' + c."""
        return self.body.binary("ADD", states[0], self.variables["c0"].inner)


class Lengths(Author):
    """States change while the step is below a length for each entry; after it, zero is put out."""

    zero_after = True

    def counted(self, sequence: Tensor) -> None:
        """The lengths as well."""
        super().counted(sequence)
        given = self.input("lengths", (2,))
        given.dtype = "INT32"
        self.variable("lengths", given)

    def write_body(self) -> None:
        """Selects each new state, and the item."""
        super().write_body()
        build, step = self.body, self.variables["count0"].inner
        lengths = self.variables["lengths"].inner
        below = build.binary("LESS", step, lengths)
        mask = build.reshape(below, [2, 1])
        for name in ("h0", "c0"):
            variable = self.variables[name]
            variable.new = build.op("SELECT_V2", [mask, variable.new, variable.inner], "FLOAT32",
                                    variable.inner.shape)  # fmt: skip
        (write,) = (op for op in build.ops if op.code == "FlexTensorListSetItem")
        build.ops.remove(write)
        item = write.inputs[2]
        assert item is not None
        if self.zero_after:
            zero = self.step.constant(0.0)
            write.inputs[2] = build.op("SELECT_V2", [mask, item, zero], "FLOAT32", item.shape)
        build.ops.append(write)


def replaced(author: Author) -> Replacement:
    """The author's loop as recurrences."""
    main = author.model().main
    (op,) = (op for op in main.ops if op.code == "WHILE")
    return replace_loop(op, main, "layer")


def how(**options: Any) -> Spelling:
    """Four steps of two entries."""
    return Spelling(**{"steps": 4, "trip": "constant", "batch": 2, "counters": 1, **options})


def test_a_cell_with_a_fused_op() -> None:
    """The first attempt."""
    (found,) = replaced(Author([lstm(0)], how())).recurrences
    assert found.cell.fused


def test_lengths_are_cut_off_after_the_whole_sequence() -> None:
    """The cell is the one without the mask, and its outputs are chosen by length."""
    made = replaced(Lengths([lstm(0)], how(finals=False)))
    (found,) = made.recurrences
    assert found.cell.kind == "LSTM"
    codes = [op.code for op in made.ops]
    assert codes.index("SELECT_V2") > codes.index(RECURRENCE)


def test_the_last_cell_state_is_not_cut_off() -> None:
    """A fused op gives it after the last step only, so the mask stays where it is used."""
    (found,) = replaced(Lengths([lstm(0)], how(finals=True))).recurrences
    assert found.cell.kind == "masked LSTM"


def test_outputs_that_go_on_after_a_length_keep_the_mask() -> None:
    """Then the cell is its equations, and has the name of what is masked."""
    author = Lengths([lstm(0)], how(finals=False))
    author.zero_after = False
    (found,) = replaced(author).recurrences
    assert found.cell.kind == "masked LSTM"


def test_what_is_put_out_from_inside_a_step_is_a_state_of_its_own() -> None:
    """h' + c is none of the states after the step: it stands in front of them."""
    (found,) = replaced(Inside([lstm(0)], how())).recurrences
    assert found.cell.states == (3, 3, 3)


def test_the_reason_is_that_of_the_first_attempt() -> None:
    """What a cell with a fused op differs in is what the user is told."""
    main: Subgraph = Author([lstm(0)], how()).model().main
    (op,) = (op for op in main.ops if op.code == "WHILE")
    body: Subgraph = op.options["body_subgraph"]
    product: Op = next(each for each in body.ops if each.code == "FULLY_CONNECTED")
    product.code = "CUMSUM"
    with pytest.raises(Unrecognised, match="the op CUMSUM"):
        replace_loop(op, main, "layer")
