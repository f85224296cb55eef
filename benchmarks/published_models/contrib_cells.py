"""Cells of tf.contrib.rnn and of later papers, in graphs of TensorFlow 1: dynamic_rnn over each."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from benchmarks.in_session import Built, in_session
from rnnlite_pipeline.sources.model import SourceModel
from rnnlite_pipeline.toolchain import load

tf: Any = load("tensorflow")
v1: Any = tf.compat.v1
cells: Any = load("tf_keras.api._v1.keras.__internal__.legacy.rnn_cell")

FEATURES, UNITS = 5, 8

#: From x [B, F] and the states to the output and the next states.
Step = Callable[..., tuple[Any, Any]]


class _Cell(cells.RNNCell):  # type: ignore[misc, name-defined]
    """A cell of a step and the sizes of its states, a number or a shape each."""

    def __init__(self, step: Step, states: Any = UNITS, output: Any = UNITS) -> None:
        super().__init__()
        self._step, self._states, self._output = step, states, output

    state_size = property(lambda self: self._states)
    output_size = property(lambda self: self._output)

    def call(self, x: Any, state: Any) -> tuple[Any, Any]:
        return self._step(x, state)


def _model(
    make: Callable[[], Any], shape: tuple[int | None, ...] = (None, None, FEATURES), **options: Any
) -> SourceModel:
    def build() -> Built:
        x = v1.placeholder(tf.float32, shape, "x")
        y, state = v1.nn.dynamic_rnn(make(), x, dtype=tf.float32, **options)
        return {"x": x}, {"y": y} | {f"state_{k}": s for k, s in enumerate(tf.nest.flatten(state))}

    return in_session(build)


def _w(name: str, *shape: int) -> Any:
    return v1.get_variable(name, list(shape))


def _linear(parts: Any, units: int, name: str, *, bias: bool = True) -> Any:
    x = tf.concat(parts, 1) if len(parts) > 1 else parts[0]
    y = tf.matmul(x, _w(f"{name}_w", x.shape[-1], units))
    return y + _w(f"{name}_b", units) if bias else y


def nas_cell() -> SourceModel:
    """tf.contrib.rnn.NASCell: the cell that Zoph and Le 2017 found."""

    def step(x: Any, state: Any) -> tuple[Any, Any]:
        c, h = state
        xs = tf.split(_linear([x], 8 * UNITS, "x", bias=False), 8, 1)
        hs = tf.split(_linear([h], 8 * UNITS, "h", bias=False), 8, 1)
        first = [
            tf.sigmoid(xs[0] + hs[0]),
            tf.nn.relu(xs[1] + hs[1]),
            tf.sigmoid(xs[2] + hs[2]),
            tf.nn.relu(xs[3] * hs[3]),
            tf.tanh(xs[4] + hs[4]),
            tf.sigmoid(xs[5] + hs[5]),
            tf.tanh(xs[6] + hs[6]),
            tf.sigmoid(xs[7] + hs[7]),
        ]
        second = [
            tf.tanh(first[0] * first[1]),
            tf.tanh(first[2] + first[3]),
            tf.tanh(first[4] * first[5]),
            tf.sigmoid(first[6] + first[7]),
        ]
        second[0] = tf.tanh(second[0] + c)
        c = second[0] * second[1]
        h = tf.tanh(c * tf.tanh(second[2] + second[3]))
        return h, (c, h)

    return _model(lambda: _Cell(step, (UNITS, UNITS)))


def ugrnn_cell() -> SourceModel:
    """tf.contrib.rnn.UGRNNCell: Collins et al. 2016, one gate."""

    def step(x: Any, h: Any) -> tuple[Any, Any]:
        g, c = tf.split(_linear([x, h], 2 * UNITS, "w"), 2, 1)
        g = tf.sigmoid(g + 1.0)
        h = g * h + (1.0 - g) * tf.tanh(c)
        return h, h

    return _model(lambda: _Cell(step))


def intersection_rnn() -> SourceModel:
    """tf.contrib.rnn.IntersectionRNNCell: Collins et al. 2016, +RNN, gates in time and depth."""

    def step(x: Any, h: Any) -> tuple[Any, Any]:
        yh, hh, yg, hg = tf.split(_linear([x, h], 4 * UNITS, "w"), 4, 1)
        yg, hg = tf.sigmoid(yg + 1.0), tf.sigmoid(hg + 1.0)
        deep = _linear([x], UNITS, "in")
        new = hg * h + (1.0 - hg) * tf.tanh(hh)
        return yg * deep + (1.0 - yg) * tf.nn.relu(yh), new

    return _model(lambda: _Cell(step))


def grid_lstm() -> SourceModel:
    """tf.contrib.rnn.GridLSTMCell: Kalchbrenner et al. 2016, over time and frequency."""
    size, blocks = 2, 4

    def step(x: Any, state: Any) -> tuple[Any, Any]:
        pieces = tf.split(x, blocks, 1)
        c_f = m_f = tf.zeros_like(state[0])
        new, made = [], []
        kernel_t = _w("t_w", size + 2 * UNITS, 4 * UNITS)
        kernel_f = _w("f_w", size + 2 * UNITS, 4 * UNITS)
        for k, piece in enumerate(pieces):
            c_t, m_t = state[2 * k], state[2 * k + 1]
            both = tf.concat([piece, m_t, m_f], 1)
            i, j, f, o = tf.split(tf.matmul(both, kernel_t), 4, 1)
            p, q, r, s = tf.split(tf.matmul(both, kernel_f), 4, 1)
            c_t = tf.sigmoid(f + 1.0) * c_t + tf.sigmoid(i) * tf.tanh(j)
            c_f = tf.sigmoid(r + 1.0) * c_f + tf.sigmoid(p) * tf.tanh(q)
            m_t, m_f = tf.sigmoid(o) * tf.tanh(c_t), tf.sigmoid(s) * tf.tanh(c_f)
            new += [c_t, m_t]
            made += [m_t, m_f]
        return tf.concat(made, 1), tuple(new)

    states = (UNITS,) * (2 * blocks)
    return _model(lambda: _Cell(step, states, 2 * UNITS * blocks), (None, None, size * blocks))


def time_frequency_lstm() -> SourceModel:
    """tf.contrib.rnn.TimeFreqLSTMCell: Li et al. 2015, an LSTM along frequency in each step."""
    size, blocks = 3, 3

    def step(x: Any, state: Any) -> tuple[Any, Any]:
        c, m = state
        kernel, bias = _w("w", size + 2 * UNITS, 4 * UNITS), _w("b", 4 * UNITS)
        peep = [_w(f"peep_{g}", UNITS) for g in "fio"]
        m_old = tf.split(m, blocks, 1)
        c_old = tf.split(c, blocks, 1)
        m_f = tf.zeros_like(m_old[0])
        cs, ms = [], []
        for k, piece in enumerate(tf.split(x, blocks, 1)):
            i, j, f, o = tf.split(
                tf.matmul(tf.concat([piece, m_old[k], m_f], 1), kernel) + bias, 4, 1
            )
            new = tf.sigmoid(f + 1.0 + peep[0] * c_old[k]) * c_old[k]
            new += tf.sigmoid(i + peep[1] * c_old[k]) * tf.tanh(j)
            m_f = tf.sigmoid(o + peep[2] * new) * tf.tanh(new)
            cs.append(new)
            ms.append(m_f)
        out = tf.concat(ms, 1)
        return out, (tf.concat(cs, 1), out)

    wide = UNITS * blocks
    return _model(lambda: _Cell(step, (wide, wide), wide), (None, None, size * blocks))


def layer_norm_basic_lstm() -> SourceModel:
    """tf.contrib.rnn.LayerNormBasicLSTMCell: Ba et al. 2016, each gate and the cell normalized."""

    def norm(x: Any, name: str) -> Any:
        mean, variance = tf.nn.moments(x, [1], keepdims=True)
        scale, shift = _w(f"{name}_gamma", UNITS) + 1.0, _w(f"{name}_beta", UNITS)
        return tf.nn.batch_normalization(x, mean, variance, shift, scale, 1e-12)

    def step(x: Any, state: Any) -> tuple[Any, Any]:
        c, h = state
        gates = tf.split(_linear([x, h], 4 * UNITS, "w", bias=False), 4, 1)
        i, j, f, o = (norm(g, n) for g, n in zip(gates, "ijfo", strict=True))
        c = norm(c * tf.sigmoid(f + 1.0) + tf.sigmoid(i) * tf.tanh(j), "state")
        h = tf.tanh(c) * tf.sigmoid(o)
        return h, (c, h)

    return _model(lambda: _Cell(step, (UNITS, UNITS)))


def attention_cell_wrapper() -> SourceModel:
    """tf.contrib.rnn.AttentionCellWrapper, Magenta's attention_rnn: attends to its last outputs."""
    length = 4

    def step(x: Any, state: Any) -> tuple[Any, Any]:
        c, h, attention, kept = state
        kept = tf.reshape(kept, [-1, length, UNITS])
        inputs = _linear([x, attention], FEATURES, "in")
        i, j, f, o = tf.split(_linear([inputs, h], 4 * UNITS, "cell"), 4, 1)
        c = c * tf.sigmoid(f + 1.0) + tf.sigmoid(i) * tf.tanh(j)
        h = tf.tanh(c) * tf.sigmoid(o)
        hidden = tf.reshape(kept, [-1, length, 1, UNITS])
        features = tf.nn.conv2d(hidden, _w("k", 1, 1, UNITS, UNITS), [1, 1, 1, 1], "SAME")
        query = tf.reshape(_linear([tf.concat([c, h], 1)], UNITS, "q"), [-1, 1, 1, UNITS])
        scores = tf.reduce_sum(_w("v", UNITS) * tf.tanh(features + query), [2, 3])
        weights = tf.reshape(tf.nn.softmax(scores), [-1, length, 1, 1])
        context = tf.reshape(tf.reduce_sum(weights * hidden, [1, 2]), [-1, UNITS])
        output = _linear([h, context], UNITS, "out")
        later = tf.concat([kept[:, 1:], output[:, None]], 1)
        return output, (c, h, context, tf.reshape(later, [-1, length * UNITS]))

    return _model(lambda: _Cell(step, (UNITS, UNITS, UNITS, length * UNITS)))


