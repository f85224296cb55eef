"""Sources that keep states: TensorFlow's variables, all the way to the converted model."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rnnlite_pipeline.cells.recurrence import Array
from rnnlite_pipeline.config import Config, load_config
from rnnlite_pipeline.errors import NotConvertible
from rnnlite_pipeline.graph.read import read_model
from rnnlite_pipeline.graph.write import write_model
from rnnlite_pipeline.runtimes.interpreter import Runner
from rnnlite_pipeline.sources.formats import keras as keras_source
from rnnlite_pipeline.sources.formats.concrete_function import source_model
from rnnlite_pipeline.sources.graphdef.assigned import with_states
from rnnlite_pipeline.sources.graphdef.session import session_model
from rnnlite_pipeline.sources.model import SourceModel
from rnnlite_pipeline.sources.to_tflite import to_tflite
from rnnlite_pipeline.stages.convert import converted
from rnnlite_pipeline.state import described
from rnnlite_pipeline.toolchain import load
from rnnlite_pipeline.verify.application import Started
from rnnlite_pipeline.verify.runs import KERNELS

Model = tuple[SourceModel, bytes]


@pytest.fixture(scope="module")
def stacked() -> Model:
    """Keras: three stateful layers on a batch of 2, of open length, and a dropout."""
    keras = load("keras")
    keras.utils.set_random_seed(0)
    layers = keras.layers
    x = keras.Input((None, 3), batch_size=2, name="x")
    y = layers.LSTM(4, stateful=True, return_sequences=True, dropout=0.5, name="first")(x)
    y = layers.GRU(5, stateful=True, return_sequences=True, name="second")(y)
    y = layers.SimpleRNN(4, stateful=True, return_sequences=True, name="third")(y)
    source = with_states(keras_source.source_model(keras.Model(x, y), {}))
    return source, to_tflite(source)


@pytest.fixture(scope="module")
def module() -> Any:
    """A tf.Module that assigns variables in every way."""
    tf = load("tensorflow")
    rng = np.random.default_rng(0)
    signature = [tf.TensorSpec((1, 3), tf.float32, name="x")]

    class Module(tf.Module):  # type: ignore[misc,name-defined]
        def __init__(self) -> None:
            self.w = tf.Variable(rng.normal(size=(3, 4)).astype(np.float32))
            self.h = tf.Variable(np.full((1, 4), 0.5, np.float32), name="memory")
            self.n = tf.Variable(0, name="counter")

        @tf.function  # type: ignore[untyped-decorator]
        def inner(self, x: Any) -> Any:
            self.h.assign(tf.tanh(x @ self.w + self.h))
            return self.h * 2.0

        @tf.function(input_signature=signature)  # type: ignore[untyped-decorator]
        def step(self, x: Any) -> Any:
            self.n.assign_add(1)
            before = self.h + 0.0
            doubled = self.inner(x)
            self.h.assign_sub(tf.ones((1, 4)))
            return {"before": before, "doubled": doubled, "after": self.h + 0.0}

        @tf.function(input_signature=signature)  # type: ignore[untyped-decorator]
        def counted(self, x: Any) -> Any:
            self.n.assign_add(1)
            return x * tf.cast(self.n, tf.float32)

        @tf.function(input_signature=signature)  # type: ignore[untyped-decorator]
        def branched(self, x: Any) -> Any:
            if tf.reduce_sum(x) > 0:
                self.h.assign(x @ self.w)
            return self.h + 0.0

    return Module()


def test_a_layer_without_state_keeps_none_beside_one_that_has(tmp_path: Path) -> None:
    """Under `source` only what the source keeps persists; under `explicit` every state shows."""
    keras = load("keras")
    x = keras.Input((None, 3), batch_size=2, name="x")
    y = keras.layers.SimpleRNN(4, stateful=True, return_sequences=True, name="keeps")(x)
    y = keras.layers.SimpleRNN(4, return_sequences=True, name="third")(y)
    source = with_states(keras_source.source_model(keras.Model(x, y), {}))
    content = to_tflite(source)
    every = converted(read_model(content), _config(tmp_path, "explicit")).model
    assert sorted(s.name for s in described(every).states) == ["keeps/h", "third/h"]
    model = converted(read_model(content), _config(tmp_path, "source")).model
    assert [s.name for s in described(model).states] == ["keeps/h"]
    runs = Started(Runner(write_model(model)), described(model))
    assert source.resume is not None
    pairs = zip(_calls(source.run, source.resume), _calls(runs.run, runs.resume), strict=True)
    for one, other in pairs:
        np.testing.assert_allclose(one["third"], other["third"], atol=1e-6)


def _config(folder: Path, policy: str) -> Config:
    (folder / "m.keras").touch()
    path = folder / "m.yaml"
    path.write_text(
        f"name: m\nsource: {{format: keras, path: m.keras}}\nrecurrent: {{state: {policy}}}\n"
    )
    return load_config(path)


def _calls(
    run: Callable[..., dict[str, Array]], resume: Callable[..., dict[str, Array]]
) -> list[dict[str, Array]]:
    feeds = [np.random.default_rng(k).normal(size=(2, 6, 3)).astype(np.float32) for k in range(3)]
    return [(resume if k else run)({"x": x}) for k, x in enumerate(feeds)]


@pytest.mark.parametrize("policy", ["source", "persist", "explicit", "reset"])
def test_stateful_keras_layers_go_on_as_in_keras(
    stacked: Model, policy: str, tmp_path: Path
) -> None:
    """Call after call equals Keras; under reset each call equals Keras's first."""
    source, content = stacked
    model = converted(read_model(content), _config(tmp_path, policy)).model
    states = described(model)
    names = [] if policy == "reset" else ["first/h", "first/c", "second/h", "third/h"]
    assert sorted(s.name for s in states.states) == sorted(names)
    assert source.resume is not None
    expected = _calls(source.run, source.run if policy == "reset" else source.resume)
    for kernels in KERNELS:
        runs = Started(Runner(write_model(model), kernels), states)
        for one, other in zip(expected, _calls(runs.run, runs.resume), strict=True):
            np.testing.assert_allclose(one["third"], other["third"], atol=1e-6)


