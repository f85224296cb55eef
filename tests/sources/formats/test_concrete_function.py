"""Functions as sources: what a factory returns, its names, its variables."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rnnlite_pipeline.errors import SourceError
from rnnlite_pipeline.sources.opening import open_source
from tests.sources.round_trip import config, round_trip, shapes

MODULE = '''
import numpy as np
import tensorflow as tf

random = np.random.default_rng(0)
W = tf.Variable(random.standard_normal((7, 16)).astype("f"))
V = tf.Variable(random.standard_normal((3, 3)).astype("f"))


def cell(x):
    """An LSTM over x [B, T, F], written by hand."""
    steps = tf.shape(x)[1]

    def body(t, c, h, made):
        i, f, g, o = tf.split(tf.concat([x[:, t], h], 1) @ W, 4, 1)
        c = tf.sigmoid(f) * c + tf.sigmoid(i) * tf.tanh(g)
        h = tf.sigmoid(o) * tf.tanh(c)
        return t + 1, c, h, made.write(t, h)

    zeros = tf.zeros([tf.shape(x)[0], 4])
    start = (0, zeros, zeros, tf.TensorArray(tf.float32, steps))
    _, _, last, made = tf.while_loop(lambda t, *_: t < steps, body, start)
    return {"sequence": tf.transpose(made.stack(), [1, 0, 2]), "last": last}


def remembering(x):
    """Its state, and the one before that: in each step one variable becomes the other."""
    def body(t, now, before):
        return t + 1, tf.tanh(before @ V + x[:, t]), now

    zeros = tf.zeros([tf.shape(x)[0], 3])
    _, now, before = tf.while_loop(lambda t, *_: t < 6, body, (0, zeros, zeros))
    return {"now": now, "before": before}


class Pair(tf.Module):
    def __init__(self):
        self.w = tf.Variable(tf.ones([3, 2]))

    @tf.function(input_signature=[tf.TensorSpec([None, 3]), tf.TensorSpec([2, 2], tf.float32)])
    def __call__(self, b, a):
        return b @ self.w, a


KEPT = Pair()


def signed():
    return tf.function(cell, input_signature=[tf.TensorSpec([None, 6, 3], name="x")])


def exchanged():
    return tf.function(remembering, input_signature=[tf.TensorSpec([None, 6, 3], name="x")])


def unsigned():
    return tf.function(cell)


def concrete():
    return signed().get_concrete_function()


def module():
    return KEPT.__call__


def nested():
    specs = [{"q": tf.TensorSpec([None, 3], name="q"), "k": tf.TensorSpec([None, 3], name="k")}]
    return tf.function(lambda d: [d["q"] * 2, {"z": d["k"], "b": d["q"]}], input_signature=specs)


def forgotten():
    return Pair().__call__


def number():
    return 3


def nothing():
    return tf.function(lambda x: None, input_signature=[tf.TensorSpec([3], name="x")])
'''


@pytest.fixture(autouse=True)
def _beside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, keras: Any) -> None:
    del keras
    (tmp_path / "my_functions.py").write_text(MODULE)
    monkeypatch.chdir(tmp_path)
    sys.modules.pop("my_functions", None)


@pytest.mark.parametrize("factory", ["signed", "unsigned", "concrete"])
def test_a_hand_written_loop_is_recognised(factory: str) -> None:
    """With a signature, with pins instead, or traced already: outputs in the author's order."""
    pins = {"inputs": {"x": [None, 6, 3]}} if factory == "unsigned" else {}
    made = round_trip(format="concrete_function", factory=f"my_functions:{factory}", **pins)
    assert shapes(made.source.inputs) == [("x", "float32", (None, 6, 3))]
    assert [s.name for s in made.source.outputs] == ["sequence", "last"]
    assert made.codes["UNIDIRECTIONAL_SEQUENCE_LSTM"] == 1


def test_a_variable_that_becomes_another_is_what_that_was() -> None:
    """The interpreter hands on the variables in turn; each is what the step said all the same."""
    made = round_trip(format="concrete_function", factory="my_functions:exchanged")
    assert made.codes["WHILE"] == 1


def test_a_module_s_method_keeps_the_order_of_its_arguments() -> None:
    """Arguments keep order, names and fixed batch; a tuple's outputs are numbered."""
    made = round_trip(
        format="concrete_function", factory="my_functions:module", inputs={"b": [2, 3]}
    )
    assert shapes(made.source.inputs) == [("b", "float32", (2, 3)), ("a", "float32", (2, 2))]
    assert [s.name for s in made.source.outputs] == ["output_0", "output_1"]


def test_nested_arguments_and_results_have_their_own_names() -> None:
    """A dict's tensors are named by their specs, and fed where they belong."""
    source = open_source(config(format="concrete_function", factory="my_functions:nested"))
    assert sorted(s.name for s in source.inputs) == ["k", "q"]
    found = source.run({"q": np.full((1, 3), 2, "f"), "k": np.full((1, 3), 5, "f")})
    assert {name: value.max() for name, value in found.items()} == {"output_0": 4, "z": 5, "b": 2}


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"factory": "my_functions:number"}, r"returned a int; expected a tf.function"),
        ({"factory": "my_functions:nobody"}, r"cannot import my_functions:nobody"),
        ({"factory": "my_functions:unsigned"}, r'no input_signature, and its arguments are "x"'),
        ({"factory": "my_functions:forgotten"}, r"(?s)my_functions:forgotten.*keep the module"),
        ({"factory": "my_functions:nothing"}, r"returns no tensor"),
        ({"factory": "my_functions:signed", "inputs": {"x": [1, 5, 3]}}, r"pins \"x\" to"),
    ],
)
def test_a_wrong_factory_is_one_sentence(asked: dict[str, Any], said: str) -> None:
    """What is wrong with the function is said in its author's terms, with what to do."""
    with pytest.raises(SourceError, match=said) as caught:
        open_source(config(format="concrete_function", **asked))
    assert caught.value.remedy