def phased_lstm() -> SourceModel:
    """tf.contrib.rnn.PhasedLSTMCell: Neil et al. 2016, gates that open by the time of each item."""
    leak, ratio = 0.001, 0.3

    def step(inputs: Any, state: Any) -> tuple[Any, Any]:
        c, h = state
        time, x = inputs[:, :1], inputs[:, 1:]
        f, i, o, g = (_linear([x, h], UNITS, n) for n in "fiog")
        new = tf.sigmoid(f + 1.0) * c + tf.sigmoid(i) * tf.tanh(g)
        out = tf.sigmoid(o) * tf.tanh(new)
        period, shift = tf.exp(_w("period", UNITS)), _w("shift", UNITS)
        phase = tf.math.floormod(time - shift, period) / period
        falling = 2.0 - 2.0 * phase / ratio
        k = tf.where(phase < ratio, falling, leak * phase)
        k = tf.where(phase < 0.5 * ratio, 2.0 * phase / ratio, k)
        c, h = k * new + (1.0 - k) * c, k * out + (1.0 - k) * h
        return h, (c, h)

    return _model(lambda: _Cell(step, (UNITS, UNITS)), (None, None, FEATURES + 1))


def sru_cell() -> SourceModel:
    """tf.contrib.rnn.SRUCell: Lei et al. 2018, the simple recurrent unit."""

    def step(x: Any, c: Any) -> tuple[Any, Any]:
        u = tf.matmul(x, _w("w", UNITS, 4 * UNITS)) + _w("b", 4 * UNITS)
        a, f, r, _ = tf.split(u, 4, 1)
        f, r = tf.sigmoid(f), tf.sigmoid(r)
        c = f * c + (1.0 - f) * a
        return r * tf.tanh(c) + (1.0 - r) * x, c

    return _model(lambda: _Cell(step), (None, None, UNITS))


