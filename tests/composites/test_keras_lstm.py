"""The Keras LSTM interface becomes one recurrence, with every result that the interface has."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from rnnlite_pipeline.cells.recurrence import RECURRENCE, Recurrence
from rnnlite_pipeline.composites.call import CompositeCall, Refused
from rnnlite_pipeline.composites.keras_lstm import convert, fits
from rnnlite_pipeline.graph.build import Builder
from rnnlite_pipeline.graph.ir import OPEN, Tensor

F, U = 3, 2
RANDOM = np.random.default_rng(0)
WEIGHTS = {"kernel": (F, 4 * U), "recurrent": (U, 4 * U), "bias": (4 * U,)}


def call(x: tuple[int, ...], y: tuple[int, ...], **more: Any) -> CompositeCall:
    """A call on a sequence of shape x whose `outputs` is of shape y.

    Args:
        x: The shape of the input.
        y: The shape of the second result.
        more: Shapes of weights; or attributes of the annotation.
    """
    arrays = [RANDOM.normal(size=more.pop(n, s)).astype(np.float32) for n, s in WEIGHTS.items()]
    states = [Tensor(n, "FLOAT32", (OPEN, U)) for n in "hc"]
    operands = (Tensor("x", "FLOAT32", x), *states, *map(Tensor.constant, WEIGHTS, arrays))
    shapes = ((OPEN, U), y, (OPEN, U), (OPEN, U), ())
    results = tuple(Tensor(f"r{k}", "FLOAT32", shape) for k, shape in enumerate(shapes))
    return CompositeCall("lstm_1", "layer", more, operands, results, Builder("layer"))


def test_the_interface_is_six_operands_and_five_results() -> None:
    """A mask is a seventh operand, and no part of it."""
    assert fits(6, 5)
    assert not fits(7, 5)
    assert not fits(6, 4)


@pytest.mark.parametrize("time_major", [False, True])
def test_a_sequence(time_major: bool) -> None:
    """y, the final h in two places, the final c, and no number for Keras' own use."""
    made = call((OPEN, OPEN, F), (OPEN, OPEN, U), time_major=time_major)
    last, y, h, c, runtime = convert(made)
    (op,) = made.build.ops
    assert op.code == RECURRENCE
    assert op.inputs == list(made.operands[:3])
    assert [y, last, c] == op.outputs
    assert h is last
    assert runtime is None
    recurrence: Recurrence = op.options["recurrence"]
    assert (recurrence.name, recurrence.time_major) == ("layer", time_major)
    assert not recurrence.reverse


def test_gates_stand_in_the_order_of_keras() -> None:
    """Input, forget, candidate, output: the cell computes what Keras's equations say."""
    made = call((1, 1, F), (1, 1, U))
    convert(made)
    kernel, recurrent, bias = (made.constant(k) for k in (3, 4, 5))
    x, h, c = RANDOM.normal(size=(1, F)), RANDOM.normal(size=(1, U)), RANDOM.normal(size=(1, U))
    i, f, g, o = np.split(x @ kernel + h @ recurrent + bias, 4, axis=1)

    def sigmoid(z: Any) -> Any:
        return 1 / (1 + np.exp(-z))

    c_new = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
    wanted = sigmoid(o) * np.tanh(c_new), c_new
    _, *found = made.recurrences[0].run(x[:, None], (h, c))
    np.testing.assert_allclose(found, wanted, atol=1e-12)


@pytest.mark.parametrize(("time_major", "axis"), [(False, 1), (True, 0)])
def test_backwards(time_major: bool, axis: int) -> None:
    """Outputs stand in the order they were computed in, which is not that of the input."""
    shapes = (4, 5, F), (4, 5, U)
    made = call(*shapes, time_major=time_major, go_backwards=True)
    last, y, *_ = convert(made)
    recurrence, reverse = made.build.ops
    assert recurrence.options["recurrence"].reverse
    assert reverse.code == "REVERSE_V2"
    assert reverse.inputs[0] is recurrence.outputs[0]
    assert reverse.inputs[1] is not None
    np.testing.assert_array_equal(reverse.inputs[1].array, [axis])
    assert y is reverse.outputs[0]
    assert last is recurrence.outputs[1]


@pytest.mark.parametrize(
    ("x", "y", "time_major", "keeps_last"),
    [
        ((OPEN, OPEN, F), (OPEN, 1, U), False, True),
        ((7, 4, F), (1, 4, U), True, True),
        ((4, 1, F), (4, 1, U), False, False),
        ((1, 9, F), (1, 9, U), False, False),
        ((1, 9, F), (1, 9, U), True, False),
    ],
)
def test_the_last_output_alone(x: Any, y: Any, time_major: bool, keeps_last: bool) -> None:
    """Where a longer sequence gives one step it is the last; of one step there is no other."""
    made = call(x, y, time_major=time_major, go_backwards=True)
    last, outputs, *_ = convert(made)
    code = made.build.ops[-1].code
    assert code == ("EXPAND_DIMS" if keeps_last else "REVERSE_V2")
    assert outputs is made.build.ops[-1].outputs[0]
    if keeps_last:
        assert made.build.ops[-1].inputs[0] is last


@pytest.mark.parametrize(
    "weights",
    [
        {"bias": (2, 4 * U)},
        {"kernel": (F, 3 * U)},
        {"recurrent": (U + 1, 4 * U)},
        {"bias": (3 * U,)},
        {"kernel": (4 * U,)},
    ],
)
def test_weights_that_do_not_fit(weights: Any) -> None:
    """Their shapes are said, as they are and as they should be."""
    with pytest.raises(Refused, match=r"its kernel \[.*\] are not \[F, 4U\], \[U, 4U\] and \[4U\]"):
        convert(call((2, 5, F), (2, 5, U), **weights))


def test_a_weight_that_is_computed() -> None:
    """It is refused by its place among the operands."""
    made = call((2, 5, F), (2, 5, U))
    made.operands[4].data = None
    with pytest.raises(Refused, match="operand 4 is computed"):
        convert(made)
