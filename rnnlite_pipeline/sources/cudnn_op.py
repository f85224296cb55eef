"""CudnnRNN, an op for whole stacks on a GPU, as the layers that it is.

All weights stand in one vector. Its order is that of cuDNN (cudnnGetRNNLinLayerMatrixParams, as
tensorflow/core/kernels/cudnn_rnn_ops.cc calls it): for each layer, and each direction of it, the
matrices of the input, one for each gate, then those of h; behind all matrices, for each layer and
direction again, the biases of the input and those of h. A matrix is [U, F].

    LSTM: gates i, f, g, o; c' = f c + i g; h' = o tanh(c')
    GRU: gates r, z, n; n = tanh(W x + b + r (R h + b')); h' = (1 - z) n + z h
    rnn_tanh, rnn_relu: one gate

CudnnRNNV3 takes a length for each entry of the batch. Behind it the outputs are 0 and the states
stay; the second direction begins at the entry's last step. Where its time_major is false, the batch
is the first axis of x and of the states: h and c are [B, layers * directions, U].

The op runs on a GPU alone, so the graph with the layers in its place is the source that a model is
verified against. A checkpoint may hold the matrices and biases apart, in the same order: the graph
then joins them by CudnnRNNCanonicalToParams.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from rnnlite_pipeline.toolchain import load

_GATES = {"lstm": 4, "gru": 3, "rnn_tanh": 1, "rnn_relu": 1}


def why_not_cudnn(node: Any, x: Any, h: Any) -> str:
    """Why a CudnnRNN stays as it is; empty if it need not."""
    if node.attr["input_mode"].s not in (b"", b"linear_input"):
        return f"its input_mode is {node.attr['input_mode'].s.decode()}"
    own = slice(1, 3) if _is_batch_major(node) else slice(0, 3, 2)
    if x.shape.rank != 3 or x.shape[2] is None or h.shape.rank != 3 or None in h.shape[own]:
        return "the sizes of its features and units are not fixed"
    return ""


def _is_batch_major(node: Any) -> bool:
    return "time_major" in node.attr and not node.attr["time_major"].b


def cudnn_layers(node: Any, _: bool) -> Callable[..., list[Any]]:
    """A function of x, h, c and the vector of weights, to y and the final states.

    Args:
        node: The op; x is [T, B, F], or [B, T, F] where its time_major is false.
    """
    mode = (node.attr["rnn_mode"].s or b"lstm").decode()
    both = node.attr["direction"].s == b"bidirectional"
    batch_major = _is_batch_major(node)

    def compute(x: Any, h: Any, c: Any, params: Any, lengths: Any = None) -> list[Any]:
        tf = load("tensorflow")
        cell = _Cell(mode)

        def turned(value: Any) -> Any:
            return tf.transpose(value, [1, 0, 2]) if batch_major else value

        def backward(value: Any) -> Any:
            whole = lengths is None
            return tf.reverse(value, [0]) if whole else tf.reverse_sequence(value, lengths, 0, 1)

        y, h = turned(x), turned(h)
        c = turned(c) if mode == "lstm" else h  # of the other modes it is any tensor
        directions, finals = 2 if both else 1, []
        layout = _layout(mode, params, (x.shape[2], h.shape[2], h.shape[0], directions))
        for first in range(0, h.shape[0], directions):
            outputs = []
            for direction in range(directions):
                place = first + direction
                given = backward(y) if direction else y
                steps, state = cell.run(given, (h[place], c[place]), next(layout), lengths)
                outputs.append(backward(steps) if direction else steps)
                finals.append(state)
            y = tf.concat(outputs, 2) if both else outputs[0]
        last_h, last_c = (turned(tf.stack([state[k] for state in finals])) for k in (0, 1))
        y = turned(y)
        return [y, last_h, last_c, y, y][: 4 if node.op == "CudnnRNN" else 5]

    return compute


def cudnn_vector(_node: Any, _: bool) -> Callable[..., list[Any]]:
    """A function of the sizes, all matrices and all biases, to the vector of weights."""

    def compute(_layers: Any, _units: Any, _features: Any, *weights: Any) -> list[Any]:
        tf = load("tensorflow")
        return [tf.concat([tf.reshape(each, [-1]) for each in weights], 0)]

    return compute


@dataclass(frozen=True, eq=False)
class _Weights:
    """One layer in one direction; a matrix and a bias for each gate.

    Attributes:
        kernels: Each [U, F].
        recurrent: Each [U, U].
        biases: Each [U].
        recurrent_biases: Each [U].
    """

    kernels: list[Any]
    recurrent: list[Any]
    biases: list[Any]
    recurrent_biases: list[Any]


def _layout(mode: str, params: Any, sizes: tuple[int, int, int, int]) -> Iterator[_Weights]:
    """The parts of the vector, for each layer and direction."""
    tf, gates = load("tensorflow"), _GATES[mode]
    features, units, count, directions = sizes
    widths = [features if k < directions else units * directions for k in range(count)]
    matrices = [gates * units * (width + units) for width in widths]
    start, biases = 0, sum(matrices)
    for width in widths:
        middle = start + gates * units * width
        end = middle + gates * units * units
        own = tf.reshape(params[start:middle], [gates, units, width])
        recurrent = tf.reshape(params[middle:end], [gates, units, units])
        both = tf.reshape(params[biases : biases + 2 * gates * units], [2, gates, units])
        yield _Weights(*(tf.unstack(each) for each in (own, recurrent, both[0], both[1])))
        start, biases = end, biases + 2 * gates * units


class _Cell:
    """A cell of one of the modes.

    Args:
        mode: As the op names it.
    """

    def __init__(self, mode: str) -> None:
        self._step = {"lstm": self._lstm, "gru": self._gru}.get(mode, self._simple)
        self._activation = "relu" if mode == "rnn_relu" else "tanh"

    def run(
        self, x: Any, initial: tuple[Any, Any], weights: _Weights, lengths: Any
    ) -> tuple[Any, Any]:
        """x [T, B, F] to h of all steps, and the final states; lengths [B], or None for T."""
        tf = load("tensorflow")
        steps = tf.shape(x)[0]
        read = tf.TensorArray(tf.float32, steps, element_shape=x.shape[1:]).unstack(x)
        made = tf.TensorArray(tf.float32, steps, element_shape=initial[0].shape)

        def body(t: Any, h: Any, c: Any, made: Any) -> Any:
            new = self._step(read.read(t), h, c, weights)
            if lengths is None:
                return t + 1, *new, made.write(t, new[0])
            is_live = tf.expand_dims(t < lengths, 1)
            y = tf.where(is_live, new[0], tf.zeros_like(h))
            h, c = (tf.where(is_live, *each) for each in zip(new, (h, c), strict=True))
            return t + 1, h, c, made.write(t, y)

        _, h, c, made = tf.while_loop(lambda t, *_: t < steps, body, (0, *initial, made))
        return made.stack(), (h, c)

    def _sums(self, x: Any, h: Any, weights: _Weights) -> tuple[list[Any], list[Any]]:
        """For each gate, what x adds to it and what h adds."""
        tf = load("tensorflow")
        own = zip(weights.kernels, weights.biases, strict=True)
        other = zip(weights.recurrent, weights.recurrent_biases, strict=True)
        return (
            [tf.matmul(x, kernel, transpose_b=True) + bias for kernel, bias in own],
            [tf.matmul(h, kernel, transpose_b=True) + bias for kernel, bias in other],
        )

    def _lstm(self, x: Any, h: Any, c: Any, weights: _Weights) -> tuple[Any, Any]:
        tf = load("tensorflow")
        i, f, g, o = (a + b for a, b in zip(*self._sums(x, h, weights), strict=True))
        c = tf.sigmoid(f) * c + tf.sigmoid(i) * tf.tanh(g)
        return tf.sigmoid(o) * tf.tanh(c), c

    def _gru(self, x: Any, h: Any, c: Any, weights: _Weights) -> tuple[Any, Any]:
        tf = load("tensorflow")
        own, other = self._sums(x, h, weights)
        r, z = (tf.sigmoid(a + b) for a, b in zip(own[:2], other[:2], strict=True))
        n = tf.tanh(own[2] + r * other[2])
        return (1.0 - z) * n + z * h, c

    def _simple(self, x: Any, h: Any, c: Any, weights: _Weights) -> tuple[Any, Any]:
        own, other = self._sums(x, h, weights)
        return getattr(load("tensorflow").nn, self._activation)(own[0] + other[0]), c