def _conv_lstm(rank: int) -> SourceModel:
    places, channels, kernel = (6, 5)[:rank], 3, (3,) * rank

    def step(x: Any, state: Any) -> tuple[Any, Any]:
        c, h = state
        filters = _w("w", *kernel, x.shape[-1] + channels, 4 * channels)
        both = tf.nn.convolution(tf.concat([x, h], -1), filters, padding="SAME")
        i, g, f, o = tf.split(both + _w("b", 4 * channels), 4, -1)
        c = tf.sigmoid(f + 1.0) * c + tf.sigmoid(i) * tf.tanh(g)
        h = tf.tanh(c) * tf.sigmoid(o)
        return h, (c, h)

    shape = tf.TensorShape([*places, channels])
    return _model(lambda: _Cell(step, (shape, shape), shape), (None, None, *places, 2))


def conv_1d_lstm() -> SourceModel:
    """tf.contrib.rnn.Conv1DLSTMCell."""
    return _conv_lstm(1)


def conv_2d_lstm() -> SourceModel:
    """tf.contrib.rnn.Conv2DLSTMCell: Shi et al. 2015, as the video prediction models use it."""
    return _conv_lstm(2)


def ind_rnn() -> SourceModel:
    """tf.contrib.rnn.IndRNNCell: Li et al. 2018, each unit reads itself alone."""

    def step(x: Any, h: Any) -> tuple[Any, Any]:
        h = tf.nn.relu(_linear([x], UNITS, "w") + h * _w("u", UNITS))
        return h, h

    return _model(lambda: _Cell(step))


