"""A loop's equations as recurrences: what it puts out, and which states start from zero."""

from __future__ import annotations

from typing import Any

import pytest

from rnnlite_pipeline.cells.recurrence import RECURRENCE
from rnnlite_pipeline.graph.ir import Op, Subgraph, Tensor
from rnnlite_pipeline.recognise import cells
from rnnlite_pipeline.recognise.loop.loop import Unrecognised
from rnnlite_pipeline.recognise.loop.rewriter import NOT_STACKED, Replacement, Rewriter
from rnnlite_pipeline.recognise.loop.systems import systems
from tests.recognise.author import Author
from tests.recognise.spelling import Spelling
from tests.recognise.strategies import lstm, simple_rnn


def graph(*layers: Any, **how: Any) -> Subgraph:
    """A loop of some cells and what is done with its results."""
    return Author(list(layers) or [lstm(0)], Spelling(**how)).model().main


def loop(main: Subgraph) -> Op:
    """The WHILE op."""
    (op,) = (op for op in main.ops if op.code == "WHILE")
    return op


def rewritten(main: Subgraph) -> Replacement:
    """The loop as cells with names."""
    return Rewriter(loop(main), main, "layer").rewritten(
        systems, lambda around, system, _: cells.match(around, system)
    )


def test_a_recurrence_for_each_layer() -> None:
    """Named after the loop, numbered where there are several, in the order they are computed."""
    made = rewritten(graph(lstm(0), simple_rnn(1, features=3)))
    assert [(r.name, r.cell.kind) for r in made.recurrences] == [
        ("layer/0", "LSTM"),
        ("layer/1", "SimpleRNN"),
    ]
    assert [op.code for op in made.ops].count(RECURRENCE) == 2
    assert [r.name for r in rewritten(graph()).recurrences] == ["layer"]


def test_the_graph_stays_as_it_is() -> None:
    """The new ops are handed out, and not put in."""
    main = graph()
    before = [*main.ops]
    made = rewritten(main)
    assert main.ops == before
    assert not {id(op) for op in made.ops} & {id(op) for op in before}


def test_each_result_that_is_used_has_one_in_its_place() -> None:
    """The stacked list and the final states; of the same shape."""
    main = graph(steps=4, trip="constant", batch=2)
    made = rewritten(main)
    assert {id(old) for old, _ in made.results.values()} == {id(t) for t in main.outputs}
    for old, new in made.results.values():
        assert new.shape == old.shape
        assert new is not old


@pytest.mark.parametrize("initial", ["zero", "input"])
def test_states_that_start_from_zero(initial: str) -> None:
    """Each with the operand that its first value would be, which is None."""
    made = rewritten(graph(initial=initial))
    (op,) = (op for op in made.ops if op.code == RECURRENCE)
    assert [start.slot for start in made.starts] == ([1, 2] if initial == "zero" else [])
    for start in made.starts:
        assert start.op is op
        assert op.inputs[start.slot] is None


def test_a_list_that_is_used_as_such_is_refused() -> None:
    """Read as a list by another op, or handed out."""
    main = graph()
    (stack,) = (op for op in main.ops if op.code == "FlexTensorListStack")
    stack.code = "FlexTensorListLength"
    with pytest.raises(Unrecognised, match=NOT_STACKED):
        rewritten(main)
    other = graph()
    listed = next(op.inputs[0] for op in other.ops if op.code == "FlexTensorListStack")
    assert listed is not None
    other.outputs.append(listed)
    with pytest.raises(Unrecognised, match=NOT_STACKED):
        rewritten(other)


def test_a_counter_after_the_loop() -> None:
    """A constant where the number of steps is known."""
    main = graph(steps=4, trip="constant", counters=1)
    counted = next(t for t in loop(main).outputs if t.dtype == "INT32")
    main.outputs.append(counted)
    _, now = rewritten(main).results[id(counted)]
    assert now.array is not None
    assert int(now.array) == 4


def test_what_stays_in_the_loop_is_what_went_in() -> None:
    """A variable that is only passed on."""
    main, at = graph(), None
    op = loop(main)
    at = next(k for k, t in enumerate(op.inputs) if t is not None and len(t.shape or ()) == 3)
    main.outputs.append(op.outputs[at])
    assert rewritten(main).results[id(op.outputs[at])][1] is op.inputs[at]


def test_a_list_of_another_length_is_refused() -> None:
    """Places that no step fills are not known."""
    main = graph(steps=4, trip="constant")
    (reserve,) = (op for op in main.ops if op.code == "FlexTensorListReserve")
    length = reserve.inputs[1]
    assert length is not None
    longer = Tensor("longer", "INT32", (), (6).to_bytes(4, "little"))
    reserve.inputs[1] = longer
    with pytest.raises(Unrecognised, match="as long as its steps"):
        rewritten(main)
