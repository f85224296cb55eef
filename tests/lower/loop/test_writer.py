"""A loop says exactly what the recurrence says, for every cell, length and batch."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any
from unittest import mock

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rnnlite_pipeline.cells.cell import Cell
from rnnlite_pipeline.cells.recurrence import RECURRENCE, Recurrence
from rnnlite_pipeline.graph.ir import OPEN, Model, Op, Subgraph, Tensor
from rnnlite_pipeline.graph.write import write_model
from rnnlite_pipeline.lower import lower, lowering
from rnnlite_pipeline.lower.by_targets import has_op
from rnnlite_pipeline.lower.loop import levels, turns, writer
from rnnlite_pipeline.runtimes.interpreter import Runner
from tests.lower.cases import KERNELS, Case, Initial, histogram, random_lstm, random_rnn
from tests.lower.loop_cases import gru, hard_lstm, masked

INITIAL: tuple[Initial, ...] = ("none", "zeros", "row", "batch", "input", "computed")


@st.composite
def named_cells(draw: st.DrawFn) -> Cell:
    """An LSTM or a simple RNN, also such as no fused op computes."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    features, units = draw(st.integers(1, 5)), draw(st.integers(1, 20))
    if draw(st.booleans()):
        activation = draw(st.sampled_from(["TANH", "RELU6", "RELU_N1_TO_1", "NONE", "SIGMOID"]))
        return random_rnn(rng, features, units, activation)
    outputs = draw(st.none() | st.integers(1, 20))
    attributes: dict[str, Any] = {
        "coupled": draw(st.booleans()),
        "peephole": draw(st.booleans()),
        # Over few units the variance may vanish, and float32 cannot follow.
        "layer_norm": units > 4 and draw(st.booleans()),
        "projection_bias": draw(st.booleans()),
        "activation": draw(st.sampled_from(["TANH", "RELU6", "SIGMOID", "RELU_N1_TO_1"])),
        "cell_clip": draw(st.sampled_from([0.0, 0.3])),
        "projection_clip": draw(st.sampled_from([0.0, 0.2])) if outputs else 0.0,
    }
    return random_lstm(rng, features, units, outputs=outputs, **attributes)


@st.composite
def cells(draw: st.DrawFn) -> Cell:
    """Any cell, masked or not."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    features, units = draw(st.integers(1, 5)), draw(st.integers(1, 20))
    cell: Cell = draw(
        st.one_of(
            named_cells(),
            st.just(gru(rng, features, units, reset_after=draw(st.booleans()))),
            st.just(hard_lstm(rng, features, units)),
        )
    )
    return masked(cell, as_condition=draw(st.booleans())) if draw(st.booleans()) else cell


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Any cell in any surrounding."""
    return Case(
        (draw(cells()),),
        reverse=draw(st.booleans()),
        time_major=draw(st.booleans()),
        batch=draw(st.sampled_from([1, 3])),
        steps=draw(st.sampled_from([1, 2, 3, 6, 7])),
        open_batch=draw(st.booleans()),
        open_steps=draw(st.booleans()),
        initial=tuple(draw(st.lists(st.sampled_from(INITIAL), max_size=2))),
        outputs=draw(st.sampled_from(["all", "y", "finals", "cell"])),
        sized_late=draw(st.booleans()),
        seed=draw(st.integers(0, 2**32 - 1)),
    )


def lowered(case: Case) -> Model:
    """The case's graph with loops."""
    model = case.model()
    lower(model, "loop")
    return model


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(cases(), st.sampled_from([2, 3]), st.booleans())
def test_loop_computes_the_recurrence(case: Case, block: int, large: bool) -> None:
    """Outputs and final states are those of `Recurrence.run`; call two equals call one."""
    _check_in_blocks(case, block, large=large)


