"""What the caller carried is zeros at every call or goes on; the source gets the same interface."""

from __future__ import annotations

import copy

import numpy as np
import pytest

from rnnlite_pipeline.cells.recurrence import Array
from rnnlite_pipeline.compare.validation import largest_difference
from rnnlite_pipeline.errors import NotConvertible
from rnnlite_pipeline.graph.ir import OPEN, Model
from rnnlite_pipeline.lower import lower
from rnnlite_pipeline.state import Keeping, described
from rnnlite_pipeline.verify.carried import fed_by_hand
from tests.state.graphs import converted, opened
from tests.state.packings import feeds, keys_of, packed_at_random, source_of, stack, two_layers


@pytest.mark.parametrize("seed", range(6))
def test_a_reset_starts_every_call_from_zeros(seed: int) -> None:
    """The states' inputs and outputs go, and each call equals the source's from zeros."""
    source = packed_at_random(seed)
    model = converted(copy.deepcopy(source), "reset")
    assert not described(model).states
    by_hand, runs = fed_by_hand(source_of(source), described(model)), opened(model)
    for feed in feeds(source):
        np.testing.assert_allclose(runs.resume(feed)["y"], by_hand.run(feed)["y"], atol=1e-6)


@pytest.mark.parametrize("policy", ["persist", "reset"])
def test_the_whole_conversion_is_run_on_states_away_from_zero(policy: str) -> None:
    """The source's graph gets the interface of the result, and a wrong packing shows."""
    for seed in range(6):
        source = packed_at_random(seed)
        model, states = copy.deepcopy(source), Keeping(policy)
        states.lift(model)
        states.expose(model)
        for each in (model, source):
            lower(each)
        states.make_comparable(source, model)
        assert set(source.signatures[0].inputs) == set(model.signatures[0].inputs)
        assert largest_difference(source, model, [_drawn(model)]) == 0
    moved = dict(source.signatures[0].inputs)
    names = [name for name in moved if name.endswith("_in")]
    if policy == "persist":
        same = [n for n in names[1:] if moved[n].shape == moved[names[0]].shape]
        signature = source.signatures[0]
        signature.inputs[names[0]], signature.inputs[same[0]] = moved[same[0]], moved[names[0]]
        assert largest_difference(source, model, [_drawn(model)]) > 1e-3


def _drawn(model: Model) -> dict[str, Array]:
    rng = np.random.default_rng(1)
    inputs = model.signatures[0].inputs.items()
    return {name: rng.normal(size=t.shape).astype(np.float32) for name, t in inputs}


def test_an_open_batch_is_refused_for_persist_and_starts_anew_for_reset() -> None:
    """A variable has a fixed shape; zeros have that of the call."""
    packed = stack(np.random.default_rng(5), 1, 1, [4])
    for key in keys_of(packed):
        before, after = packed.states[key]
        packed.name("_".join(map(str, key)), before, after)
    source = packed.model()
    for op in source.main.ops:
        for tensor in (*op.inputs, *op.outputs):
            assert tensor is not None
            tensor.shape = (OPEN, *(tensor.shape or ())[1:])
    with pytest.raises(NotConvertible, match="has an open dimension"):
        converted(copy.deepcopy(source), "persist")
    runs = opened(converted(copy.deepcopy(source), "reset"))
    by_hand = fed_by_hand(source_of(source), described(converted(copy.deepcopy(source), "reset")))
    for batch in (2, 3):
        feed = {"x": np.random.default_rng(batch).normal(size=(batch, 1, 3)).astype(np.float32)}
        np.testing.assert_allclose(runs.resume(feed)["y"], by_hand.run(feed)["y"], atol=1e-6)


def test_a_model_of_nothing_but_states_is_refused() -> None:
    """Without its states it has no output."""
    packed = two_layers()
    packed.side_by_side(keys_of(packed))
    model = packed.model()
    del model.signatures[0].outputs["y"]
    model.main.outputs.remove(packed.y)
    with pytest.raises(NotConvertible, match="without these it has none"):
        converted(model, "persist")