def test_variables_of_a_module_are_followed_through_its_functions(module: Any) -> None:
    """What is read before, between and after assignments is what TensorFlow reads."""
    source = with_states(source_model(module.step, "step", {}))
    assert [name for name, _ in source.states] == ["memory"]
    runner = Runner(to_tflite(source), "reference")
    assert source.resume is not None
    for k, run in enumerate((source.run, source.resume, source.resume)):
        feed = {"x": np.random.default_rng(k).normal(size=(1, 3)).astype(np.float32)}
        expected, found = run(feed), runner.run(feed)
        for name, array in expected.items():
            np.testing.assert_allclose(array, found[name], atol=1e-6)


@pytest.mark.parametrize("resource", [False, True])
def test_variables_of_a_session_go_on_and_start_anew(resource: bool) -> None:
    """TensorFlow 1: what an output assigns on its way is a state, a counter beside it is none."""
    tf = load("tensorflow")
    v1, graph = tf.compat.v1, tf.Graph()
    session = v1.Session(graph=graph)
    with graph.as_default():
        x = v1.placeholder(tf.float32, (1, 4), name="x")
        first = v1.constant_initializer(0.5)
        h = v1.get_variable("h", (1, 4), initializer=first, use_resource=resource)
        zero = v1.zeros_initializer()
        n = v1.get_variable("n", (), tf.int32, initializer=zero, use_resource=resource)
        with tf.control_dependencies([v1.assign(h, tf.tanh(x + h)), v1.assign_add(n, 1)]):
            y = v1.assign_sub(h, tf.ones((1, 4))) * 2.0
        session.run(v1.global_variables_initializer())
    source = session_model(session, {"x": x}, {"y": y}, {})
    assert [name for name, _ in source.states] == ["h"]
    runner = Runner(to_tflite(source), "reference")
    assert source.resume is not None
    for k, run in enumerate((source.run, source.resume, source.resume)):
        feed = {"x": np.random.default_rng(k).normal(size=(1, 4)).astype(np.float32)}
        np.testing.assert_allclose(run(feed)["y"], runner.run(feed)["y"], atol=1e-6)


@pytest.mark.parametrize(
    ("function", "message"), [("counted", '"counter" of dtype int32'), ("branched", "in a branch")]
)
def test_what_is_no_state_is_refused(module: Any, function: str, message: str) -> None:
    """A counter that an output depends on, and a variable assigned in a branch."""
    with pytest.raises(NotConvertible, match=message):
        to_tflite(with_states(source_model(getattr(module, function), function, {})))
