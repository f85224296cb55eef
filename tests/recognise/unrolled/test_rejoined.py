"""States joined behind each step and cut apart in the next one are carried apart."""

from __future__ import annotations

import numpy as np
import pytest

from rnnlite_pipeline.cells.recurrence import RECURRENCE, Recurrence
from rnnlite_pipeline.graph.build import Builder, make_op
from rnnlite_pipeline.graph.ir import OPEN, Model, Signature, Subgraph, Tensor
from rnnlite_pipeline.graph.write import write_model
from rnnlite_pipeline.recognise.unrolled import roll_up
from rnnlite_pipeline.recognise.unrolled.rejoined import cut_joins
from rnnlite_pipeline.runtimes.interpreter import Runner
from tests.recognise.spelling import Spelling, Step
from tests.recognise.strategies import lstm

CELL = lstm(0, units=3, features=2)
STEPS = 5


def joined_states() -> Model:
    """An LSTM written out whose h and c are one tensor, which comes in and goes out."""
    build = Builder("model/lstm")
    x = Tensor("x", "FLOAT32", (OPEN, STEPS, 2))
    initial = Tensor("states", "FLOAT32", (OPEN, 6))
    both, steps = initial, build.unpack(x, 1)
    for value in steps:
        states = Step(build, Spelling()).write(CELL, value, build.split(both, 2, 1))
        both = build.concatenate(states, 1)
    main = Subgraph("main", [x, initial], [both], build.ops)
    return Model([main], [Signature("run", main, {"x": x, "states": initial}, {"new": both})])


def test_states_in_one_tensor_are_a_recurrence() -> None:
    """All steps become one recurrence that gives the cell's numbers."""
    model = joined_states()
    found = roll_up(model, model.main, lambda _: None)
    assert [type(each) for each in found.values()] == [Recurrence]
    assert sum(op.code == RECURRENCE for op in model.main.ops) == 1
    assert sum(op.code == "CONCATENATION" for op in model.main.ops) == 1


def test_the_numbers_stay() -> None:
    """A graph whose joins are cut computes what it computed before, bit by bit."""
    rng = np.random.default_rng(0)
    arrays = {
        "x": rng.normal(size=(2, STEPS, 2)).astype(np.float32),
        "states": rng.normal(size=(2, 6)).astype(np.float32),
    }
    model = joined_states()
    before = Runner(write_model(model), "reference").run(arrays)
    assert cut_joins(model.main)
    after = Runner(write_model(model), "reference").run(arrays)
    np.testing.assert_array_equal(before["new"], after["new"])


@pytest.mark.parametrize("case", ["other widths", "other axis", "activation"])
def test_what_is_not_cut_at_the_joint_stays(case: str) -> None:
    """Parts of other widths, along another axis or behind an activation are no operands."""
    build = Builder("test")
    a, b = (Tensor(n, "FLOAT32", (4, w)) for n, w in zip("ab", (2, 4), strict=True))
    if case != "other widths":
        b = Tensor("b", "FLOAT32", (4, 2))
    both = build.concatenate([a, b], 1)
    if case == "activation":
        build.ops[-1].options["fused_activation_function"] = "RELU"
    parts = build.split(both, 2, 0 if case == "other axis" else 1)
    y = build.binary("SUB", *parts)
    main = Subgraph("main", [a, b], [y], build.ops)
    assert not cut_joins(main)
    assert build.ops[-1].inputs == parts


def test_split_v_cuts_at_any_width() -> None:
    """Parts as wide as the operands are the operands, however wide each one is."""
    build = Builder("test")
    a, b = (Tensor(n, "FLOAT32", (4, w)) for n, w in zip("ab", (2, 3), strict=True))
    both = build.concatenate([a, b], -1)
    parts = [build.tensor("part", "FLOAT32", (4, w)) for w in (2, 3)]
    sizes, axis = build.indices([2, 3]), build.indices(1)
    build.ops.append(make_op("SPLIT_V", [both, sizes, axis], parts, num_splits=2))
    y = build.unary("TANH", parts[1])
    assert cut_joins(Subgraph("main", [a, b], [y], build.ops))
    assert build.ops[-1].inputs == [b]
