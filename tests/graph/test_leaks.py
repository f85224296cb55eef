"""States that no op of a file writes: reset at every call, or made inputs and outputs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from rnnlite_pipeline.errors import NotConvertible
from rnnlite_pipeline.graph.build import Builder
from rnnlite_pipeline.graph.extract import extract
from rnnlite_pipeline.graph.ir import OPEN, Model, Op, Quantization, Signature, Subgraph, Tensor
from rnnlite_pipeline.graph.leaks import lift_leaks, stop_leaks
from rnnlite_pipeline.graph.write import write_model
from rnnlite_pipeline.runtimes.interpreter import Runner

Array = np.ndarray[Any, Any]

UNITS = 2
EYE, ZERO = np.eye(UNITS, dtype=np.float32), np.zeros(UNITS, np.float32)


def layer(build: Builder, x: Tensor, name: str = "layer", **state: Any) -> Tensor:
    """A running sum: y[t] = relu(x[t] + y[t - 1]), from a variable that nothing writes."""
    given: dict[str, Any] = {"dtype": "FLOAT32", "shape": (1, UNITS), "is_variable": True} | state
    weights = [Tensor.constant(n, a) for n, a in (("w", EYE), ("r", EYE), ("b", ZERO))]
    options: dict[str, Any] = {"time_major": True, "fused_activation_function": "RELU"}
    operands = [x, *weights, Tensor(f"{name}/state", **given)]
    y = build.op("UNIDIRECTIONAL_SEQUENCE_RNN", operands, "FLOAT32", x.shape, **options)
    y.name = f"{name}/y"
    return y


def model(*names: str) -> Model:
    """Layers, one behind the other, over x [T, 1, 2]."""
    build, x = Builder("m"), Tensor("x", "FLOAT32", (OPEN, 1, UNITS))
    y = x
    for name in names:
        y = layer(build, y, name)
    return extract({"x": x}, {"y": y}, build.ops)


def ones(steps: int = 2) -> Array:
    """An input."""
    return np.ones((steps, 1, UNITS), np.float32)


def calls(model: Model, *feeds: dict[str, Array]) -> list[dict[str, Array]]:
    """What each call gives, on end, on reference kernels; the default ones give the same."""
    content = write_model(model)
    runners = Runner(content, "reference"), Runner(content, "default")
    one, two = ([dict(runner.run(feed)) for feed in feeds] for runner in runners)
    for first, second in zip(one, two, strict=True):
        for name, array in first.items():
            np.testing.assert_allclose(second[name], array, atol=1e-6)
    return one


def last(results: Sequence[dict[str, Array]]) -> list[float]:
    """The last number of each y."""
    return [float(each["y"].reshape(-1)[-1]) for each in results]


def test_a_state_that_leaks_does_so() -> None:
    """What the other tests mend: the second call goes on from the first."""
    assert last(calls(model("a"), {"x": ones()}, {"x": ones()})) == [2.0, 4.0]


def test_each_call_starts_from_zeros() -> None:
    """Of every layer, each is named once."""
    made = model("a", "b")
    assert stop_leaks(made) == ["a", "b"]
    feed = {"x": ones()}
    assert last(calls(made, feed, feed, {"x": ones(3)}, feed)) == [3.0, 3.0, 6.0, 3.0]
    assert stop_leaks(made) == []


def test_a_state_that_an_op_writes_stays() -> None:
    """It leaks nothing."""
    made = model("a")
    state = made.main.ops[0].inputs[4]
    assert state is not None
    build = Builder("write")
    half = build.constant("half", np.array(0.5, np.float32))
    build.fill(build.indices([1, UNITS]), half, (1, UNITS))
    build.ops[-1].outputs = [state]
    made.main.ops[:0] = build.ops
    assert stop_leaks(made) == []
    assert lift_leaks(made, "explicit") == []
    assert last(calls(made, {"x": ones()})) == [2.5]


def test_every_graph_that_a_signature_names() -> None:
    """A second signature's layer is mended as well; a body that none names is left."""
    made, other, body = model("a"), model("b"), model("c")
    made.subgraphs += [other.main, body.main]
    made.signatures.append(Signature("more", other.main, {}, {}))
    assert stop_leaks(made) == ["a", "b"]