def indy_gru() -> SourceModel:
    """tf.contrib.rnn.IndyGRUCell: Gonnet and Deselaers 2019, diagonal recurrent weights."""

    def step(x: Any, h: Any) -> tuple[Any, Any]:
        r, u = (tf.sigmoid(_linear([x], UNITS, n) + h * _w(f"{n}_u", UNITS)) for n in "ru")
        c = tf.tanh(_linear([x], UNITS, "c") + r * h * _w("c_u", UNITS))
        h = u * h + (1.0 - u) * c
        return h, h

    return _model(lambda: _Cell(step))


def indy_lstm() -> SourceModel:
    """tf.contrib.rnn.IndyLSTMCell: Gonnet and Deselaers 2019, diagonal recurrent weights."""

    def step(x: Any, state: Any) -> tuple[Any, Any]:
        c, h = state
        gates = _linear([x], 4 * UNITS, "w") + tf.tile(h, [1, 4]) * _w("u", 4 * UNITS)
        i, j, f, o = tf.split(gates, 4, 1)
        c = c * tf.sigmoid(f + 1.0) + tf.sigmoid(i) * tf.tanh(j)
        h = tf.tanh(c) * tf.sigmoid(o)
        return h, (c, h)

    return _model(lambda: _Cell(step, (UNITS, UNITS)))


def group_lstm() -> SourceModel:
    """tf.contrib.rnn.GLSTMCell: Kuchaiev and Ginsburg 2017, two groups of units."""
    groups = 2

    def step(x: Any, state: Any) -> tuple[Any, Any]:
        c, h = state
        parts: list[list[Any]] = [[], [], [], []]
        for k in range(groups):
            wide, own = x.shape[-1] // groups, UNITS // groups
            piece = x[:, k * wide : (k + 1) * wide], h[:, k * own : (k + 1) * own]
            gates = tf.split(_linear(list(piece), 4 * own, f"g{k}", bias=False), 4, 1)
            for each, gate in zip(parts, gates, strict=True):
                each.append(gate)
        i, j, f, o = (tf.concat(p, 1) + _w(f"b{k}", UNITS) for k, p in enumerate(parts))
        c = tf.sigmoid(f + 1.0) * c + tf.sigmoid(i) * tf.tanh(j)
        h = tf.sigmoid(o) * tf.tanh(c)
        return h, (c, h)

    return _model(lambda: _Cell(step, (UNITS, UNITS)), (None, None, 6))


def chaos_free() -> SourceModel:
    """tf.contrib.rnn.CFNCell: Laurent and von Brecht 2017, a chaos-free network."""

    def step(x: Any, h: Any) -> tuple[Any, Any]:
        v = _w("v", FEATURES, UNITS)
        f, i = tf.split(tf.sigmoid(_linear([x, h], 2 * UNITS, "w")), 2, 1)
        h = tf.tanh(h) * f + tf.tanh(tf.matmul(x, v)) * i
        return h, h

    return _model(lambda: _Cell(step))


def minimal_rnn() -> SourceModel:
    """tf.contrib.rnn.MinimalRNNCell: Chen 2017."""

    def step(x: Any, h: Any) -> tuple[Any, Any]:
        z = tf.tanh(_linear([x], UNITS, "in", bias=False))
        u = tf.sigmoid(_linear([h, z], UNITS, "u") + 1.0)
        h = u * h + (1.0 - u) * z
        return h, h

    return _model(lambda: _Cell(step))


