"""States that the source's caller carries: found by the data flow, kept by the model."""

from __future__ import annotations

import copy

import numpy as np
import pytest

from rnnlite_pipeline.cells.recurrence import RECURRENCE
from rnnlite_pipeline.errors import NotConvertible
from rnnlite_pipeline.graph.build import Builder
from rnnlite_pipeline.graph.ir import Tensor
from rnnlite_pipeline.state import Keeping, described
from rnnlite_pipeline.state.carried import carried
from rnnlite_pipeline.verify.carried import fed_by_hand
from tests.state.graphs import converted, opened
from tests.state.packings import (
    FEATURES,
    assert_as_fed_by_hand,
    feeds,
    keys_of,
    packed_at_random,
    source_of,
    stack,
    two_layers,
)


@pytest.mark.parametrize("seed", range(24))
def test_any_packing_is_kept_as_the_caller_keeps_it(seed: int) -> None:
    """Every state is found whatever the packing, and a call goes on where the last one ended."""
    source = packed_at_random(seed)
    model = converted(copy.deepcopy(source), "persist")
    states = sum(len(op.inputs) - 1 for op in source.main.ops if op.code == RECURRENCE)
    said = described(model)
    assert len(said.states) == states
    assert sorted(n for pair in said.carried for n in pair.states) == sorted(
        state.name for state in said.states
    )
    assert list(model.signatures[0].inputs) == ["x"]
    assert_as_fed_by_hand(source, model)


@pytest.mark.parametrize("setting", ["source", "explicit"])
def test_a_caller_may_go_on_to_carry_them(setting: str) -> None:
    """The inputs and outputs stay as they are, and the model says nothing of them."""
    source = packed_at_random(0)
    model = converted(copy.deepcopy(source), setting)
    assert list(model.signatures[0].inputs) == list(source.signatures[0].inputs)
    assert list(model.signatures[0].outputs) == list(source.signatures[0].outputs)
    assert not model.metadata


def test_an_output_in_another_order_is_no_partner() -> None:
    """The states stay the caller's, and it is said why; names would have made a pair of them."""
    packed = two_layers()
    keys = keys_of(packed)
    packed.side_by_side(keys, after=keys[::-1])
    model, states = packed.model(), Keeping("persist")
    states.expose(model)
    assert not states.states
    assert any("no output gives the state" in each for each in states.said)
    assert any("no state that could be kept" in each for each in states.said)
    assert list(model.signatures[0].inputs) == ["x", "in_row"]


def test_two_outputs_of_the_same_states_are_refused() -> None:
    """Nothing says which one belongs to the input."""
    packed = two_layers()
    keys = keys_of(packed)
    packed.side_by_side(keys)
    again = packed.packing.concatenate([packed.states[key][1] for key in keys], 1)
    packed.results["again"] = again
    with pytest.raises(
        NotConvertible, match='"in_row" holds states, and the outputs "out_0" and "again"'
    ):
        carried(packed.model())


def test_one_input_for_two_layers_is_refused_or_kept_whole() -> None:
    """Two outputs for one input are refused; with one of them, the input is kept as it is."""
    packed = two_layers()
    first, second = [key for key in keys_of(packed) if key[1] == "h"]
    for key in [*keys_of(packed)]:
        if key not in (first, second):
            packed.alone(key)
    packed.alone(first)
    packed.body[1].inputs[1] = packed.states[first][0]
    source = packed.model()
    model = converted(copy.deepcopy(source), "persist")
    assert "in_0_h" in {state.name for state in described(model).states}
    assert_as_fed_by_hand(source, model)
    after = packed.packing.reshape(packed.states[second][1], (1, 1, 4))
    packed.results["other"] = after
    with pytest.raises(NotConvertible, match="the same ones"):
        carried(packed.model())


def test_an_input_that_is_read_elsewhere_is_kept_whole() -> None:
    """A decoder that attends with its state of before reads the same variable."""
    packed = two_layers()
    packed.side_by_side(keys_of(packed))
    given = packed.given["in_row"]
    total = packed.packing.part(packed.packing.unary("TANH", given), 1, 0, 4)
    packed.y = packed.packing.binary("ADD", packed.y, total)
    packed.y.name = "y"
    source = packed.model()
    model = converted(copy.deepcopy(source), "persist")
    assert [state.name for state in described(model).states] == ["in_row"]
    assert_as_fed_by_hand(source, model)
    zeros = converted(copy.deepcopy(source), "reset")
    by_hand, runs = fed_by_hand(source_of(source), described(zeros)), opened(zeros)
    for feed in feeds(source):
        np.testing.assert_allclose(runs.resume(feed)["y"], by_hand.run(feed)["y"], atol=1e-6)


def test_a_state_that_is_computed_from_an_input_is_none_between_calls() -> None:
    """A product on the way to the state ends the search; the input stays."""
    packed = two_layers()
    keys = keys_of(packed)
    packed.side_by_side(keys)
    op = next(op for op in packed.unpacking.ops if op.outputs[0] is packed.states[keys[0]][0])
    build = Builder("negated")
    negated = build.unary("NEG", op.outputs[0])
    op.outputs, build.ops[0].inputs = [negated], [negated]
    build.ops[0].outputs = [packed.states[keys[0]][0]]
    packed.unpacking.ops += build.ops
    assert not carried(packed.model()).pairs


def test_an_input_of_a_step_in_the_shape_of_its_state_is_refused() -> None:
    """tanh(W x + U h) is the same with x and h changed about: either may be the state."""
    packed = stack(np.random.default_rng(0), 1, 1, [FEATURES])
    for before, after in packed.states.values():
        packed.name(before.name, before, after)
    row = Tensor("x", "FLOAT32", (1, FEATURES))
    packed.body[0].inputs[0] = packed.unpacking.reshape(row, (1, 1, FEATURES))
    packed.x = row
    with pytest.raises(NotConvertible, match='the inputs "in_first_0h" and "x"'):
        carried(packed.model())
    packed.x = Tensor("x", "FLOAT32", (1, 1, FEATURES))
    packed.body[0].inputs[0] = packed.x
    assert len(carried(packed.model()).pairs) == len(packed.states)
