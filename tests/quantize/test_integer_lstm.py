"""The fused LSTM in integers: when it has a form, and each rule of its operands."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from rnnlite_pipeline.graph.build import make_op
from rnnlite_pipeline.graph.edit import consumers, producers
from rnnlite_pipeline.graph.ir import Model, Op, Tensor
from rnnlite_pipeline.quantize.integer_lstm import (
    cell_scale,
    filled_with,
    given,
    initial,
    to_integers,
    why_not,
    why_not_by_range,
)
from rnnlite_pipeline.quantize.numbers import LARGEST_BIAS, SCHEMES
from rnnlite_pipeline.quantize.traces import Trace
from tests.lower.cases import Case, Initial, random_lstm
from tests.quantize.author import model_of

LSTM = "UNIDIRECTIONAL_SEQUENCE_LSTM"
SEEN = Trace(2.0, (-1.0, 1.0), (8.0, 8.0, 8.0, 8.0))
CLOSED: Mapping[str, Any] = {"open_batch": False, "open_steps": False, "batch": 2, "steps": 4}


def fused(case: Mapping[str, Any] | None = None, **cell: Any) -> tuple[Model, Op]:
    """A layer of 4 units over 3 features, lowered to the op."""
    lstm = random_lstm(np.random.default_rng(0), 3, 4, **cell)
    model = model_of(Case((lstm,), **{"outputs": "y", **(case or {})}))
    (op,) = (op for op in model.main.ops if op.code == LSTM)
    return model, op


def _why(model: Model, op: Op) -> str:
    return why_not(op, producers(model.main), consumers(model.main))


@pytest.mark.parametrize(
    "cell",
    [{}, {"peephole": True}, {"layer_norm": True}, {"coupled": True}, {"outputs": 3}],
    ids=str,
)
def test_most_kinds_have_a_form(cell: dict[str, Any]) -> None:
    """Whatever they have beside the gates."""
    assert _why(*fused(**cell)) == ""


@pytest.mark.parametrize(
    ("cell", "said"),
    [({"activation": "RELU"}, "computes tanh"), ({"peephole": True, "outputs": 3}, "peephole")],
    ids=str,
)
def test_some_have_none(cell: dict[str, Any], said: str) -> None:
    """The reason is the cell's."""
    assert said in _why(*fused(**cell))


@pytest.mark.parametrize("ways", [("input", "input"), ("computed", "zeros")])
def test_a_state_that_is_computed(ways: tuple[Initial, Initial]) -> None:
    """With an open batch there is no integer form; with a closed one it is set in integers."""
    assert _why(*fused({"initial": ways})) == "its state starts from a computed value"
    assert _why(*fused({"initial": ways, **CLOSED})) == ""


def test_a_final_cell_state_that_is_read() -> None:
    """Likewise: an open batch has no integer form of the CONCATENATION that reads it."""
    assert _why(*fused({"outputs": "cell"})) == "its final cell state is read"
    assert _why(*fused({"outputs": "cell", **CLOSED})) == ""
    model, op = fused({"outputs": "cell", **CLOSED})
    assert op.inputs[19] is not None
    model.main.ops.append(make_op("NEG", [op.inputs[19]], [Tensor("n", "FLOAT32", (2, 4))]))
    assert _why(model, op) == "its final cell state is read"


@pytest.mark.parametrize(
    ("cell", "said"),
    [(64.0, "the integer LSTM op ends at 64"), (63.99, ""), (0.0077, "its cell state stays below"),
     (0.008, ""), (math.inf, "reaches inf")],
)  # fmt: skip
def test_the_range_of_the_cell_state(cell: float, said: str) -> None:
    """Up to 64, and 32 steps of a candidate at least."""
    _, op = fused()
    found = why_not_by_range(op, replace(SEEN, cell=cell), 1.0, 1.0)
    assert said in found
    assert bool(said) == bool(found)


def test_what_a_gate_loses() -> None:
    """An eighth of its range is too much."""
    _, op = fused()
    assert why_not_by_range(op, replace(SEEN, lost=0.12), 1.0, 1.0) == ""
    assert "wrong by 0.13" in why_not_by_range(op, replace(SEEN, lost=0.13), 1.0, 1.0)


def test_what_the_gates_can_sum() -> None:
    """By the largest row of weights; with a layer norm the sums are measured."""
    kinds: list[tuple[dict[str, Any], bool]] = [({}, True), ({"layer_norm": True}, False)]
    for cell, wraps in [*kinds, ({"coupled": True}, True)]:
        _, op = fused(**cell)
        assert (why_not_by_range(op, SEEN, 1e6, 1.0) != "") == wraps
        assert (why_not_by_range(op, SEEN, 1.0, 1e6) != "") == wraps
        assert why_not_by_range(op, SEEN, 1e3, 1e3) == ""


@pytest.mark.parametrize("ways", ["none", "zeros", "input"])
def test_what_a_state_starts_from(ways: Initial) -> None:
    """A number that a FILL writes, or what a BROADCAST_TO sets it to."""
    model, op = fused({"initial": (ways, ways), **CLOSED})
    writers = producers(model.main)
    (h, _) = op.inputs[18:20]
    assert h is not None
    filled, source = filled_with(h, writers), given(h, writers)
    assert (filled is None, source is None) == ((True, False) if ways == "input" else (False, True))
    fed = {t: np.full((2, 4), 0.5, np.float32) for t in model.main.inputs}
    starts = initial(op, writers, fed)
    assert {float(np.max(start)) for start in starts} == {0.5 if ways == "input" else 0.0}