@pytest.mark.slow
@settings(max_examples=1500, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(cases(), st.sampled_from([2, 3]), st.booleans())
def test_loop_computes_the_recurrence_at_length(case: Case, block: int, large: bool) -> None:
    """The same as above, over many more recurrences."""
    _check_in_blocks(case, block, large=large)


@settings(max_examples=40, deadline=None)
@given(named_cells())
def test_equations_are_the_cell(cell: Cell) -> None:
    """A cell by its equations computes what the cell computes, in float64."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(4, cell.features))
    states = [rng.normal(size=(4, width)) for width in cell.states]
    for got, want in zip(cell.equations().step(x, states), cell.step(x, states), strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-9, atol=1e-9)


LONG: dict[str, Callable[[np.random.Generator], Cell]] = {
    "GRU": lambda rng: gru(rng, 3, 5),
    "GRU reset before": lambda rng: gru(rng, 3, 5, reset_after=False),
    "masked GRU": lambda rng: masked(gru(rng, 3, 5)),
    "hard sigmoid LSTM": lambda rng: hard_lstm(rng, 3, 5),
    "masked LSTM": lambda rng: masked(random_lstm(rng, 3, 5)),
    "peephole LSTM": lambda rng: random_lstm(rng, 3, 5, peephole=True, cell_clip=1.0),
    "normalized LSTM": lambda rng: random_lstm(rng, 3, 8, layer_norm=True, outputs=5),
    "simple RNN": lambda rng: random_rnn(rng, 3, 5),
}


@pytest.mark.parametrize("steps", [1, 7, 50, 333])
@pytest.mark.parametrize("name", LONG)
def test_every_length(name: str, steps: int) -> None:
    """The last block may be short; each step is in its place, forward and in reverse."""
    cell = LONG[name](np.random.default_rng(0))
    for reverse in (False, True):
        case = Case((cell,), reverse=reverse, steps=steps, open_steps=not reverse)
        case.check(lowered(case))


@pytest.mark.parametrize("steps", [328, 333])
@pytest.mark.parametrize("name", LONG)
def test_products_of_x_block_by_block(name: str, steps: int) -> None:
    """Each step reads its own row, also in a last block that is short, and in reverse."""
    cell = LONG[name](np.random.default_rng(0))
    for reverse in (False, True):
        case = Case((cell,), reverse=reverse, steps=steps, open_steps=False, outputs="y")
        model = _by_block(case)
        (whole,) = (op for op in model.main.ops if op.code == "WHILE")
        body = Counter(op.code for op in whole.options["body_subgraph"].ops)
        assert min(body["FULLY_CONNECTED"], body["GATHER"]) > 0
        case.check(model)


def test_long_sequences_alone_are_computed_block_by_block() -> None:
    """Where the products of x take more than half a megabyte, the main graph has none."""
    cell = random_lstm(np.random.default_rng(0), 3, 32)
    for steps, products in ((900, 1), (1100, 0)):
        model = lowered(Case((cell,), steps=steps, open_steps=False, outputs="y"))
        assert Counter(op.code for op in model.main.ops)["FULLY_CONNECTED"] == products


def test_one_model_for_every_length() -> None:
    """With an open length one interpreter runs short and long sequences by turns."""
    cell = gru(np.random.default_rng(0), 3, 5)
    case = Case((cell,), outputs="y")
    runner = Runner(write_model(lowered(case)), "default")
    for steps in (120, 1, 50, 333, 51):
        x = np.random.default_rng(steps).normal(size=(steps, 2, 3)).astype(np.float32)
        (y,) = runner.run({"x": x}).values()
        np.testing.assert_allclose(y, case.recurrences[0].run(x)[0], atol=1e-5)


@pytest.mark.parametrize("reverse", [False, True])
def test_an_empty_sequence_changes_no_state(reverse: bool) -> None:
    """No step: no outputs, and the final state is the initial one, between other lengths."""
    cell = gru(np.random.default_rng(0), 3, 5)
    case = Case((cell,), reverse=reverse, time_major=False, initial=("input",))
    model = lowered(case)
    for kernels in KERNELS:
        runner = Runner(write_model(model), kernels)
        for steps in (4, 0, 50, 0):
            rng = np.random.default_rng(steps)
            x, h = (rng.normal(size=s).astype(np.float32) for s in ((2, steps, 3), (2, 5)))
            got = runner.run({"x": x, "initial0": h}).values()
            for one, want in zip(got, case.recurrences[0].run(x, [h]), strict=True):
                np.testing.assert_allclose(one, want, atol=1e-5)


def test_products_are_joined_and_hoisted() -> None:
    """One product over the sequence, one a step for each state: LSTM, and GRU reset after."""
    rng = np.random.default_rng(0)
    for cell in (random_lstm(rng, 3, 8, peephole=True), gru(rng, 3, 8), random_rnn(rng, 3, 8)):
        model = lowered(Case((cell,), outputs="y"))
        outside = [op for op in model.main.ops if op.code == "FULLY_CONNECTED"]
        inside = [op for op in _step(model).ops if op.code == "FULLY_CONNECTED"]
        assert (len(outside), len(inside)) == (1, 1)
        assert Counter(op.code for op in _step(model).ops)["GATHER"] == 1


def test_the_steps_of_a_turn_share_their_weights() -> None:
    """Four steps a turn read one kernel, put their outputs in place at once, and agree."""
    rng = np.random.default_rng(0)
    case = Case((random_lstm(rng, 3, 8),), outputs="y", steps=12, open_steps=False)
    model = lowered(case)
    products = [op for op in _step(model).ops if op.code == "FULLY_CONNECTED"]
    assert len(products) == turns.MOST
    assert len({op.inputs[1] for op in products}) == 1
    found = Counter(op.code for op in _step(model).ops)
    assert (found["GATHER"], found["DYNAMIC_UPDATE_SLICE"]) == (1, 1)
    case.check(model)


@pytest.mark.parametrize("steps", [8, 9, 10, 11, 333])
@pytest.mark.parametrize("time_major", [True, False])
def test_the_last_turn_may_run_past_the_end(steps: int, time_major: bool) -> None:
    """A length that is no multiple of a turn: every output is there, and no more."""
    cell = masked(gru(np.random.default_rng(0), 3, 5))
    case = Case((cell,), outputs="y", steps=steps, open_steps=False, time_major=time_major)
    model = lowered(case)
    assert Counter(op.code for op in _step(model).ops)["UNPACK"] > 0
    case.check(model)


def test_a_few_steps_of_an_open_length_are_one_loop() -> None:
    """A model that is called a step at a time computes no step that nobody wants.

    The loops for most steps of a long sequence, several steps a turn, are inside of an IF.
    """
    cell = gru(np.random.default_rng(0), 3, 5)
    model = lowered(Case((cell,), outputs="y", steps=9, open_steps=True))
    assert "UNPACK" not in {op.code for op in _step(model).ops}
    (most,) = [op for op in model.main.ops if op.code == "IF"]
    assert not most.options["else_subgraph"].ops
    assert histogram(model)["WHILE"] == 4


@pytest.mark.parametrize("branches", [True, False])
@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("time_major", [False, True])
def test_every_length_around_a_multiple_of_most_steps(
    time_major: bool, reverse: bool, branches: bool
) -> None:
    """All outputs and the final state are those of the cell, for calls that grow and shrink."""
    cell = masked(gru(np.random.default_rng(0), 3, 5))
    case = Case((cell,), reverse=reverse, time_major=time_major, initial=("input",))
    has = has_op(())
    without = mock.Mock(return_value=lambda code: has(code) and (branches or code != "IF"))
    with mock.patch.object(lowering, "has_op", without):
        model = lowered(case)
    assert histogram(model)["IF"] == branches
    data = write_model(model)
    rng = np.random.default_rng(1)
    for kernels in KERNELS:
        runner = Runner(data, kernels)
        for steps in (1, 33, 31, 32, 2, 64, 100, 63, 65, 5):
            shape = case.sizes(2, steps, cell.features)
            x, h = (rng.normal(size=s).astype(np.float32) for s in (shape, (2, 5)))
            got = runner.run({"x": x, "initial0": h}).values()
            for one, want in zip(got, case.recurrences[0].run(x, [h]), strict=True):
                np.testing.assert_allclose(one, want, atol=1e-5)


@pytest.mark.parametrize(
    ("steps", "weights", "past_the_end", "found"),
    [
        (100, 64_000, True, 4),
        (100, 64_000, False, 4),
        (99, 64_000, True, 4),
        (99, 64_000, False, 3),
        (97, 64_000, False, 1),
        (100, 256_000, True, 2),
        (100, 600_000, True, 1),
        (3, 100, True, 1),
        (2, 100, False, 1),
    ],
)
def test_steps_of_a_turn(steps: int, weights: int, past_the_end: bool, found: int) -> None:
    """As many as fit into the cache, four at most; a divisor of the length where states count."""
    assert turns.steps_a_turn(steps, weights, past_the_end=past_the_end) == found


def test_gates_are_parted_once() -> None:
    """An LSTM's step is 14 ops, its count included: one product and one SPLIT for four gates."""
    step = _step(lowered(Case((random_lstm(np.random.default_rng(0), 3, 8),), outputs="finals")))
    assert Counter(op.code for op in step.ops) == {
        "GATHER": 1,
        "FULLY_CONNECTED": 1,
        "SPLIT": 1,
        "LOGISTIC": 3,
        "TANH": 2,
        "MUL": 3,
        "ADD": 3,
    }


def test_what_x_alone_decides_is_outside() -> None:
    """A mask is compared for the whole sequence at once; the step only selects."""
    model = lowered(Case((masked(gru(np.random.default_rng(0), 3, 8)),), outputs="y"))
    assert "NOT_EQUAL" in {op.code for op in model.main.ops}
    assert "NOT_EQUAL" not in {op.code for op in _step(model).ops}


def test_final_states_alone_carry_no_output() -> None:
    """Where no output is used, none is kept: one loop, and nothing is put in place."""
    found = histogram(lowered(Case((gru(np.random.default_rng(0), 3, 8),), outputs="finals")))
    assert (found["WHILE"], found["DYNAMIC_UPDATE_SLICE"]) == (1, 0)


@pytest.mark.parametrize(("steps", "loops"), [(160, 1), (164, 2), (2000, 2), (10_000, 3)])
def test_loops_are_as_many_as_the_length_needs(steps: int, loops: int) -> None:
    """Up to 40 turns of 4 steps there is one loop, up to 40 blocks there are two, and so on."""
    case = Case((gru(np.random.default_rng(0), 3, 8),), outputs="y", steps=steps, open_steps=False)
    assert histogram(lowered(case))["WHILE"] == loops


@pytest.mark.parametrize("open_steps", [False, True])
def test_time_grows_as_the_length_does(open_steps: bool) -> None:
    """What is copied for an output does not grow with the length: about 80 rows at 10,000."""
    rng = np.random.default_rng(0)
    case = Case((gru(rng, 3, 8),), outputs="y", steps=10_000, open_steps=open_steps)
    runner = Runner(write_model(lowered(case)), "default")
    x = rng.normal(size=(10_000, 1, 3)).astype(np.float32)
    (y,) = runner.run({"x": x}).values()
    np.testing.assert_allclose(y, case.recurrences[0].run(x)[0], atol=1e-5)


@pytest.mark.parametrize("time_major", [True, False])
@pytest.mark.parametrize("reverse", [True, False])
def test_layout_and_direction_cost_nothing(time_major: bool, reverse: bool) -> None:
    """Nothing is transposed or reversed: the loop counts the other way, along the other axis."""
    cell = gru(np.random.default_rng(0), 3, 8)
    found = histogram(lowered(Case((cell,), time_major=time_major, reverse=reverse)))
    assert not found.keys() & {"TRANSPOSE", "REVERSE_V2"}


def test_both_directions_of_a_small_pair_become_one_loop() -> None:
    """A pair that no fused op computes is one loop, with the states of both."""
    rng = np.random.default_rng(0)
    pair = (random_lstm(rng, 3, 4, activation="NONE"), random_lstm(rng, 3, 4, activation="NONE"))
    case = Case(pair, initial=("input", "none", "row", "input"))
    model = case.model()
    assert [(x.name, x.form) for x in lower(model)] == [("layer0", "joined"), ("layer1", "joined")]
    case.check(model)


def test_loops_and_fused_ops_in_one_model() -> None:
    """A GRU, an LSTM in reverse and a GRU, one on top of the other, at every batch and length."""
    rng = np.random.default_rng(1)
    layers = [
        Recurrence("a", gru(rng, 3, 17)),
        Recurrence("b", random_lstm(rng, 17, 9), reverse=True),
        Recurrence("c", gru(rng, 9, 5)),
    ]
    x = value = Tensor("x", "FLOAT32", (OPEN, OPEN, 3))
    ops, results = [], []
    for layer in layers:
        widths = layer.cell.states
        y = Tensor(f"y{layer.name}", "FLOAT32", (OPEN, OPEN, widths[0]))
        finals = [Tensor(f"f{layer.name}{k}", "FLOAT32", (OPEN, w)) for k, w in enumerate(widths)]
        ops.append(Op(RECURRENCE, [value], [y, *finals], {"recurrence": layer}))
        results += [y, finals[-1]]
        value = y
    model = Model([Subgraph("main", [x], results, ops)])
    assert [each.form for each in lower(model)] == ["loop", "fused", "loop"]
    for kernels in KERNELS:
        runner = Runner(write_model(model), kernels)
        for steps, batch in ((6, 1), (6, 5), (45, 2), (1, 9)):
            fed = rng.normal(size=(steps, batch, 3)).astype(np.float32)
            got, sequence = runner.run({"x": fed}), fed
            for layer in layers:
                sequence, *_, last = layer.run(sequence)
                np.testing.assert_allclose(got[f"y{layer.name}"], sequence, atol=1e-4)
                final = got[f"f{layer.name}{len(layer.cell.states) - 1}"]
                np.testing.assert_allclose(final, last, atol=1e-4)


def _step(model: Model) -> Subgraph:
    """The body of the innermost loop."""
    found: list[Op] = [op for op in model.main.ops if op.code == "WHILE"]
    while found:
        body: Subgraph = found[0].options["body_subgraph"]
        found = [op for op in body.ops if op.code == "WHILE"]
    return body


def _check_in_blocks(case: Case, block: int, *, large: bool) -> None:
    """Checks a case, in blocks so short that its few steps make several.

    Over many steps a random cell may be chaotic, and float32 cannot follow.
    """
    with mock.patch.object(levels, "BLOCK", block):
        model = _by_block(case) if large else lowered(case)
    case.check(model)


def _by_block(case: Case) -> Model:
    """The case's graph, its products of x computed block by block where the length is known."""
    with mock.patch.object(writer, "LARGE", 0):
        return lowered(case)