def highway_residual_stack() -> SourceModel:
    """tf.contrib.rnn.HighwayWrapper and ResidualWrapper over LSTMs with peepholes."""

    def step(x: Any, state: Any) -> tuple[Any, Any]:
        c, h = state
        i, j, f, o = tf.split(_linear([x, h], 4 * UNITS, "w"), 4, 1)
        c = tf.sigmoid(f + 1.0 + _w("f", UNITS) * c) * c + tf.sigmoid(
            i + _w("i", UNITS) * c
        ) * tf.tanh(j)
        h = tf.sigmoid(o + _w("o", UNITS) * c) * tf.tanh(c)
        carry = tf.sigmoid(_linear([x], UNITS, "carry") - 1.0)
        return x * (1.0 - carry) + h * carry, (c, h)

    return _model(
        lambda: cells.MultiRNNCell([_Cell(step, (UNITS, UNITS)) for _ in range(2)]),
        (None, None, UNITS),
    )


def orthogonal_soft_state() -> SourceModel:
    """Helfrich et al. 2018, scoRNN's modReLU over complex states (Arjovsky et al. 2016, uRNN)."""

    def step(x: Any, state: Any) -> tuple[Any, Any]:
        z = tf.complex(*state)
        turn = tf.exp(1j * tf.cast(_w("turn", UNITS), tf.complex64))
        mirror = tf.complex(_w("mirror_re", UNITS, 1), _w("mirror_im", UNITS, 1))
        length = tf.reduce_sum(tf.abs(mirror) ** 2)
        z = z * turn
        z -= (
            2.0
            * tf.matmul(tf.matmul(z, mirror, adjoint_b=False), mirror, adjoint_b=True)
            / (tf.cast(length, tf.complex64))
        )
        z = tf.signal.ifft(tf.signal.fft(z) * tf.exp(1j * tf.cast(_w("t2", UNITS), tf.complex64)))
        z += tf.complex(_linear([x], UNITS, "re"), _linear([x], UNITS, "im"))
        size = tf.abs(z)
        scale = tf.nn.relu(size + _w("bias", UNITS)) / (size + 1e-5)
        z *= tf.cast(scale, tf.complex64)
        out = tf.concat([tf.math.real(z), tf.math.imag(z)], 1)
        return out, (tf.math.real(z), tf.math.imag(z))

    return _model(lambda: _Cell(step, (UNITS, UNITS), 2 * UNITS))


def clockwork() -> SourceModel:
    """Koutnik et al. 2014, a clockwork RNN: groups of units that tick at their own periods."""
    periods = [2 ** (k // 2) for k in range(UNITS)]
    allowed = [[float(q >= p) for p in periods] for q in periods]

    def step(x: Any, state: Any) -> tuple[Any, Any]:
        time, h = state
        w = _w("h_w", UNITS, UNITS) * tf.constant(allowed)
        new = tf.tanh(_linear([x], UNITS, "x") + tf.matmul(h, w))
        ticks = tf.equal(tf.math.floormod(time, tf.constant([periods], tf.float32)), 0.0)
        h = tf.where(ticks, new, h)
        return h, (time + 1.0, h)

    return _model(lambda: _Cell(step, (1, UNITS)))


def quasi_periodic_gate() -> SourceModel:
    """Jing et al. 2017, a gated orthogonal unit: rotations of pairs of units in each step."""

    def step(x: Any, h: Any) -> tuple[Any, Any]:
        u, r = tf.split(tf.sigmoid(_linear([x, h], 2 * UNITS, "g")), 2, 1)
        angle = math.pi * _w("angle", UNITS // 2)
        a, b = h[:, ::2], h[:, 1::2]
        turned = tf.stack(
            [a * tf.cos(angle) - b * tf.sin(angle), a * tf.sin(angle) + b * tf.cos(angle)], 2
        )
        c = tf.nn.relu(_linear([x], UNITS, "c") + r * tf.reshape(turned, [-1, UNITS]))
        h = u * h + (1.0 - u) * c
        return h, h

    return _model(lambda: _Cell(step))
