"""The four policies, from a graph with a recurrence to what an application sees."""

from __future__ import annotations

import numpy as np
import pytest

from rnnlite_pipeline.cells.cell import Cell
from rnnlite_pipeline.cells.recurrence import BIDIRECTIONAL, Recurrence
from rnnlite_pipeline.errors import NotConvertible
from rnnlite_pipeline.graph.ir import OPEN, Model, Op, Subgraph, Tensor
from rnnlite_pipeline.runtimes.interpreter import Kernels
from rnnlite_pipeline.state import Keeping, described
from tests.lower.cases import random_lstm, random_rnn
from tests.state.graphs import BATCH, FEATURES, converted, graph, in_pieces, opened, sequence

LSTM = random_lstm(np.random.default_rng(0), FEATURES, 5)
PROJECTED = random_lstm(np.random.default_rng(1), FEATURES, 5, outputs=4, peephole=True)
RNN = random_rnn(np.random.default_rng(2), FEATURES, 4)
CELLS = {"lstm": LSTM, "projected": PROJECTED, "rnn": RNN}


def _constants(cell: Cell) -> list[Tensor | None]:
    """Initial states away from zero, one row for every batch entry."""
    rng = np.random.default_rng(3)
    rows = [rng.normal(size=(1, width)).astype(np.float32) for width in cell.states]
    return [Tensor.constant(f"initial_{k}", row) for k, row in enumerate(rows)]


@pytest.mark.parametrize("kernels", ["reference", "default", "no_delegate"])
@pytest.mark.parametrize("policy", ["persist", "explicit"])
@pytest.mark.parametrize("cell", CELLS.values(), ids=CELLS)
def test_pieces_equal_the_whole_to_the_last_bit(cell: Cell, policy: str, kernels: Kernels) -> None:
    """From a state that is not zero, any pieces give what the recurrence gives at once."""
    initial, x = _constants(cell), sequence()
    model = opened(converted(graph(cell, initial=initial), policy), kernels)
    whole = model.run({"x": x})["y"]
    rows = [np.repeat(t.array, BATCH, axis=0) for t in initial if t and t.array is not None]
    expected, *_ = Recurrence("keeper", cell, time_major=False).run(x, rows)
    np.testing.assert_allclose(whole, expected, atol=1e-6)
    for lengths in ((1,) * 7, (4, 3), (1, 4, 2)):
        np.testing.assert_array_equal(in_pieces(model, x, lengths), whole)


@pytest.mark.parametrize("policy", ["persist", "explicit"])
def test_a_call_goes_on_where_the_last_one_ended_and_a_reset_starts_anew(policy: str) -> None:
    """Call, call, reset, call: the second differs from the first, the third equals it."""
    model, feed = opened(converted(graph(LSTM), policy)), {"x": sequence()}
    first, second, third = model.run(feed)["y"], model.resume(feed)["y"], model.run(feed)["y"]
    assert np.abs(first - second).max() > 1e-3
    np.testing.assert_array_equal(first, third)


@pytest.mark.parametrize("policy", ["source", "reset"])
def test_without_states_of_the_source_every_call_starts_anew(policy: str) -> None:
    """The model then has neither variables nor inputs for states, and says nothing of them."""
    model = converted(graph(LSTM), policy)
    assert "VAR_HANDLE" not in {op.code for op in model.ops()}
    assert [len(model.main.inputs), len(model.main.outputs)] == [1, 1]
    assert not model.metadata
    runs, feed = opened(model), {"x": sequence()}
    np.testing.assert_array_equal(runs.run(feed)["y"], runs.resume(feed)["y"])


@pytest.mark.parametrize(("cell", "names"), [(LSTM, ["h", "c"]), (RNN, ["h"])])
def test_explicit_states_stand_behind_the_own_inputs_and_outputs(
    cell: Cell, names: list[str]
) -> None:
    """They are named after layer and state, in the signature and as tensors, batch open."""
    model = converted(graph(cell, batch=OPEN), "explicit")
    (signature,) = model.signatures
    for side, own, end in (("inputs", "x", "in"), ("outputs", "y", "out")):
        expected = [own, *(f"keeper/{name}_{end}" for name in names)]
        assert list(getattr(signature, side)) == expected
        assert [t.name for t in getattr(model.main, side)] == expected
    x = sequence(batch=3)
    runs = opened(model)
    np.testing.assert_array_equal(in_pieces(runs, x, (3, 4)), runs.run({"x": x})["y"])


def test_a_model_says_what_its_states_are() -> None:
    """Its metadata has the policy, each state's first value, and the axis of time."""
    initial = _constants(LSTM)
    said = described(converted(graph(LSTM, initial=initial), "explicit"))
    assert (said.policy, [s.name for s in said.states]) == ("explicit", ["keeper/h", "keeper/c"])
    assert said.time == {"x": 1}
    for state, tensor in zip(said.states, initial, strict=True):
        assert tensor is not None
        assert tensor.array is not None
        np.testing.assert_array_equal(state.initial, np.repeat(tensor.array, BATCH, axis=0))


def test_a_state_that_the_model_computes_is_none_between_calls() -> None:
    """A decoder that starts from its encoder starts there at every call."""
    given = Tensor("given", "FLOAT32", (BATCH, 4))
    model = graph(RNN, initial=[given])
    model.main.inputs.append(given)
    model.signatures[0].inputs["given"] = given
    assert not described(converted(model, "persist")).states


@pytest.mark.parametrize("policy", ["persist", "explicit"])
def test_what_runs_backwards_cannot_go_on(policy: str) -> None:
    """A backward layer, alone or with a partner, is refused by its name."""
    with pytest.raises(NotConvertible, match='"keeper" runs backwards'):
        converted(graph(RNN, reverse=True), policy)
    with pytest.raises(NotConvertible, match='"keeper" runs backwards'):
        converted(_bidirectional(), policy)


def _bidirectional() -> Model:
    model = graph(RNN)
    (op,) = model.main.ops
    forward = op.options["recurrence"]
    backward = Recurrence("backward", RNN, reverse=True, time_major=False)
    outputs = [Tensor(f"b{k}", "FLOAT32", t.shape) for k, t in enumerate(op.outputs)]
    options = {"forward": forward, "backward": backward}
    model.main.ops = [Op(BIDIRECTIONAL, op.inputs, [*op.outputs, *outputs], options)]
    return model


def test_a_kept_state_needs_a_fixed_batch() -> None:
    """Persist with an open batch says what to pin, or to choose instead."""
    with pytest.raises(NotConvertible, match=r"open(.|\n)*source\.inputs(.|\n)*explicit"):
        converted(graph(LSTM, batch=OPEN), "persist")


def test_a_loop_that_was_not_read_is_refused_by_name() -> None:
    """Its states are not known, so that they can be neither kept nor handed out."""
    model = graph(RNN)
    count = Tensor("odd/while", "INT32", ())
    start = Tensor.constant("start", np.zeros((), np.int32))
    inner = [Subgraph(name, [count], [count]) for name in ("cond", "body")]
    options = dict(zip(("cond_subgraph", "body_subgraph"), inner, strict=True))
    model.main.ops.append(Op("WHILE", [start], [count], options, "WhileOptions"))
    states = Keeping("explicit")
    states.lift(model)
    with pytest.raises(NotConvertible, match='"odd/while" was not read'):
        states.expose(model)
