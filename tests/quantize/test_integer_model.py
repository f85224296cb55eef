"""The inputs and outputs of a model in integers: their types, names and scales."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest

from rnnlite_pipeline.errors import NotConvertible
from rnnlite_pipeline.graph.build import Builder
from rnnlite_pipeline.graph.ir import OPEN, Model, Tensor
from rnnlite_pipeline.graph.write import write_model
from rnnlite_pipeline.quantize.integer_model import IntegerModel, Interface
from rnnlite_pipeline.quantize.outcome import Outcome
from rnnlite_pipeline.quantize.ranges import Ranges, measure
from rnnlite_pipeline.quantize.skip import Skip
from rnnlite_pipeline.runtimes.interpreter import Runner
from tests.lower.cases import Case, random_lstm
from tests.lower.loop_cases import gru
from tests.quantize.author import db, model_of, run
from tests.quantize.single import feed, graph, weight

X = (OPEN, 8)


def _dense(*, returned: str = "y") -> Model:
    """y = tanh(x @ w), z = exp(x), which has no integer form, k: whole numbers as they came."""
    build, x, k = Builder("g"), Tensor("x", "FLOAT32", X), Tensor("k", "INT32", (1,))
    product = build.op("FULLY_CONNECTED", [x, weight(8, 8), None], "FLOAT32", X)
    y, z = build.op("TANH", [product], "FLOAT32", X, "y"), build.op("EXP", [x], "FLOAT32", X, "z")
    y.name, z.name = "y", "z"
    whole = build.binary("ADD", k, k)
    named = {"y": y, "z": z, "k": whole}
    return graph([x, k], [named[name] for name in returned], build.ops)


def _rewritten(model: Model, scheme: str = "int8", **interface: Any) -> tuple[Model, list[Outcome]]:
    made = copy.deepcopy(model)
    kept = interface.pop("kept", lambda _: {})(made)
    ranges = measure(made, (_given(made, seed) for seed in range(3)))
    return made, IntegerModel(made, scheme, ranges, Skip(), Interface(**interface, kept=kept)).run()


def _given(model: Model, seed: int) -> dict[str, Any]:
    values = feed(model, seed)
    return {n: values[n].astype("i4") if n == "k" else values[n] for n in values}


def _near(model: Model, made: Model) -> float:
    """The least ratio of a real output, of real numbers in and out, on the default kernels."""
    given = _given(model, 0)
    want = Runner(write_model(model)).run(given)
    found = run(Runner(write_model(made)), made, given)
    return min(db(want[n], found[n]) for n in want if want[n].dtype == np.float32)


@pytest.mark.parametrize(
    ("inputs", "outputs", "types"),
    [
        ("float32", "float32", ["FLOAT32", "FLOAT32"]),
        ("int8", "float32", ["INT8", "FLOAT32"]),
        ("float32", "uint8", ["FLOAT32", "UINT8"]),
        ("uint8", "int8", ["UINT8", "INT8"]),
    ],
)
def test_types_names_and_open_dimensions(inputs: str, outputs: str, types: list[str]) -> None:
    """Each side has the type that is asked for; nothing else of its ports changes."""
    model = _dense(returned="y")
    made, _ = _rewritten(model, inputs=inputs, outputs=outputs)
    x, k, y = made.main.inputs[0], made.main.inputs[1], made.main.outputs[0]
    assert [x.dtype, y.dtype] == types
    assert [x.name, k.name, y.name] == ["x", "k", "y"]
    assert (x.shape, y.shape, k.dtype) == (X, X, "INT32")
    signature = made.signatures[0]
    assert signature.inputs == {"x": x, "k": k}
    assert signature.outputs == {"y": y}
    assert _near(model, made) > 25


def test_uint8_says_what_int8_says() -> None:
    """Its zero point is 128 higher."""
    ports = [_rewritten(_dense(), inputs=kind, outputs=kind)[0].main for kind in ("int8", "uint8")]
    for side in ("inputs", "outputs"):
        one, other = (getattr(main, side)[0].quantization for main in ports)
        assert one.scale == other.scale
        assert one.zero_point[0] + 128 == other.zero_point[0]


def test_an_output_that_stays_real_is_quantized_at_the_end() -> None:
    """EXP has no integer form; whole numbers are none of the scheme's."""
    model = _dense(returned="zk")
    made, outcomes = _rewritten(model, inputs="int8", outputs="int8")
    assert [t.dtype for t in made.main.outputs] == ["INT8", "INT32"]
    assert {o.op: o.became for o in outcomes}["EXP"] == "float32"
    assert _near(model, made) > 25


def test_what_was_not_measured_is_no_input_in_integers() -> None:
    """The error names the value, not a line of this package."""
    model = _dense()
    with pytest.raises(NotConvertible, match="never reached 'x'"):
        IntegerModel(model, "int8", Ranges(), Skip(), Interface("int8")).run()


def _kept(model: Model) -> dict[Tensor, Tensor]:
    """The states that the cases feed and give back."""
    inputs = [t for t in model.main.inputs if t.name.startswith("initial")]
    outputs = [t for t in model.main.outputs if t.name.startswith("final")]
    return dict(zip(inputs, outputs, strict=True))


@pytest.mark.parametrize(
    ("states", "types"),
    [("float32", ["FLOAT32"] * 2), ("int16", ["INT8", "INT16"])],
)
def test_states_of_a_fused_op(states: str, types: list[str]) -> None:
    """Each has the type and the scale that it has in the op, before and after a call."""
    cell = random_lstm(np.random.default_rng(0), 5, 4)
    closed: Any = {"open_batch": False, "open_steps": False, "batch": 2, "steps": 4}
    model = model_of(Case((cell,), initial=("input", "input"), **closed))
    made, _ = _rewritten(model, inputs="int8", outputs="int8", states=states, kept=_kept)
    for side in (made.main.inputs[1:], made.main.outputs[1:]):
        assert [t.dtype for t in side] == types
    assert (made.main.inputs[0].dtype, made.main.outputs[0].dtype) == ("INT8", "INT8")
    pairs = zip(made.main.inputs[1:], made.main.outputs[1:], strict=True)
    assert all(before.quantization == after.quantization for before, after in pairs)


def test_the_state_of_a_loop() -> None:
    """It is int16, as the loop carries it."""
    from tests.quantize.test_loops import model_of as looped

    model = looped(Case((gru(np.random.default_rng(0), 5, 4),), initial=("input",), steps=4))
    made, _ = _rewritten(model, states="int16", kept=_kept)
    x, before = made.main.inputs
    assert (x.dtype, before.dtype) == ("FLOAT32", "INT16")
    assert [t.dtype for t in made.main.outputs] == ["FLOAT32", "INT16"]
