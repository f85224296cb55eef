"""Sonnet's and others' networks with memories, hyper networks and policies, in TensorFlow 2."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from rnnlite_pipeline.sources.formats.concrete_function import source_model
from rnnlite_pipeline.sources.model import SourceModel
from rnnlite_pipeline.toolchain import load

tf: Any = load("tensorflow")

FEATURES, UNITS = 5, 8


class _Weights:
    """Random weights by name; the same ones each time."""

    def __init__(self) -> None:
        self._random, self._made = np.random.default_rng(0), {}

    def __call__(self, name: str, *shape: int) -> Any:
        if name not in self._made:
            values = self._random.normal(0.0, 0.3, shape).astype(np.float32)
            self._made[name] = tf.Variable(values, name=name)
        return self._made[name]

    def linear(self, x: Any, units: int, name: str) -> Any:
        """x @ w + b."""
        return tf.matmul(x, self(f"{name}_w", x.shape[-1], units)) + self(f"{name}_b", units)

    def lstm(self, x: Any, state: Any, name: str, units: int = UNITS) -> tuple[Any, Any]:
        """One step of an LSTM, gates in Sonnet's order."""
        h, c = state
        i, g, f, o = tf.split(self.linear(tf.concat([x, h], 1), 4 * units, name), 4, 1)
        c = tf.sigmoid(f + 1.0) * c + tf.sigmoid(i) * tf.tanh(g)
        h = tf.sigmoid(o) * tf.tanh(c)
        return h, (h, c)


def _source(call: Callable[..., Any], **shapes: tuple[int | None, ...]) -> SourceModel:
    specs = [tf.TensorSpec(shape, tf.float32, name=name) for name, shape in shapes.items()]
    return source_model(tf.function(call, input_signature=specs, autograph=False), "f", {})


def _unrolled(step: Callable[[Any, Any], Any], x: Any, state: Any) -> tuple[Any, Any]:
    """A loop over time, x [T, B, F]: Sonnet's dynamic_unroll."""
    steps = tf.shape(x)[0]
    taken = tf.TensorArray(tf.float32, steps, element_shape=x.shape[1:]).unstack(x)
    probe = tf.function(lambda a, s: step(a, s)[0]).get_concrete_function(
        tf.TensorSpec(x.shape[1:]), tf.nest.map_structure(lambda s: tf.TensorSpec(s.shape), state)
    )
    made = tf.TensorArray(tf.float32, steps, element_shape=probe.output_shapes)

    def body(t: Any, state: Any, made: Any) -> Any:
        y, state = step(taken.read(t), state)
        return t + 1, state, made.write(t, y)

    shapes = tf.nest.map_structure(lambda s: s.shape, state)
    invariants = (tf.TensorShape([]), shapes, tf.TensorShape(None))
    ended = tf.while_loop(
        lambda t, *_: t < steps, body, (0, state, made), shape_invariants=invariants
    )
    return ended[2].stack(), ended[1]


def _zeros(x: Any, *shape: int) -> Any:
    """Zeros [B, *shape] for x [T, B, F]."""
    zeros = tf.zeros([tf.shape(x)[1], *shape])
    return tf.ensure_shape(zeros, [None, *shape])


def sonnet_deep_rnn() -> SourceModel:
    """github.com/google-deepmind/sonnet: DeepRNN with skip connections over LSTM and VanillaRNN."""
    w = _Weights()

    def step(x: Any, state: Any) -> Any:
        y, one = w.lstm(x, state[0], "a")
        both = tf.concat([x, y], 1)
        h = tf.tanh(w.linear(both, UNITS, "i") + w.linear(state[1], UNITS, "h"))
        return w.linear(tf.concat([y, h], 1), 4, "out"), (one, h)

    def call(x: Any) -> Any:
        zero = _zeros(x, UNITS)
        return _unrolled(step, x, ((zero, zero), zero))

    return _source(call, x=(None, None, FEATURES))


