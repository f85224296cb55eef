"""One recurrence in the place of a chain's steps."""

from __future__ import annotations

from typing import Any

import pytest

from rnnlite_pipeline.cells.recurrence import RECURRENCE
from rnnlite_pipeline.graph.ir import Subgraph, Tensor
from rnnlite_pipeline.recognise.loop.loop import Unrecognised
from rnnlite_pipeline.recognise.loop.rewriter import Replacement
from rnnlite_pipeline.recognise.unrolled.chains import Straight, chains
from rnnlite_pipeline.recognise.unrolled.rewrite import replace_chain
from tests.recognise.spelling import Spelling
from tests.recognise.strategies import lstm
from tests.recognise.unrolled.test_columns import Steps
from tests.recognise.unrolled_author import Unrolled, Unrolling

COUNT = 4


def replaced(main: Subgraph) -> Replacement:
    """Its longest chain as a recurrence."""
    return replace_chain(chains(Straight(main))[0], "layer")


def written(**how: Any) -> Subgraph:
    """An LSTM of four steps."""
    given = {"steps": COUNT, "batch": 2, "finals": False, **how}
    return Unrolled([lstm(0)], Spelling(), Unrolling(**given)).model().main


def codes(made: Replacement) -> list[str]:
    """The new ops."""
    return [op.code for op in made.ops]


@pytest.mark.parametrize("reverse", [False, True])
def test_the_sequence_is_read_whole(reverse: bool) -> None:
    """Backwards it is reversed; no step is taken apart or packed again."""
    made = replaced(written(reverse=reverse))
    assert not {"PACK", "UNPACK", "STRIDED_SLICE"} & set(codes(made))
    assert "REVERSE_V2" in codes(made) or not reverse
    (op,) = (op for op in made.ops if op.code == RECURRENCE)
    assert (op.outputs[0].shape or ())[0] == COUNT
    assert [r.name for r in made.recurrences] == ["layer"]


def test_what_each_step_puts_out() -> None:
    """In running order, as many as there are steps."""
    main = written(emits="all")
    made = replaced(main)
    assert len(made.emitted) == COUNT
    (pack,) = (op for op in main.ops if op.code == "PACK")
    assert {id(t) for t in made.emitted} == {id(t) for t in pack.inputs}


@pytest.mark.parametrize("axis", [0, 1])
def test_a_stack_of_all_outputs_is_the_sequence(axis: int) -> None:
    """Of the stack's own axis order."""
    main = written(emits="all", stacked_axis=axis)
    (pack,) = (op for op in main.ops if op.code == "PACK")
    (found,) = (new for old, new in replaced(main).results.values() if old is pack.outputs[0])
    assert found.shape == pack.outputs[0].shape


def test_single_outputs_are_taken_apart() -> None:
    """Where the graph reads each step by itself."""
    main = written(emits="each")
    made = replaced(main)
    assert "UNPACK" in codes(made)
    assert len({id(new) for _, new in made.results.values()}) >= COUNT


def test_the_last_output_is_the_final_state() -> None:
    """No sequence is needed for it."""
    main = written(emits="last")
    made = replaced(main)
    (op,) = (op for op in made.ops if op.code == RECURRENCE)
    assert all(new is op.outputs[1] for _, new in made.results.values())


@pytest.mark.parametrize(("initial", "given"), [("zero", False), ("input", True)])
def test_first_states(initial: str, given: bool) -> None:
    """Zero is no operand."""
    made = replaced(written(initial=initial))
    (op,) = (op for op in made.ops if op.code == RECURRENCE)
    assert [t is not None for t in op.inputs[1:]] == [given, given]


def test_inputs_of_no_sequence_are_packed() -> None:
    """Three tensors become the three steps."""
    made = replaced(Steps().chain.graph.subgraph)
    (pack,) = (op for op in made.ops if op.code == "PACK")
    assert [t and t.name for t in pack.inputs] == ["x0", "x1", "x2"]
    assert pack.outputs[0].shape == (3, 1, 2)


def test_an_inner_value_that_is_used_keeps_the_steps() -> None:
    """It would vanish with the step."""
    steps = Steps()
    main: Subgraph = steps.chain.graph.subgraph
    inner: Tensor = steps.parts["sum"][1]
    main.outputs.append(inner)
    with pytest.raises(Unrecognised, match="more is used of its steps"):
        replaced(main)
