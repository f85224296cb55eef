"""Forms over the inputs' steps, computed for the whole sequence at once."""

from __future__ import annotations

import numpy as np
import pytest

from rnnlite_pipeline.algebra import forms
from rnnlite_pipeline.algebra.atoms import Symbol
from rnnlite_pipeline.algebra.forms import Form
from rnnlite_pipeline.cells.equations import evaluate
from rnnlite_pipeline.cells.symbols import After, Before
from rnnlite_pipeline.graph.build import Builder
from rnnlite_pipeline.graph.ir import Model, Op, Signature, Subgraph, Tensor
from rnnlite_pipeline.graph.write import write_model
from rnnlite_pipeline.recognise.loop.loop import STEP, Kept, Loop, Reading, Unrecognised
from rnnlite_pipeline.recognise.loop.sequences import Sequences
from rnnlite_pipeline.recognise.symbolic.values import Item
from rnnlite_pipeline.runtimes.interpreter import Runner
from rnnlite_pipeline.shapes.extents import Extents
from rnnlite_pipeline.shapes.linear import Counter, Linear

STEPS, BATCH = 4, 2
X, HELD, COUNT = Item(0), Kept(1), Counter(2)
x, held, count = forms.symbol(X, 3), forms.symbol(HELD, 3), forms.symbol(COUNT, 1)
GIVEN = {
    "x": np.random.default_rng(0).uniform(0.5, 2.0, (STEPS, BATCH, 3)).astype(np.float32),
    "held": np.random.default_rng(1).normal(size=(BATCH, 3)).astype(np.float32),
}


def made() -> Sequences:
    """The sequences of a loop that reads x, holds a row, and counts 3, 5, 7, ..."""
    tensors = [Tensor(name, "FLOAT32", array.shape) for name, array in GIVEN.items()]
    loop = Loop(Op("WHILE", [*tensors], []), Linear(STEPS))
    loop.readings[X] = Reading(tensors[0], 0, Linear.symbol(STEP))
    loop.counters[2] = Linear.symbol(STEP) * 2 + Linear(3)
    return Sequences(loop, Extents(Subgraph("g", tensors)), Builder("t"))


def run(sequences: Sequences, result: Tensor) -> np.ndarray:
    """The numbers of a sequence."""
    given = [t for t in sequences.loop.op.inputs if t is not None]
    y = Tensor("y", "FLOAT32", result.shape)
    ops = [*sequences.build.ops]
    (maker,) = (op for op in ops if result in op.outputs)
    maker.outputs = [y]
    for op in ops:
        op.inputs = [y if t is result else t for t in op.inputs]
    main = Subgraph("main", given, [y], ops)
    signature = Signature("main", main, {t.name: t for t in given}, {"y": y})
    return Runner(write_model(Model([main], [signature]))).run(GIVEN)["y"]


def step(form: Form, t: int) -> np.ndarray:
    """What a form is in one step."""
    counter = np.full((BATCH, 1), 3.0 + 2 * t)
    return evaluate(form, {X: GIVEN["x"][t], HELD: GIVEN["held"], COUNT: counter})


A = np.random.default_rng(2).normal(size=(3, 2))
MASK = forms.apply("GREATER", x, held)


@pytest.mark.parametrize(
    "form",
    [
        x @ A + forms.constant(np.array([1.0, -1.0])),
        x.scaled(np.array([1.0, 2.0, 3.0])) + held,
        x.columns(1, 3) @ np.ones((2, 2)),
        forms.apply("TANH", x @ A),
        x * held * forms.apply("LOGISTIC", x),
        (x @ np.ones((3, 3))) * held,
        forms.apply("SELECT_V2", MASK, x, held),
        forms.apply("SELECT_V2", x, held, forms.constant(np.zeros(3))),
        forms.apply("MAXIMUM", x, forms.constant(np.ones(3))),
        forms.apply("DIV", held, x),
        count + x.columns(0, 1),
        forms.apply("LOG", x),
    ],
)
def test_each_step_is_what_the_form_gives(form: Form) -> None:
    """Maps, functions, products, choices, what a loop holds and what it counts."""
    sequences = made()
    found = run(sequences, sequences.of(form))
    expected = np.stack([step(form, t) for t in range(STEPS)])
    np.testing.assert_allclose(found, np.broadcast_to(expected, found.shape), rtol=1e-5, atol=1e-6)


def test_forms_side_by_side() -> None:
    """Along the features; one alone needs no op more."""
    sequences = made()
    found = run(sequences, sequences.joined([x, forms.apply("TANH", x)]))
    np.testing.assert_allclose(found, np.concatenate([GIVEN["x"], np.tanh(GIVEN["x"])], 2), 1e-5)
    alone = made()
    assert alone.joined([x]) is alone.loop.op.inputs[0]


def test_an_atom_is_computed_once() -> None:
    """Two forms over one function share its op."""
    sequences, tanh = made(), forms.apply("TANH", x)
    sequences.of(tanh @ A)
    sequences.of(tanh + held)
    assert [op.code for op in sequences.build.ops].count("TANH") == 1


@pytest.mark.parametrize("given", [True, False])
def test_a_state_before_each_step(given: bool) -> None:
    """Its first value, or zero, and then what it is after the step before."""
    sequences = made()
    before, after = Symbol(Before(3), 0, 3), Symbol(After(3), 0, 3)
    y = sequences.of(forms.apply("TANH", x))
    sequences.define(after, y)
    first = sequences.loop.op.inputs[1] if given else None
    sequences.define_before(before, after, first)
    found = run(sequences, sequences.of_symbol(before))
    start = GIVEN["held"] if given else np.zeros((BATCH, 3))
    np.testing.assert_allclose(found, [start, *np.tanh(GIVEN["x"])[:-1]], rtol=1e-5)
    assert sequences.from_zero == (set() if given else {before.key})


@pytest.mark.parametrize(
    ("form", "why"),
    [
        (forms.constant(np.ones(2)), "the same in every step"),
        (forms.symbol(After(3), 2), "the cell state of each step is used"),
        (forms.symbol(Before(3), 2), "from before the step"),
        (forms.apply("SOFTMAX", x, options=(("beta", 1.0),)), "softmax between two layers"),
        (
            forms.apply("SELECT_V2", forms.apply("LOGICAL_AND", MASK, MASK), x, held),
            "logical_and between two layers",
        ),
    ],
)
def test_what_is_no_sequence(form: Form, why: str) -> None:
    """A constant, states that are not given for each step, and functions without an op here."""
    with pytest.raises(Unrecognised, match=why):
        made().of(form)


def test_a_counter_that_starts_at_run_time_is_refused() -> None:
    """Its numbers are not known."""
    sequences = made()
    sequences.loop.counters[2] = Linear.symbol("n")
    with pytest.raises(Unrecognised, match="starts at run time"):
        sequences.of(count)