def differentiable_neural_computer() -> SourceModel:
    """github.com/google-deepmind/dnc: Graves et al. 2016: usage, links in time, content."""
    w, rows, width = _Weights(), 4, 3

    def content(memory: Any, key: Any, strength: Any) -> Any:
        dots = tf.einsum("bnw,bw->bn", memory, key)
        sizes = tf.sqrt(tf.reduce_sum(memory**2, 2)) * tf.sqrt(tf.reduce_sum(key**2, 1))[:, None]
        return tf.nn.softmax(dots / (sizes + 1e-6) * strength, 1)

    def step(x: Any, state: Any) -> Any:
        lstm, memory, usage, link, precedence, write, read, word = state
        h, lstm = w.lstm(tf.concat([x, word], 1), lstm, "controller")
        key, erase, vector, read_key = tf.split(w.linear(h, 4 * width, "vectors"), 4, 1)
        gates = tf.sigmoid(w.linear(h, 3, "gates"))
        strengths = 1.0 + tf.nn.softplus(w.linear(h, 2, "strengths"))
        modes = tf.nn.softmax(w.linear(h, 3, "modes"))
        usage = (usage + write - usage * write) * (1.0 - gates[:, :1] * read)
        order = tf.nn.top_k(-usage, rows).indices
        sorted_usage = tf.gather(usage, order, batch_dims=1)
        free = (1.0 - sorted_usage) * tf.math.cumprod(sorted_usage, 1, exclusive=True)
        places = tf.one_hot(order, rows)
        allocation = tf.einsum("bk,bkn->bn", free, places)
        found = content(memory, key, strengths[:, :1])
        write = gates[:, 1:2] * (gates[:, 2:] * allocation + (1.0 - gates[:, 2:]) * found)
        memory = memory * (1.0 - write[:, :, None] * tf.sigmoid(erase)[:, None, :])
        memory += write[:, :, None] * vector[:, None, :]
        link = (1.0 - write[:, :, None] - write[:, None, :]) * link
        link += write[:, :, None] * precedence[:, None, :]
        link = tf.linalg.set_diag(link, tf.zeros_like(link[:, 0]))
        precedence = (1.0 - tf.reduce_sum(write, 1, keepdims=True)) * precedence + write
        ahead = tf.einsum("bij,bj->bi", link, read)
        back = tf.einsum("bji,bj->bi", link, read)
        read = modes[:, :1] * back + modes[:, 1:2] * content(memory, read_key, strengths[:, 1:])
        read += modes[:, 2:] * ahead
        word = tf.einsum("bn,bnw->bw", read, memory)
        y = w.linear(tf.concat([h, word], 1), 4, "out")
        return y, (lstm, memory, usage, link, precedence, write, read, word)

    def call(x: Any) -> Any:
        zero, row = _zeros(x, UNITS), _zeros(x, rows)
        state = ((zero, zero), _zeros(x, rows, width), row, _zeros(x, rows, rows), row, row, row)
        return _unrolled(step, x, (*state, _zeros(x, width)))[0]

    return _source(call, x=(None, None, FEATURES))


def neural_turing_machine() -> SourceModel:
    """github.com/MarkPKCollier/NeuralTuringMachine: shifts of the attention, sharpened."""
    w, rows, width = _Weights(), 6, 4

    def step(x: Any, state: Any) -> Any:
        lstm, memory, weights, word = state
        h, lstm = w.lstm(tf.concat([x, word], 1), lstm, "controller")
        key = tf.tanh(w.linear(h, width, "key"))
        beta, gate, gamma = tf.split(w.linear(h, 3, "scalars"), 3, 1)
        shift = tf.nn.softmax(w.linear(h, 3, "shift"))
        dots = tf.reduce_sum(memory * key[:, None], 2)
        sizes = tf.norm(memory, axis=2) * tf.norm(key, axis=1, keepdims=True)
        found = tf.nn.softmax(tf.nn.softplus(beta) * dots / (sizes + 1e-8))
        g = tf.sigmoid(gate)
        mixed = g * found + (1.0 - g) * weights
        moved = sum(shift[:, k : k + 1] * tf.roll(mixed, k - 1, 1) for k in range(3))
        sharp = tf.pow(moved + 1e-6, tf.nn.softplus(gamma) + 1.0)
        weights = sharp / tf.reduce_sum(sharp, 1, keepdims=True)
        erase, add = tf.split(w.linear(h, 2 * width, "write"), 2, 1)
        memory = memory * (1.0 - weights[:, :, None] * tf.sigmoid(erase)[:, None])
        memory += weights[:, :, None] * tf.tanh(add)[:, None]
        word = tf.reduce_sum(weights[:, :, None] * memory, 1)
        return w.linear(tf.concat([h, word], 1), 4, "out"), (lstm, memory, weights, word)

    def call(x: Any) -> Any:
        zero = _zeros(x, UNITS)
        start = _zeros(x, rows, width) + 1e-3
        even = _zeros(x, rows) + 1.0 / rows
        return _unrolled(step, x, ((zero, zero), start, even, _zeros(x, width)))[0]

    return _source(call, x=(None, None, FEATURES))


