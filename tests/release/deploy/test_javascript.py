"""The JavaScript module: ports as JSON, and the call of its example."""

from __future__ import annotations

import json

from rnnlite_pipeline.release.deploy import javascript
from rnnlite_pipeline.release.deploy.javascript import javascript_module
from rnnlite_pipeline.runtimes.web import RELEASE
from tests.release.deploy.ports import deployment, port


def test_a_port_has_only_what_it_needs() -> None:
    """Scale and normalization stand there where they change the values."""
    assert json.loads(javascript._port(port(shape=(None, 4)))) == {
        "dtype": "float32",
        "shape": [-1, 4],
    }
    made = port(dtype="int8", scale=0.5, zero_point=-3, mean=(1.0,), std=(2.0,))
    assert json.loads(javascript._port(made)) == {
        "dtype": "int8",
        "shape": [1, 4],
        "scale": 0.5,
        "zeroPoint": -3,
        "mean": [1.0],
        "std": [2.0],
    }


def test_a_text_is_safe_in_a_comment() -> None:
    """No end of a comment, no line separator; JSON reads it as it was."""
    text = javascript._json("a*/b\u2028\n")
    assert "*/" not in text
    assert text.isascii()
    assert json.loads(text) == "a*/b\u2028\n"


def test_the_call_of_the_example() -> None:
    """Every input by its name, and the release of LiteRT.js that the module was made with."""
    inputs = (port("a:0", identifier="a_0"), port("b"))
    text = javascript_module(deployment(inputs=inputs))
    assert 'model.run({"a:0": a_0, "b": b})' in text
    assert RELEASE in text
