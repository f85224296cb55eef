"""A loop and its replacement, each cut out as a model of its own with the same interface."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from rnnlite_pipeline.cells.recurrence import RECURRENCE
from rnnlite_pipeline.compare.excerpts import around, excerpt, replaced
from rnnlite_pipeline.graph.build import Builder
from rnnlite_pipeline.graph.ir import OPEN, Model, Op, Subgraph, Tensor
from rnnlite_pipeline.graph.write import write_model
from rnnlite_pipeline.lower import lower
from rnnlite_pipeline.passes.tensor_lists import tensor_lists_to_tensors
from rnnlite_pipeline.recognise import Replacement
from rnnlite_pipeline.runtimes.interpreter import Runner
from rnnlite_pipeline.shapes.extents import Extents
from tests.compare.tempers import proposed
from tests.recognise.author import Author
from tests.recognise.spelling import Spelling
from tests.recognise.strategies import lstm, numbers
from tests.recognise.unrolled_author import Unrolled, Unrolling

Array = np.ndarray[Any, Any]


def loop(**how: Any) -> Replacement:
    """A right replacement of a loop of an LSTM, spelled like this."""
    return proposed(Author([lstm(2)], Spelling(**how)).model())


def steps(count: int = 4) -> Replacement:
    """A right replacement of steps written out."""
    unrolled = Unrolled([lstm(2)], Spelling(), Unrolling(steps=count, emits="last"))
    return proposed(unrolled.model())


def run(model: Model, inputs: dict[str, Array]) -> dict[str, Array]:
    """What an excerpt gives on the reference kernels."""
    model = copy.deepcopy(model)
    reasons: list[str] = []
    tensor_lists_to_tensors(model, reasons)
    lower(model)
    assert not reasons
    return dict(Runner(write_model(model), "reference").run(inputs))


def same(old: Model, new: Model) -> dict[str, Array]:
    """What both compute, of random numbers."""
    inputs = numbers(new, batch=3, steps=3)  # an excerpt may be time-major
    one, two = run(old, inputs), run(new, inputs)
    assert one.keys() == two.keys()
    for name, wanted in one.items():
        np.testing.assert_allclose(two[name], wanted, atol=1e-6)
    return one


@pytest.mark.parametrize("woken", [False, True])
@pytest.mark.parametrize(
    "how",
    [
        {"initial": "input"},
        {"initial": "zero"},
        {"states": "h|c"},
        {"states": "c|h", "batch": 2, "steps": 3, "trip": "constant"},
        {"carried": "first", "unused": True, "write": "last"},
        {"batch_major": True, "read": "backward", "finals": False},
    ],
)
def test_both_parts_have_one_interface_and_compute_the_same(how: Any, woken: bool) -> None:
    """Whatever the loop is like, and from states away from zero as well."""
    both = excerpt(loop(**how), woken)
    names = [f"input_{k}" for k in range(len(both.inputs))]
    for part in (both.old, both.new):
        assert list(part.signatures[0].inputs) == names
        assert len(part.main.inputs) == len(names)
    assert [op.code for op in both.new.ops()].count(RECURRENCE) == 1
    assert "WHILE" not in {op.code for op in both.new.ops()}
    same(both.old, both.new)


def test_states_that_are_woken_are_inputs() -> None:
    """One for each state that starts from zeros, and it tells in the result."""
    replacement = loop(states="h|c", batch=2, steps=3, trip="constant")
    asleep, both = excerpt(replacement), excerpt(replacement, woken=True)
    assert len(both.inputs) == len(asleep.inputs) + 1
    assert both.inputs[-1].shape == (2, 6)
    inputs = numbers(both.new)
    zeros = inputs | {"input_1": np.zeros((2, 6), np.float32)}
    awake, zero = run(both.new, inputs), run(both.new, zeros)
    assert max(np.abs(awake[n] - zero[n]).max() for n in zero) > 1e-3
    for name, wanted in run(asleep.new, {"input_0": inputs["input_0"]}).items():
        np.testing.assert_allclose(zero[name], wanted, atol=1e-6)


def test_states_that_are_inputs_already_are_not_woken() -> None:
    """They are away from zero as it is."""
    replacement = loop(initial="input")
    assert len(excerpt(replacement, True).inputs) == len(excerpt(replacement).inputs)


def test_the_model_is_not_changed() -> None:
    """The excerpts are copies: the loop stands in its model as before."""
    model = Author([lstm(2)], Spelling()).model()
    before = write_model(model)
    both = excerpt(proposed(model), woken=True)
    for part in (both.old, both.new):
        for op in part.ops():
            op.code = "ADD"
    assert write_model(model) == before


def test_steps_written_out_show_every_step() -> None:
    """What each of them puts out is an output of both, though the model reads the last alone."""
    both = excerpt(steps(4))
    found = same(both.old, both.new)
    assert max((a.ndim, a.shape[0]) for a in found.values()) == (3, 4)


def test_what_is_replaced() -> None:
    """A loop and what stacks its lists; or the steps, whatever stands between them."""
    codes = [op.code for op in replaced(loop())]
    assert codes[0] == "WHILE"
    assert any("Stack" in code for code in codes[1:])
    unrolled = steps()
    assert replaced(unrolled) == list(unrolled.replaced)


def test_what_ops_need_of_their_graph() -> None:
    """Shapes and zeros are made again; what is computed is an input, and constants are neither."""
    build, x = Builder("m"), Tensor("x", "FLOAT32", (OPEN, 3))
    doubled = build.binary("MUL", x, build.constant("two", np.array(2, np.float32)))
    zeros = build.fill(build.shape(x), build.constant("zero", np.array(0, np.float32)), (OPEN, 3))
    own = Builder("own")
    inner = own.binary("ADD", doubled, zeros)
    y = own.binary("ADD", inner, own.constant("one", np.array(1, np.float32)))
    main = Subgraph("main", [x], [y], [*build.ops, *own.ops])
    found = around(own.ops, Extents(main))
    assert [op.code for op in found.ops] == ["SHAPE", "FILL", "ADD", "ADD"]
    assert set(found.inputs) == {x, doubled}


def test_ops_that_only_tensorflow_has_are_not_made_again() -> None:
    """Their integers are inputs, as any other computed number is."""
    x, n = Tensor("x", "FLOAT32", (2,)), Tensor("n", "INT32", ())
    foreign = Op("FlexBincount", [x], [n], custom=True)
    own = Builder("own")
    y = own.binary("ADD", n, n)
    found = around(own.ops, Extents(Subgraph("main", [x], [y], [foreign, *own.ops])))
    assert [op.code for op in found.ops] == ["ADD"]
    assert found.inputs == [n]


def test_a_recurrence_that_nothing_reads() -> None:
    """It is in neither part, and its states are not woken."""
    replacement = loop(write="last", finals=False)
    both = excerpt(replace(replacement, results=dict(list(replacement.results.items())[:1])), True)
    same(both.old, both.new)