def relational_memory_core() -> SourceModel:
    """github.com/google-deepmind/sonnet: RelationalMemory, Santoro et al. 2018: heads, gates."""
    w, slots, heads, size = _Weights(), 3, 2, 4
    width = heads * size

    def norm(x: Any, name: str) -> Any:
        mean, variance = tf.nn.moments(x, [-1], keepdims=True)
        return (x - mean) * tf.math.rsqrt(variance + 1e-5) * (1.0 + w(name, width))

    def dense(x: Any, units: int, name: str) -> Any:
        return tf.tensordot(x, w(name, width, units), 1)

    def step(x: Any, memory: Any) -> Any:
        item = w.linear(x, width, "in")[:, None]
        both = tf.concat([memory, item], 1)
        qkv = tf.reshape(dense(both, 3 * width, "qkv"), [-1, slots + 1, heads, 3 * size])
        q, k, v = tf.split(tf.transpose(qkv, [0, 2, 1, 3]), 3, -1)
        weights = tf.nn.softmax(tf.matmul(q * size**-0.5, k, transpose_b=True))
        attended = tf.reshape(tf.transpose(tf.matmul(weights, v), [0, 2, 1, 3]), tf.shape(both))
        attended = tf.ensure_shape(attended, [None, slots + 1, width])
        new = norm(both + attended, "n1")
        new = norm(new + tf.nn.relu(dense(new, width, "mlp")), "n2")[:, :slots]
        gates = dense(item, 2 * width, "gx") + dense(tf.tanh(memory), 2 * width, "gm")
        i, f = tf.split(tf.sigmoid(gates + 0.5), 2, -1)
        memory = i * tf.tanh(new) + f * memory
        return tf.reshape(memory, [-1, slots * width]), memory

    def call(x: Any) -> Any:
        start = _zeros(x, slots, width) + tf.eye(slots, width)
        return _unrolled(step, x, start)[0]

    return _source(call, x=(None, None, FEATURES))


def learning_to_learn() -> SourceModel:
    """github.com/google-deepmind/learning-to-learn: an LSTM for each coordinate of a gradient."""
    w = _Weights()

    def call(gradient: Any, h0: Any, c0: Any, h1: Any, c1: Any) -> Any:
        k = 10.0
        size = tf.math.log(tf.abs(gradient) + 1e-8) / k
        sign = tf.clip_by_value(gradient * np.exp(k).astype("f4"), -1.0, 1.0)
        x = tf.concat([tf.maximum(size, -1.0), sign], 1)
        y, one = w.lstm(x, (h0, c0), "a")
        y, two = w.lstm(y, (h1, c1), "b")
        return w.linear(y, 1, "out") * 0.1, one, two

    state = (None, UNITS)
    return _source(call, gradient=(None, 1), h0=state, c0=state, h1=state, c1=state)


def impala() -> SourceModel:
    """github.com/google-deepmind/scalable_agent: an LSTM whose state each new episode resets."""
    w = _Weights()

    def call(frames: Any, reward: Any, done: Any, h: Any, c: Any) -> Any:
        frames = tf.transpose(frames, [1, 0, 2, 3, 4])  # time-major, as its actors send them
        reward, done = tf.transpose(reward), tf.transpose(done)
        steps, batch = tf.shape(frames)[0], tf.shape(frames)[1]
        x = tf.reshape(frames, [-1, 12, 12, 3]) / 255.0
        x = tf.nn.relu(tf.nn.conv2d(x, w("conv", 4, 4, 3, 6), 2, "VALID"))
        x = tf.nn.relu(w.linear(tf.reshape(x, [-1, 150]), UNITS, "fc"))
        x = tf.reshape(x, [steps, batch, UNITS])
        x = tf.concat([x, tf.clip_by_value(reward, -1.0, 1.0)[..., None], done[..., None]], 2)
        x.set_shape([None, None, UNITS + 2])

        def step(item: Any, state: Any) -> Any:
            ended = item[:, UNITS + 1 :] > 0.5
            state = tf.nest.map_structure(lambda s: tf.where(ended, tf.zeros_like(s), s), state)
            return w.lstm(item[:, : UNITS + 1], state, "core")

        y, state = _unrolled(step, x, (h, c))
        flat = tf.reshape(y, [-1, UNITS])
        logits = tf.reshape(w.linear(flat, 4, "policy"), [steps, batch, 4])
        return logits, tf.reshape(w.linear(flat, 1, "value"), [steps, batch]), state

    return _source(
        call,
        frames=(None, None, 12, 12, 3),
        reward=(None, None),
        done=(None, None),
        h=(None, UNITS),
        c=(None, UNITS),
    )


