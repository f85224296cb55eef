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


@pytest.mark.parametrize("kind", ["LSTM", "GRU"])
@pytest.mark.parametrize("both", [False, True], ids=["forward", "both"])
def test_full_lengths_give_what_keras_computes(keras: Any, kind: str, both: bool) -> None:
    """Keras 3 exports CudnnRNNV3 with tf.fill([B], T) for its lengths, and weights in this order.

    On a CPU the op does not exist: the layer itself is what it is compared with. The order is that
    of keras/src/backend/tensorflow/rnn.py, `_cudnn_lstm` and `_cudnn_gru`.
    """
    tf, rng = load("tensorflow"), np.random.default_rng(1)
    layer = getattr(keras.layers, kind)(U, return_sequences=True, return_state=True)
    layer = keras.layers.Bidirectional(layer) if both else layer
    x = rng.normal(size=(B, T, F)).astype(np.float32)
    layer(x)
    layer.set_weights([rng.normal(0, 0.5, w.shape).astype(np.float32) for w in layer.weights])
    directions, per = 2 if both else 1, 2 if kind == "LSTM" else 1
    states = [rng.normal(size=(B, U)).astype(np.float32) for _ in range(per * directions)]
    y, *last = layer(x, initial_state=states)

    ways = [layer.get_weights()[3 * k : 3 * k + 3] for k in range(directions)]
    matrices = [m for kernel, recurrent, _ in ways for w in (kernel, recurrent) for m in gates(w)]
    biases = [b for _, _, bias in ways for half in halves(kind, bias) for b in gates(half)]
    order = (1, 0, 2) if kind == "GRU" else (0, 1, 2, 3)  # cuDNN has the reset gate first
    width = len(order)
    weights = [each[k] for each in (matrices, biases) for k in ordered(len(each), width, order)]
    vector = np.concatenate([np.ravel(w) for w in weights]).astype(np.float32)
    h = np.stack(states[::per], 1)
    c = np.stack(states[1::per], 1) if kind == "LSTM" else np.float32(0)
    op = node(kind.lower(), both=both, batch_major=True)
    made = arrays(cudnn_layers(op, False)(x, h, c, vector, tf.fill([B], T)))
    np.testing.assert_allclose(made[0], y, atol=2e-6)
    np.testing.assert_allclose(made[1], np.stack(last[::per], 1), atol=2e-6)
    if kind == "LSTM":
        np.testing.assert_allclose(made[2], np.stack(last[1::per], 1), atol=2e-6)


def gates(weight: Any) -> list[Any]:
    """The matrix [U, F] or the bias [U] of each gate, in Keras' order."""
    return [each.T for each in np.split(weight, weight.shape[-1] // U, -1)]


def halves(kind: str, bias: Any) -> tuple[Any, Any]:
    """The biases of the input and of h: a GRU has both, an LSTM one for them together."""
    return (bias[0], bias[1]) if kind == "GRU" else (np.zeros_like(bias), bias)


def ordered(count: int, width: int, order: tuple[int, ...]) -> list[int]:
    """The places of a number of gates, with each layer's in another order."""
    return [start + k for start in range(0, count, width) for k in order]


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
