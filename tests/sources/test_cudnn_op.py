"""What CudnnRNN computes, on small numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from rnnlite_pipeline.sources.cudnn_op import cudnn_layers, cudnn_vector, why_not_cudnn
from rnnlite_pipeline.toolchain import load

T, B, F, U = 4, 3, 2, 5
GATES = {"lstm": 4, "gru": 3, "rnn_tanh": 1, "rnn_relu": 1}


def node(mode: str, both: bool = False, batch_major: bool | None = None) -> Any:
    """A CudnnRNNV3; without `time_major` where `batch_major` is None."""
    made = load("tensorflow").compat.v1.NodeDef(name="rnn", op="CudnnRNNV3")
    made.attr["rnn_mode"].s = mode.encode()
    made.attr["direction"].s = b"bidirectional" if both else b"unidirectional"
    if batch_major is not None:
        made.attr["time_major"].b = not batch_major
    return made


def drawn(mode: str, layers: int, directions: int) -> list[Any]:
    """x, h, c and the weights of a stack, by the sizes above; h and c are no zeros."""
    rng = np.random.default_rng(0)
    count = 0
    for k in range(layers):
        width = F if k == 0 else U * directions
        count += directions * GATES[mode] * (U * (width + U) + 2 * U)
    shapes = [(T, B, F), (layers * directions, B, U), (layers * directions, B, U), (count,)]
    return [rng.normal(0, 0.5, shape).astype(np.float32) for shape in shapes]


def arrays(made: list[Any]) -> list[Any]:
    """y, h and c as arrays."""
    return [np.asarray(each) for each in made[:3]]


def sigmoid(x: Any) -> Any:
    """The logistic function."""
    return 1 / (1 + np.exp(-x))


def step(mode: str, x: Any, h: Any, c: Any, weights: Any) -> tuple[Any, Any]:
    """One step of one layer by cuDNN's equations, in float64."""
    gates, at = GATES[mode], 0
    parts = []
    for shape in [(gates, U, F), (gates, U, U), (gates, U), (gates, U)]:
        parts.append(weights[at : at + np.prod(shape)].reshape(shape).astype(np.float64))
        at += int(np.prod(shape))
    own = [x @ w.T + b for w, b in zip(parts[0], parts[2], strict=True)]
    other = [h @ w.T + b for w, b in zip(parts[1], parts[3], strict=True)]
    if mode == "lstm":
        i, f, g, o = (a + b for a, b in zip(own, other, strict=True))
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        return sigmoid(o) * np.tanh(c), c
    if mode == "gru":
        r, z = (sigmoid(own[k] + other[k]) for k in (0, 1))
        return (1 - z) * np.tanh(own[2] + r * other[2]) + z * h, c
    total = own[0] + other[0]
    return (np.maximum(total, 0) if mode == "rnn_relu" else np.tanh(total)), c


@pytest.mark.parametrize("mode", sorted(GATES))
def test_a_layer_computes_the_equations_of_its_mode(mode: str) -> None:
    """Every gate, both biases and the initial states count."""
    x, h, c, weights = drawn(mode, 1, 1)
    y, last, _ = arrays(cudnn_layers(node(mode), False)(x, h, c, weights))
    state = h[0].astype(np.float64), c[0].astype(np.float64)
    for t in range(T):
        state = step(mode, x[t], *state, weights)
        np.testing.assert_allclose(y[t], state[0], atol=1e-5)
    np.testing.assert_allclose(last[0], state[0], atol=1e-5)


@pytest.mark.parametrize("mode", ["lstm", "gru"])
def test_batch_major_has_the_batch_first_in_states_too(mode: str) -> None:
    """x, y and the states are those of time-major, with their first two axes exchanged."""
    given = drawn(mode, 2, 2)
    expected = arrays(cudnn_layers(node(mode, both=True, batch_major=False), False)(*given))
    turned = [each.swapaxes(0, 1) for each in given[:3]]
    made = cudnn_layers(node(mode, both=True, batch_major=True), False)(*turned, given[3])
    for one, other in zip(expected[:2], arrays(made), strict=False):
        np.testing.assert_allclose(other.swapaxes(0, 1), one, atol=1e-6)


@pytest.mark.parametrize("mode", ["lstm", "gru"])
def test_an_entry_ends_at_its_length(mode: str) -> None:
    """Each entry is as if it were alone and as short; behind its length the outputs are 0."""
    x, h, c, weights = drawn(mode, 2, 2)
    lengths, compute = np.array([4, 1, 2], np.int32), cudnn_layers(node(mode, both=True), False)
    y, last, _ = arrays(compute(x, h, c, weights, lengths))
    for entry, length in enumerate(lengths):
        alone = slice(entry, entry + 1)
        expected = arrays(compute(x[:length, alone], h[:, alone], c[:, alone], weights))
        np.testing.assert_allclose(y[:length, alone], expected[0], atol=1e-6)
        np.testing.assert_allclose(last[:, alone], expected[1], atol=1e-6)
        assert not y[length:, entry].any()


def test_the_cell_state_is_read_by_an_lstm_alone() -> None:
    """Keras gives the single number 0 as the cell state of a GRU."""
    x, h, _, weights = drawn("gru", 1, 1)
    compute = cudnn_layers(node("gru"), False)
    one, other = (arrays(compute(x, h, c, weights))[0] for c in (np.zeros_like(h), np.float32(0)))
    np.testing.assert_array_equal(one, other)


def test_weights_are_joined_in_their_order() -> None:
    """Matrices row by row, then biases; the three sizes in front are no weights."""
    tf = load("tensorflow")
    given = [tf.constant([[1.0, 2.0], [3.0, 4.0]]), tf.constant([5.0])]
    (vector,) = cudnn_vector(None, False)(1, 2, 2, *given)
    np.testing.assert_array_equal(vector, [1, 2, 3, 4, 5])


def test_what_has_no_fixed_sizes_stays() -> None:
    """The batch may be open in either layout; the number of layers and the units may not."""
    tf = load("tensorflow")
    x = tf.TensorSpec((None, None, F))
    time_major, batch_major = node("lstm", batch_major=False), node("lstm", batch_major=True)
    layers_first, batch_first = tf.TensorSpec((2, None, U)), tf.TensorSpec((None, 2, U))
    assert not why_not_cudnn(time_major, x, layers_first)
    assert not why_not_cudnn(batch_major, x, batch_first)
    assert "not fixed" in why_not_cudnn(time_major, x, batch_first)
    assert "not fixed" in why_not_cudnn(batch_major, x, layers_first)
    assert "not fixed" in why_not_cudnn(time_major, tf.TensorSpec((None, 1, None)), layers_first)
    time_major.attr["input_mode"].s = b"skip_input"
    assert "skip_input" in why_not_cudnn(time_major, x, layers_first)
