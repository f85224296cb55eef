"""States that the source's caller carried are kept by the model, or start anew."""

from __future__ import annotations

import copy

import numpy as np
import pytest

from rnnlite_pipeline.cells.recurrence import RECURRENCE, Array
from rnnlite_pipeline.compare.validation import largest_difference
from rnnlite_pipeline.errors import NotConvertible
from rnnlite_pipeline.graph.ir import OPEN, Model
from rnnlite_pipeline.graph.write import write_model
from rnnlite_pipeline.lower import lower
from rnnlite_pipeline.runtimes.interpreter import Runner
from rnnlite_pipeline.sources.model import SourceModel, TensorSpec
from rnnlite_pipeline.state import Keeping, described
from rnnlite_pipeline.state.carried import carried
from rnnlite_pipeline.verify.carried import fed_by_hand
from tests.state.graphs import converted, opened
from tests.state.packings import keys_of, packed_at_random, stack, two_layers

CALLS = 4


def source_of(model: Model) -> SourceModel:
    """The graph as a source that a runtime runs."""
    lowered = copy.deepcopy(model)
    lower(lowered)
    signature = model.signatures[0]
    sides = [
        tuple(TensorSpec.of_tensor(name, tensor) for name, tensor in side.items())
        for side in (signature.inputs, signature.outputs)
    ]
    runner = Runner(write_model(lowered), "reference")
    return SourceModel(sides[0], sides[1], lambda: None, runner.run)


def feeds(model: Model) -> list[dict[str, Array]]:
    """Random x for several calls."""
    rng = np.random.default_rng(0)
    shape = model.signatures[0].inputs["x"].shape
    return [{"x": rng.normal(size=shape).astype(np.float32)} for _ in range(CALLS)]


def assert_as_fed_by_hand(source: Model, model: Model) -> None:
    """Call after call equals the source, fed with its own states; a reset starts again."""
    by_hand = fed_by_hand(source_of(source), described(model))
    assert by_hand.resume is not None
    runs = opened(model)
    for _ in range(2):
        for k, feed in enumerate(feeds(source)):
            expected = (by_hand.resume if k else by_hand.run)(feed)
            found = (runs.resume if k else runs.run)(feed)
            assert expected.keys() == found.keys() == {"y"}
            np.testing.assert_allclose(found["y"], expected["y"], atol=1e-6)


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


@pytest.mark.parametrize("seed", range(6))
def test_a_reset_starts_every_call_from_zeros(seed: int) -> None:
    """The states' inputs and outputs go, and each call equals the source's from zeros."""
    source = packed_at_random(seed)
    model = converted(copy.deepcopy(source), "reset")
    assert not described(model).states
    by_hand, runs = fed_by_hand(source_of(source), described(model)), opened(model)
    for feed in feeds(source):
        np.testing.assert_allclose(runs.resume(feed)["y"], by_hand.run(feed)["y"], atol=1e-6)


@pytest.mark.parametrize("setting", ["source", "explicit"])
def test_a_caller_may_go_on_to_carry_them(setting: str) -> None:
    """The inputs and outputs stay as they are, and the model says nothing of them."""
    source = packed_at_random(0)
    model = converted(copy.deepcopy(source), setting)
    assert list(model.signatures[0].inputs) == list(source.signatures[0].inputs)
    assert list(model.signatures[0].outputs) == list(source.signatures[0].outputs)
    assert not model.metadata


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


def test_one_input_for_two_layers_is_refused_or_kept_whole() -> None:
    """Two outputs for one input are refused; with one of them, the input is kept as it is."""
    packed = two_layers()
    first, second = [key for key in keys_of(packed) if key[1] == "h"]
    for key in [*keys_of(packed)]:
        if key not in (first, second):
            packed.alone(key)
    packed.alone(first)
    op = next(op for op in packed.body if op.outputs[0] is packed.y)
    op.inputs[1] = packed.states[first][0]
    source = packed.model()
    model = converted(copy.deepcopy(source), "persist")
    assert "in_0_h" in {state.name for state in described(model).states}
    assert_as_fed_by_hand(source, model)
    after = packed.packing.reshape(packed.states[second][1], (1, 1, 4))
    packed.results["other"] = after
    with pytest.raises(NotConvertible, match="the same ones"):
        carried(packed.model())