def test_a_quantized_state_starts_from_its_zero() -> None:
    """0 is stored as the zero point, with the state's own scale."""
    build, scale = Builder("m"), Quantization((0.5,), (-7,))
    y = layer(build, Tensor("x", "INT8", (1, 1, UNITS)), dtype="INT8", quantization=scale)
    made = extract({}, {"y": y}, build.ops)
    stop_leaks(made)
    fill = made.main.ops[0]
    value = fill.inputs[1]
    assert fill.code == "FILL"
    assert fill.version == 2
    assert value is not None
    assert value.array == -7
    assert value.quantization == scale


@pytest.mark.parametrize("asked", ["explicit", "persist"])
def test_a_state_is_an_input_and_an_output(asked: str) -> None:
    """A call starts from what it is given, and gives what it ends with."""
    made = model("a", "b")
    states = lift_leaks(made, asked)
    assert [state.name for state in states] == ["a/h", "b/h"]
    assert all(not state.initial.any() and state.initial.shape == (1, UNITS) for state in states)
    assert list(made.signatures[0].inputs) == ["x", "a/h_in", "b/h_in"]
    assert list(made.signatures[0].outputs) == ["y", "a/h_out", "b/h_out"]
    first = {
        "x": ones(),
        "a/h_in": np.array([[1, 2]], np.float32),
        "b/h_in": np.array([[10, 20]], np.float32),
    }
    (found,) = calls(made, first)
    np.testing.assert_array_equal(found["a/h_out"], [[3, 4]])
    np.testing.assert_array_equal(found["b/h_out"], [[10 + 2 + 3, 20 + 3 + 4]])
    again = {"x": ones(1), "a/h_in": found["a/h_out"], "b/h_in": found["b/h_out"]}
    pieces = calls(made, {**first, "x": ones(1)}, again)
    assert pieces[0]["a/h_out"].tolist() == [[2, 3]]
    assert pieces[1]["a/h_out"].tolist() == [[4, 5]]


def test_one_row_is_the_state_of_a_whole_batch() -> None:
    """A state that is given for one entry is that of each."""
    build, x = Builder("m"), Tensor("x", "FLOAT32", (OPEN, 3, UNITS))
    made = extract({"x": x}, {"y": layer(build, x, shape=(3, UNITS))}, build.ops)
    (state,) = lift_leaks(made, "explicit")
    before = made.signatures[0].inputs[state.input]
    assert before.shape == (3, UNITS)
    feed = np.arange(6, dtype=np.float32).reshape(3, 2)
    (found,) = calls(made, {"x": np.zeros((1, 3, UNITS), np.float32), state.input: feed})
    np.testing.assert_array_equal(found[state.output], feed)


def test_nan_does_not_lose_a_state() -> None:
    """What reads the state depends on the output, and not on what it is."""
    made = model("a")
    lift_leaks(made, "explicit")
    x = np.full((1, 1, UNITS), np.nan, np.float32)
    (found,) = calls(made, {"x": x, "a/h_in": np.zeros((1, UNITS), np.float32)})
    assert found["a/h_out"].shape == (1, UNITS)


def both_directions() -> Model:
    """A fused op that runs over a sequence in both directions."""
    states = [Tensor(n, "FLOAT32", (1, UNITS), is_variable=True) for n in ("f", "b")]
    x, y = Tensor("x", "FLOAT32", (1, 1, UNITS)), Tensor("scope/y", "FLOAT32", (1, 1, UNITS))
    operands = [x, None, None, None, states[0], None, None, None, states[1]]
    return Model([Subgraph("main", [x], [y], [Op("BIDIRECTIONAL_SEQUENCE_RNN", operands, [y])])])


def test_both_directions_cannot_go_on() -> None:
    """The layer is named, and what to set; under reset both directions start anew."""
    with pytest.raises(NotConvertible, match=r'persist, and "scope" has a backward.*\n.*reset'):
        lift_leaks(both_directions(), "persist")
    made = both_directions()
    assert stop_leaks(made) == ["scope"]
    assert [op.code for op in made.main.ops].count("FILL") == 2


@pytest.mark.parametrize("shape", [None, (OPEN, UNITS)])
def test_a_state_without_a_fixed_shape(shape: Any) -> None:
    """No interpreter could have kept it."""
    for mend in (stop_leaks, lambda model: lift_leaks(model, "explicit")):
        build, x = Builder("m"), Tensor("x", "FLOAT32", (1, 1, UNITS))
        made = extract({"x": x}, {"y": layer(build, x, "a", shape=shape)}, build.ops)
        with pytest.raises(NotConvertible, match='state of "a" has no fixed shape'):
            mend(made)
