"""Integers: interfaces, islands, what is refused, and the same numbers on TFLM."""

from __future__ import annotations

import copy
import importlib.util
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from rnnlite_pipeline.cells.gate import Gate
from rnnlite_pipeline.errors import StageError
from rnnlite_pipeline.graph.ir import Model
from rnnlite_pipeline.graph.write import write_model
from rnnlite_pipeline.quantize.full_integer import rewrite
from rnnlite_pipeline.quantize.integer_model import Interface
from rnnlite_pipeline.quantize.ranges import measure
from rnnlite_pipeline.quantize.skip import SKIPPED, Skip
from rnnlite_pipeline.runtimes.interpreter import Kernels, Runner
from rnnlite_pipeline.runtimes.micro import MicroRunner, why_wrong
from tests.lower.cases import Case, random_lstm, random_rnn
from tests.quantize.author import LEAST_DB, db, feed, integers, model_of, quantized, run, worst_db


def lstm(units: int = 12, features: int = 5, **case: Any) -> Model:
    """An LSTM and a dense layer of 4."""
    cell = random_lstm(np.random.default_rng(3), features, units)
    return model_of(Case((cell,), outputs="y", **case), classes=4)


def closed() -> Model:
    """The same with a batch of 1 and 6 steps, as TFLM wants it."""
    return lstm(open_batch=False, open_steps=False, batch=1, steps=6)


@pytest.mark.parametrize("interface", ["int8", "uint8"])
def test_integer_interfaces_say_what_the_float_one_says(interface: str) -> None:
    """Inputs and outputs have the type asked for, keep their names, and cost one rounding."""
    model, made = lstm(), lstm()
    integers(made, "int8", interface)
    ports = [*made.main.inputs, *made.main.outputs]
    assert [(t.name, t.dtype) for t in ports] == [
        ("x", interface.upper()),
        ("dense", interface.upper()),
    ]
    assert {op.code for op in made.ops()}.isdisjoint({"DEQUANTIZE"})
    assert worst_db(model, made, "default") > LEAST_DB["int8"]


def test_state_is_reset_in_int8_and_int16() -> None:
    """The output state is int8, the cell state int16 with a scale that is a power of two."""
    made, _ = quantized(lstm(), "int8")
    (op,) = (op for op in made.ops() if op.code == "UNIDIRECTIONAL_SEQUENCE_LSTM")
    h, c = op.inputs[18:20]
    assert h is not None and c is not None and c.quantization is not None  # noqa: PT018
    assert (h.dtype, c.dtype, len(op.intermediates)) == ("INT8", "INT16", 5)
    assert np.log2(c.quantization.scale[0]) % 1 == 0
    assert h.quantization == made_output(op)


@pytest.mark.parametrize("magnitude", [0.02, 0.1, 0.5])
def test_a_cell_state_that_stays_small_is_computed(magnitude: float) -> None:
    """LiteRT has no tanh for a state of a finer scale than 2^-15: none is given one."""
    cell = random_lstm(np.random.default_rng(3), 5, 12)
    candidate = cell.candidate
    small = replace(
        cell,
        candidate=replace(
            candidate,
            kernel=candidate.kernel * magnitude,
            recurrent=candidate.recurrent * magnitude,
            bias=candidate.bias * magnitude,
        ),
    )
    model = model_of(Case((small,), outputs="y"))
    made, _ = quantized(model, "int8")
    (op,) = (op for op in made.ops() if op.code == "UNIDIRECTIONAL_SEQUENCE_LSTM")
    c = op.inputs[19]
    assert c is not None and c.quantization is not None  # noqa: PT018
    assert c.quantization.scale[0] >= 2**-15
    expected, given = Runner(write_model(model)), feed(model, 1000)  # as calibrated
    kernels: Kernels
    for kernels in ("reference", "default"):
        results = run(Runner(write_model(made), kernels), made, given)
        assert db(expected.run(given)["y0"], results["y0"]) > 25.0


def test_a_cell_state_that_counts_far_has_no_integer_form() -> None:
    """The kernel ends at 64: a cell that passes it has int8 weights, and the reason says where."""
    cell = random_lstm(np.random.default_rng(3), 5, 12)
    # The gates are open, and the candidate is 1: c counts the steps from its first value.
    still = {
        "kernel": np.zeros((12, 5)),
        "recurrent": np.zeros((12, 12)),
        "bias": np.full(12, 20.0),
    }
    gate = Gate(**still)
    counter = replace(cell, input=gate, forget=gate, candidate=gate)
    for steps, became in ((40, "int8"), (70, "int8 weights")):
        model = model_of(Case((counter,), outputs="y"))
        made = copy.deepcopy(model)
        data = (feed(model, k, 2, steps) for k in range(2))
        outcomes = rewrite(made, "int8", measure(made, data), Skip(), Interface())
        (found,) = (o for o in outcomes if o.op == "UNIDIRECTIONAL_SEQUENCE_LSTM")
        assert found.became == became
        assert ("reaches 70" in found.reason) == (became == "int8 weights")