def r2d2_dueling() -> SourceModel:
    """Kapturowski et al. 2019, R2D2: burnt-in LSTM state, dueling heads, previous action fed."""
    w = _Weights()

    def call(x: Any, action: Any, h: Any, c: Any) -> Any:
        x, action = tf.transpose(x, [1, 0, 2]), tf.transpose(action)
        steps, batch = tf.shape(x)[0], tf.shape(x)[1]
        flat = tf.nn.relu(w.linear(tf.reshape(x, [-1, FEATURES]), UNITS, "torso"))
        last = tf.one_hot(tf.cast(tf.reshape(action, [-1]), tf.int32), 3)
        joined = tf.reshape(tf.concat([flat, last], 1), [steps, batch, UNITS + 3])
        joined.set_shape([None, None, UNITS + 3])
        y, state = _unrolled(lambda a, s: w.lstm(a, s, "core"), joined, (h, c))
        flat = tf.reshape(y, [-1, UNITS])
        value, advantage = w.linear(flat, 1, "v"), w.linear(flat, 3, "a")
        q = value + advantage - tf.reduce_mean(advantage, 1, keepdims=True)
        return tf.reshape(q, [steps, batch, 3]), state

    shape = (None, UNITS)
    return _source(call, x=(None, None, FEATURES), action=(None, None), h=shape, c=shape)


def hyper_lstm() -> SourceModel:
    """github.com/magenta/magenta sketch_rnn: HyperLSTMCell, Ha et al. 2016, with layer norm."""
    w, small, embedded = _Weights(), 4, 3

    def norm(x: Any, name: str) -> Any:
        mean, variance = tf.nn.moments(x, [-1], keepdims=True)
        return (x - mean) * tf.math.rsqrt(variance + 1e-3) * (1.0 + w(name, UNITS))

    def scaled(inner: Any, layer: Any, name: str) -> Any:
        return w.linear(w.linear(inner, embedded, f"{name}_z"), UNITS, f"{name}_s") * layer

    def step(x: Any, state: Any) -> Any:
        (h, c), hyper = state
        inner, hyper = w.lstm(tf.concat([x, h], 1), hyper, "hyper", small)
        xs = tf.split(tf.matmul(x, w("x", FEATURES, 4 * UNITS)), 4, 1)
        hs = tf.split(tf.matmul(h, w("h", UNITS, 4 * UNITS)), 4, 1)
        gates = [
            norm(scaled(inner, a, f"x{k}") + scaled(inner, b, f"h{k}") + w(f"b{k}", UNITS), f"n{k}")
            for k, (a, b) in enumerate(zip(xs, hs, strict=True))
        ]
        i, g, f, o = gates
        c = c * tf.sigmoid(f + 1.0) + tf.sigmoid(i) * tf.tanh(g)
        h = tf.tanh(norm(c, "nc")) * tf.sigmoid(o)
        return h, ((h, c), hyper)

    def call(x: Any) -> Any:
        zero, inner = _zeros(x, UNITS), _zeros(x, small)
        return _unrolled(step, x, ((zero, zero), (inner, inner)))[0]

    return _source(call, x=(None, None, FEATURES))


def music_vae_hierarchical() -> SourceModel:
    """github.com/magenta/magenta music_vae: a conductor LSTM, and a decoder for each bar."""
    w, bars, notes = _Weights(), 4, 5

    def call(z: Any) -> Any:
        batch = tf.shape(z)[0]
        zero = tf.ensure_shape(tf.zeros([batch, UNITS]), [None, UNITS])
        start = tf.tanh(w.linear(z, UNITS, "start"))
        state, made = (start, zero), []
        for _ in range(bars):
            bar, state = w.lstm(tf.zeros([batch, 1]), state, "conductor")
            inner = (tf.tanh(w.linear(bar, UNITS, "bar")), zero)
            x = tf.ensure_shape(tf.zeros([batch, 6]), [None, 6])
            for _ in range(notes):
                y, inner = w.lstm(tf.concat([x, bar], 1), inner, "decoder")
                x = tf.nn.softmax(w.linear(y, 6, "out"))
                made.append(x)
        return tf.stack(made, 1)

    return _source(call, z=(None, 3))