def test_a_state_that_nothing_writes() -> None:
    """It is neither filled nor set."""
    state = Tensor("s", "FLOAT32", (2, 4), is_variable=True)
    assert filled_with(state, {}) is None
    assert given(state, {}) is None


@pytest.mark.parametrize(("cell", "scale"), [(0.1, 2**-15), (1.0, 2**-14), (60.0, 2**-9)])
def test_the_cell_state_s_scale_is_one_that_the_kernel_has(cell: float, scale: float) -> None:
    """From 2^-15 to 2^-9."""
    assert cell_scale(replace(SEEN, cell=cell)).scale == (scale,)


def _integers(scheme: str = "int8", case: Any = None, **cell: Any) -> tuple[Model, Op, Any]:
    model, op = fused(case, **cell)
    floats = list(op.inputs)
    numbers = SCHEMES[scheme]
    x = Tensor("x/int", numbers.activation, (2, 4, 3), quantization=numbers.of(-3, 3))
    y = numbers.of(-1, 1)
    to_integers(op, numbers, producers(model.main), x=x, y=y, seen=SEEN)
    return model, op, floats


def _real(tensor: Tensor) -> Any:
    assert tensor.array is not None
    assert tensor.quantization is not None
    return tensor.array.astype(float) * tensor.quantization.scale[0]


@pytest.mark.parametrize("scheme", ["int8", "int16x8"])
def test_weights_and_biases(scheme: str) -> None:
    """int8 with one scale, within half a step; biases in the scale of input times weight."""
    _, op, floats = _integers(scheme)
    x = op.inputs[0]
    assert x is not None
    assert x.quantization is not None
    for slot in range(1, 9):
        made = op.inputs[slot]
        assert made is not None
        assert made.quantization is not None
        assert (made.dtype, len(made.quantization.scale)) == ("INT8", 1)
        assert np.abs(_real(made) - floats[slot].array).max() <= 0.501 * made.quantization.scale[0]
    for k, slot in enumerate(range(12, 16)):
        bias, kernel = op.inputs[slot], op.inputs[1 + k]
        assert bias is not None
        assert bias.quantization is not None
        assert kernel is not None
        assert kernel.quantization is not None
        assert bias.dtype == SCHEMES[scheme].bias
        wanted = x.quantization.scale[0] * kernel.quantization.scale[0]
        assert bias.quantization.scale[0] == pytest.approx(wanted)
        np.testing.assert_allclose(_real(bias), floats[slot].array, atol=wanted)


def test_what_is_left_out_stays_out() -> None:
    """Coupled gates have no input gate; without a projection none is made; 24 operands."""
    _, op, _ = _integers(coupled=True)
    missing = {slot for slot, tensor in enumerate(op.inputs) if tensor is None}
    assert missing == {1, 5, 9, 10, 11, 12, 16, 17, 20, 21, 22, 23}
    assert len(op.inputs) == 24


def test_norms_and_peepholes_are_int16() -> None:
    """A norm's bias is int32 in 2^-10 of its scale, and fits in it."""
    _, op, _ = _integers("int16x8", layer_norm=True, peephole=True)
    for slot in (9, 10, 11, 20, 21, 22, 23):
        tensor = op.inputs[slot]
        assert tensor is not None
        assert tensor.dtype == "INT16"
    for slot in range(12, 16):
        bias, norm = op.inputs[slot], op.inputs[slot + 8]
        assert bias is not None
        assert bias.array is not None
        assert bias.quantization is not None
        assert norm is not None
        assert norm.quantization is not None
        assert bias.dtype == "INT32"
        assert bias.quantization.scale[0] == pytest.approx(norm.quantization.scale[0] * 2**-10)
        assert np.abs(bias.array.astype(float)).max() <= LARGEST_BIAS["INT32"]
    assert [t.quantization.scale[0] for t in op.intermediates[:4] if t.quantization] == [
        pytest.approx(8 / 32767)
    ] * 4


def test_intermediates() -> None:
    """Four sums in 2^-12 and what the projection reads, whose zero point is 0; no memory."""
    _, op, _ = _integers(outputs=3)
    *sums, hidden = op.intermediates
    assert {t.quantization.scale[0] for t in sums if t.quantization} == {2**-12}
    assert hidden.quantization is not None
    assert (hidden.dtype, hidden.quantization.zero_point) == ("INT8", (0,))
    assert hidden.quantization.scale[0] == pytest.approx(1 / 127)
    assert {t.shape for t in op.intermediates} == {(0,)}
    _, plain, _ = _integers()
    assert plain.intermediates[4].quantization == SCHEMES["int8"].of(-1, 1)


def test_states_are_set_in_integers_at_every_call() -> None:
    """An open batch is filled with an integer; a closed one is a SLICE of a constant."""
    for case, code in ((None, "FILL"), (CLOSED, "SLICE")):
        model, op, _ = _integers(case=case)
        h, c = op.inputs[18:20]
        assert h is not None
        assert c is not None
        assert (h.dtype, c.dtype) == ("INT8", "INT16")
        writers = producers(model.main)
        assert {writers[h].code, writers[c].code} == {code}
        first = writers[h].inputs[1 if code == "FILL" else 0]
        assert first is not None
        assert first.array is not None
        assert first.quantization is not None
        zero = first.quantization.zero_point[0]
        assert set(first.array.ravel().tolist()) == {zero}
