"""States that the source's caller carries are found by the data flow."""

from __future__ import annotations

import numpy as np
import pytest

from rnnlite_pipeline.cells.recurrence import RECURRENCE
from rnnlite_pipeline.errors import NotConvertible
from rnnlite_pipeline.graph.build import Builder
from rnnlite_pipeline.graph.ir import Tensor
from rnnlite_pipeline.state import Keeping
from rnnlite_pipeline.state.carried import carried
from tests.state.packings import FEATURES, keys_of, packed_at_random, stack, two_layers


@pytest.mark.parametrize("seed", range(24))
def test_every_state_of_any_packing_is_found(seed: int) -> None:
    """Each input has its output and its states, and each state is in one pair."""
    model = packed_at_random(seed)
    found = carried(model)
    states = [carry.state for pair in found.pairs for carry in pair.carries]
    expected = sum(len(op.inputs) - 1 for op in model.main.ops if op.code == RECURRENCE)
    assert len(states) == len(set(states)) == expected
    assert {pair.input for pair in found.pairs} == set(model.signatures[0].inputs) - {"x"}
    assert all(pair.alone for pair in found.pairs)
    assert not found.reasons


def test_the_state_itself_is_the_partner_not_the_equal_output_of_the_step() -> None:
    """Of a single step, y and the new state are the same numbers; y stays an output."""
    packed = stack(np.random.default_rng(1), 1, 1, [4])
    for key in keys_of(packed):
        packed.alone(key)
    found = carried(packed.model())
    assert found.pairs
    assert "y" not in {pair.output for pair in found.pairs}
    first = next(iter(packed.results))
    del packed.results[first]
    assert "y" in {pair.output for pair in carried(packed.model()).pairs}


def test_states_that_the_source_keeps_are_left_out() -> None:
    """An input that was made of a variable of the source is none of the caller's."""
    packed = two_layers()
    packed.side_by_side(keys_of(packed))
    assert not carried(packed.model(), ["in_row"]).pairs


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
    with pytest.raises(NotConvertible, match='"in_row" holds states, and the outputs "out_0"'):
        carried(packed.model())


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