def neural_programmer_stack() -> SourceModel:
    """Joulin and Mikolov 2015, a recurrent network with a stack that it pushes and pops."""
    w, depth = _Weights(), 5

    def step(x: Any, state: Any) -> Any:
        h, stack = state
        h = tf.sigmoid(w.linear(tf.concat([x, h, stack[:, :1]], 1), UNITS, "h"))
        action = tf.nn.softmax(w.linear(h, 2, "a"))
        pushed = tf.concat([tf.sigmoid(w.linear(h, 1, "d")), stack[:, :-1]], 1)
        popped = tf.concat([stack[:, 1:], -tf.ones_like(stack[:, :1])], 1)
        stack = action[:, :1] * pushed + action[:, 1:] * popped
        return h, (h, stack)

    def call(x: Any) -> Any:
        return _unrolled(step, x, (_zeros(x, UNITS), _zeros(x, depth)))[0]

    return _source(call, x=(None, None, FEATURES))


def fast_weights() -> SourceModel:
    """Ba et al. 2016, fast weights: an outer product of states, decayed, read several times."""
    w = _Weights()

    def step(x: Any, state: Any) -> Any:
        h, fast = state
        slow = w.linear(x, UNITS, "x") + tf.matmul(h, w("h", UNITS, UNITS))
        new = tf.nn.relu(slow)
        fast = 0.9 * fast + 0.5 * new[:, :, None] * new[:, None]
        for _ in range(2):
            z = slow + tf.einsum("bij,bj->bi", fast, new)
            mean, variance = tf.nn.moments(z, [-1], keepdims=True)
            new = tf.nn.relu((z - mean) * tf.math.rsqrt(variance + 1e-3))
        return new, (new, fast)

    def call(x: Any) -> Any:
        return _unrolled(step, x, (_zeros(x, UNITS), _zeros(x, UNITS, UNITS)))[0]

    return _source(call, x=(None, None, FEATURES))


def legendre_memory_unit() -> SourceModel:
    """Voelker et al. 2019, LMU: a linear memory of Legendre polynomials beside a tanh layer."""
    w, order = _Weights(), 4
    q = np.arange(order)
    r = (2 * q + 1)[:, None] / 12.0
    a = np.where(q[:, None] < q, -1.0, (-1.0) ** (q[:, None] - q + 1)) * r
    b = ((-1.0) ** q)[:, None] * r
    memory_a = tf.constant((np.eye(order) + a).T, tf.float32)
    memory_b = tf.constant(b.T, tf.float32)

    def step(x: Any, state: Any) -> Any:
        h, m = state
        u = tf.matmul(x, w("ex", FEATURES, 1)) + tf.matmul(h, w("eh", UNITS, 1))
        u += tf.matmul(m, w("em", order, 1))
        m = tf.matmul(m, memory_a) + tf.matmul(u, memory_b)
        h = tf.tanh(w.linear(tf.concat([x, h, m], 1), UNITS, "h"))
        return h, (h, m)

    def call(x: Any) -> Any:
        return _unrolled(step, x, (_zeros(x, UNITS), _zeros(x, order)))[0]

    return _source(call, x=(None, None, FEATURES))


def linear_recurrent_unit() -> SourceModel:
    """Orvieto et al. 2023, LRU: a diagonal complex recurrence, then a gated linear unit."""
    w = _Weights()

    def call(x: Any) -> Any:
        radius = tf.exp(-tf.exp(w("nu", UNITS)))
        angle = tf.exp(w("theta", UNITS))
        turn = tf.cast(radius, tf.complex64) * tf.exp(1j * tf.cast(angle, tf.complex64))
        scale = tf.cast(tf.sqrt(1.0 - radius**2), tf.complex64)
        wide = tf.complex(w("b_re", FEATURES, UNITS), w("b_im", FEATURES, UNITS))
        out = tf.complex(w("c_re", UNITS, 6), w("c_im", UNITS, 6))
        inputs = scale * tf.einsum("tbf,fu->tbu", tf.cast(x, tf.complex64), wide)
        steps = tf.shape(x)[0]
        taken = tf.TensorArray(tf.complex64, steps, element_shape=[None, UNITS]).unstack(inputs)
        made = tf.TensorArray(tf.complex64, steps, element_shape=[None, UNITS])

        def body(t: Any, h: Any, made: Any) -> Any:
            h = turn * h + taken.read(t)
            return t + 1, h, made.write(t, h)

        start = tf.cast(_zeros(x, UNITS), tf.complex64)
        shapes = (tf.TensorShape([]), tf.TensorShape([None, UNITS]), tf.TensorShape(None))
        ended = tf.while_loop(
            lambda t, *_: t < steps, body, (0, start, made), shape_invariants=shapes
        )
        y = tf.math.real(tf.einsum("tbu,uo->tbo", ended[2].stack(), out))
        return tf.nn.gelu(y) * tf.sigmoid(tf.tensordot(y, w("glu", 6, 6), 1))

    return _source(call, x=(None, None, FEATURES))