def made_output(op: Any) -> Any:
    """The scale of an op's output."""
    return op.outputs[0].quantization


def test_what_has_no_integer_form_gets_int8_weights_and_says_why() -> None:
    """A simple RNN is hybrid under int8, with the reason, and the dense layer behind is int8."""
    model = model_of(Case((random_rnn(np.random.default_rng(1), 5, 12),), outputs="y"), classes=9)
    _, outcomes = quantized(model, "int8")
    by_op = {o.op: o for o in outcomes}
    assert by_op["UNIDIRECTIONAL_SEQUENCE_RNN"].became == "int8 weights"
    assert by_op["UNIDIRECTIONAL_SEQUENCE_RNN"].reason == "it has no integer form"
    assert by_op["FULLY_CONNECTED"].became == "int8"


def test_a_layer_to_skip_stays_float() -> None:
    """Its ops keep float weights, and the rest does not."""
    made = lstm(units=40)
    outcomes = integers(made, "int8", skip=Skip(["layer0"]))
    assert {o.became for o in outcomes if o.reason == SKIPPED} == {"float32"}
    assert {o.op: o.became for o in outcomes}["FULLY_CONNECTED"] == "int8"


def test_an_unknown_layer_to_skip_is_refused() -> None:
    """The error names the nearest layer."""
    with pytest.raises(StageError, match="no layer 'layr0'") as caught:
        Skip(["layr0"]).check(lstm())
    assert "layer0" in caught.value.remedy


needs_tflm = pytest.mark.skipif(
    importlib.util.find_spec("tflite_micro") is None, reason="the extra tflm is not installed"
)


@needs_tflm
@pytest.mark.parametrize(("scheme", "interface"), [("int8", "int8"), ("int16x8", "int16")])
def test_tflm_computes_the_same(scheme: str, interface: str) -> None:
    """Near the float model, the same twice, and in int8 one step from LiteRT at most."""
    model, made = closed(), closed()
    integers(made, scheme, interface)
    content = write_model(made)
    micro, given = MicroRunner(content), feed(model, 0, 1)
    first, second = run(micro, made, given)["dense"], run(micro, made, given)["dense"]
    micro.close()
    assert micro.arena_bytes > 0
    np.testing.assert_array_equal(first, second)
    expected = Runner(write_model(model)).run(given)["dense"]
    assert db(expected, first) > LEAST_DB[scheme]
    if scheme == "int8":
        other = run(Runner(content, "reference"), made, given)["dense"]
        step = made.main.outputs[0].quantization
        assert step is not None
        assert np.abs(first - other).max() <= 1.001 * step.scale[0]


@pytest.mark.parametrize(
    ("variant", "said"),
    [
        ({"peephole": True}, "a peephole is not taken"),
        ({"layer_norm": True}, "layer normalization is not taken"),
        ({"outputs": 3}, "a projection is not taken"),
        ({"coupled": True}, "coupled input and forget gates"),
        ({"activation": "RELU"}, "computes tanh"),
    ],
)
def test_tflm_is_never_given_what_it_ignores(variant: dict[str, Any], said: str) -> None:
    """The reason is found in the graph, before anything runs."""
    cell = random_lstm(np.random.default_rng(0), 4, 8, **variant)
    model = model_of(Case((cell,), outputs="y", open_batch=False, open_steps=False, batch=1))
    assert any(said in reason for reason in why_wrong(model))


def test_tflm_is_never_given_hybrid_ops_or_open_dimensions() -> None:
    """Both are named; a model with neither passes."""
    hybrid, _ = quantized(copy.deepcopy(lstm()), "dynamic_range")
    reasons = " ".join(why_wrong(hybrid))
    assert "int8 weights with float values" in reasons
    assert "open dimension" in reasons
    assert why_wrong(closed()) == []


@needs_tflm
def test_what_tflm_lacks_is_told() -> None:
    """An op it does not have gives its own words."""
    cells = (
        random_lstm(np.random.default_rng(0), 4, 8),
        random_lstm(np.random.default_rng(1), 4, 8),
    )
    model = model_of(Case(cells, outputs="y", open_batch=False, open_steps=False, batch=1))
    with pytest.raises(StageError, match="BIDIRECTIONAL_SEQUENCE_LSTM"):
        MicroRunner(write_model(model))