def mask_of_a_spectrum() -> SourceModel:
    """Speech separation in one graph: STFT, two LSTMs, a mask of the magnitude, inverse STFT."""
    w, frame, hop = _Weights(), 64, 16
    bins = frame // 2 + 1

    def call(x: Any) -> Any:
        spectrum = tf.signal.stft(x, frame, hop)
        size = tf.abs(spectrum)
        feature = tf.transpose(tf.math.log(size + 1e-6), [1, 0, 2])
        feature.set_shape([None, None, bins])
        zero = _zeros(feature, UNITS)

        def step(item: Any, state: Any) -> Any:
            y, one = w.lstm(item, state[0], "a")
            y, two = w.lstm(y, state[1], "b")
            return y, (one, two)

        y, _ = _unrolled(step, feature, ((zero, zero), (zero, zero)))
        mask = tf.sigmoid(tf.tensordot(tf.transpose(y, [1, 0, 2]), w("mask", UNITS, bins), 1))
        masked = tf.cast(mask, tf.complex64) * spectrum
        return tf.signal.inverse_stft(
            masked, frame, hop, window_fn=tf.signal.inverse_stft_window_fn(hop)
        )

    return _source(call, x=(None, 400))


def complex_ratio_mask() -> SourceModel:
    """Williamson et al. 2016, a complex ratio mask, as DCCRN and its like apply it; open length."""
    w, frame, hop = _Weights(), 60, 20
    points, bins = 64, 33

    def call(x: Any) -> Any:
        padded = tf.pad(x, [[0, 0], [frame, frame]])
        spectrum = tf.signal.stft(padded, frame, hop, points)
        parts = tf.concat([tf.math.real(spectrum), tf.math.imag(spectrum)], -1)
        feature = tf.transpose(parts, [1, 0, 2])
        feature.set_shape([None, None, 2 * bins])
        zero = _zeros(feature, UNITS)
        y, _ = _unrolled(lambda a, s: w.lstm(a, s, "a"), feature, (zero, zero))
        mask = tf.tensordot(tf.transpose(y, [1, 0, 2]), w("m", UNITS, 2 * bins), 1)
        re, im = tf.split(10.0 * tf.tanh(mask), 2, -1)
        return tf.signal.inverse_stft(spectrum * tf.complex(re, im), frame, hop, points)

    return _source(call, x=(None, None))


def keywords_from_waveform() -> SourceModel:
    """tensorflow.org/tutorials/audio/simple_audio and MFCC front ends: MFCCs, then a GRU."""
    w, frame, hop, points = _Weights(), 60, 20, 64

    def call(x: Any) -> Any:
        size = tf.abs(tf.signal.stft(x, frame, hop, points))
        mel = tf.signal.linear_to_mel_weight_matrix(12, points // 2 + 1, 16000, 20.0, 7600.0)
        energy = tf.tensordot(size**2, mel, 1)
        mfcc = tf.signal.mfccs_from_log_mel_spectrograms(tf.math.log(energy + 1e-6))[..., :10]
        feature = tf.transpose(mfcc, [1, 0, 2])
        feature.set_shape([None, None, 10])

        def step(item: Any, h: Any) -> Any:
            r, z = tf.split(tf.sigmoid(w.linear(tf.concat([item, h], 1), 2 * UNITS, "g")), 2, 1)
            c = tf.tanh(w.linear(tf.concat([item, r * h], 1), UNITS, "c"))
            h = z * h + (1.0 - z) * c
            return h, h

        _, h = _unrolled(step, feature, _zeros(feature, UNITS))
        return tf.nn.softmax(w.linear(h, 4, "out"))

    return _source(call, x=(None, 400))
