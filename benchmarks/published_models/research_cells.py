"""Recurrent cells of research papers, written as Keras layers, in small models.

A cell is a function of x[t] and its states, in the paper's equations. Weights are random; where a
paper says how they begin, and the numbers need it, they begin so.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np

from rnnlite_pipeline.toolchain import load

keras: Any = load("keras")
layers, ops = keras.layers, keras.ops

UNITS, FEATURES = 8, 5

#: A step: x[t], the states and the weights by name give the output and the states after it.
Step = Callable[[Any, Sequence[Any], Any], tuple[Any, Sequence[Any]]]

#: The shape of each weight, or its numbers.
Weights = Mapping[str, Any]


class _Cell(layers.Layer):  # type: ignore[misc, name-defined]
    """A step as a cell that `keras.layers.RNN` runs."""

    def __init__(self, step: Step, weights: Weights, states: Sequence[int]) -> None:
        super().__init__()
        self._step, self._shapes = step, weights
        self.state_size = list(states)
        self.output_size = states[0]

    def build(self, _shape: Any) -> None:
        numbers = np.random.default_rng(0)

        def drawn(shape: Any, **_: Any) -> Any:
            scale = 0.1 if len(shape) == 1 else 1 / np.sqrt(shape[0])
            return numbers.normal(scale=scale, size=shape).astype("float32")

        made = {}
        for name, shape in self._shapes.items():
            given = isinstance(shape, np.ndarray)

            def first(shape: Any, given: Any = shape if given else None, **_: Any) -> Any:
                return drawn(shape) if given is None else given.astype("float32")

            made[name] = self.add_weight(
                name=name, shape=shape.shape if given else shape, initializer=first
            )
        self.w = SimpleNamespace(**made)
        self.built = True

    def call(self, inputs: Any, states: Any) -> Any:
        return self._step(inputs, states, self.w)


def _model(
    step: Step,
    weights: Weights,
    states: Sequence[int] = (UNITS,),
    features: int = FEATURES,
    sequences: bool = False,
) -> Any:
    x = keras.Input((None, features))
    y = layers.RNN(_Cell(step, weights, states), return_sequences=sequences)(x)
    return keras.Model(x, layers.Dense(3)(y))


def _gates(names: str, **more: Any) -> dict[str, Any]:
    """W, U and b of each gate, each a weight of its own."""
    made: dict[str, Any] = {}
    for name in names:
        made[f"w{name}"], made[f"u{name}"] = (FEATURES, UNITS), (UNITS, UNITS)
        made[f"b{name}"] = (UNITS,)
    return {**made, **more}


def _affine(x: Any, h: Any, w: Any, name: str) -> Any:
    made = vars(w)
    return x @ made[f"w{name}"] + h @ made[f"u{name}"] + made[f"b{name}"]


def simple_recurrent_unit() -> Any:
    """Lei et al. 2018, SRU: gates read the input and a diagonal of the cell; a highway."""

    def step(x: Any, states: Any, w: Any) -> Any:
        (c,) = states
        f = ops.sigmoid(x @ w.wf + w.vf * c + w.bf)
        r = ops.sigmoid(x @ w.wr + w.vr * c + w.br)
        new = f * c + (1 - f) * (x @ w.w)
        return r * new + (1 - r) * (x @ w.skip), [new]

    square = (FEATURES, UNITS)
    return _model(
        step,
        {"w": square, "wf": square, "wr": square, "skip": square}
        | dict.fromkeys(("vf", "vr", "bf", "br"), (UNITS,)),
        sequences=True,
    )


def quasi_recurrent() -> Any:
    """Bradbury et al. 2017, QRNN with fo-pooling: gates by convolution, a recurrence by element."""
    x = keras.Input((None, FEATURES))
    y = layers.Conv1D(3 * UNITS, 2, padding="causal")(x)

    def step(x: Any, states: Any, w: Any) -> Any:
        del w
        z, f, o = ops.split(x, 3, axis=-1)
        f = ops.sigmoid(f)
        c = f * states[0] + (1 - f) * ops.tanh(z)
        return ops.sigmoid(o) * c, [c]

    y = layers.RNN(_Cell(step, {}, [UNITS]), return_sequences=True)(y)
    return keras.Model(x, layers.Dense(3)(y))


def independent_rnn() -> Any:
    """Li et al. 2018, IndRNN: a vector in the recurrent kernel's place, two layers."""

    def step(x: Any, states: Any, w: Any) -> Any:
        h = ops.relu(x @ w.w + w.u * states[0] + w.b)
        return h, [h]

    x = y = keras.Input((None, FEATURES))
    for width in (FEATURES, UNITS):
        cell = _Cell(step, {"w": (width, UNITS), "u": (UNITS,), "b": (UNITS,)}, [UNITS])
        y = layers.RNN(cell, return_sequences=True)(y)
    return keras.Model(x, layers.Dense(3)(y))


def minimal_gated_unit() -> Any:
    """Zhou et al. 2016, MGU: one gate forgets and lets in."""

    def step(x: Any, states: Any, w: Any) -> Any:
        (h,) = states
        f = ops.sigmoid(_affine(x, h, w, "f"))
        candidate = ops.tanh(_affine(x, f * h, w, "c"))
        h = (1 - f) * h + f * candidate
        return h, [h]

    return _model(step, _gates("fc"))


def janet() -> Any:
    """Van der Westhuizen and Lasenby 2018, JANET: an LSTM of the forget gate alone."""

    def step(x: Any, states: Any, w: Any) -> Any:
        (c,) = states
        s = _affine(x, c, w, "f")
        c = ops.sigmoid(s) * c + (1 - ops.sigmoid(s - 1.0)) * ops.tanh(_affine(x, c, w, "c"))
        return c, [c]

    return _model(step, _gates("fc"))


def fast_grnn() -> Any:
    """Kusupati et al. 2018, FastGRNN: gate and candidate share their low-rank product."""

    def step(x: Any, states: Any, w: Any) -> Any:
        (h,) = states
        shared = (x @ w.w1) @ w.w2 + (h @ w.u1) @ w.u2
        z = ops.sigmoid(shared + w.bz)
        candidate = ops.tanh(shared + w.bh)
        h = (ops.sigmoid(w.zeta) * (1 - z) + ops.sigmoid(w.nu)) * candidate + z * h
        return h, [h]

    shapes = {"w1": (FEATURES, 3), "w2": (3, UNITS), "u1": (UNITS, 3), "u2": (3, UNITS)}
    biases = {"bz": (UNITS,), "bh": (UNITS,), "zeta": (1,), "nu": (1,)}
    return _model(step, shapes | biases)


def mogrifier_lstm() -> Any:
    """Melis et al. 2020, Mogrifier LSTM: input and state gate each other, five rounds."""

    def step(x: Any, states: Any, w: Any) -> Any:
        h, c = states
        for turn in range(5):
            if turn % 2 == 0:
                x = 2 * ops.sigmoid(h @ w.q) * x
            else:
                h = 2 * ops.sigmoid(x @ w.r) * h
        i, f, o = (ops.sigmoid(_affine(x, h, w, name)) for name in "ifo")
        c = f * c + i * ops.tanh(_affine(x, h, w, "c"))
        h = o * ops.tanh(c)
        return h, [h, c]

    return _model(
        step, _gates("ifoc", q=(UNITS, FEATURES), r=(FEATURES, UNITS)), states=(UNITS, UNITS)
    )


def nested_lstm() -> Any:
    """Moniz and Krueger 2017, nested LSTM: the cell of an LSTM is an LSTM."""

    def inner(x: Any, h: Any, c: Any, w: Any, names: str) -> Any:
        i, f, o = (ops.sigmoid(_affine(x, h, w, name)) for name in names[:3])
        c = f * c + i * ops.tanh(_affine(x, h, w, names[3]))
        return o * ops.tanh(c), c

    def step(x: Any, states: Any, w: Any) -> Any:
        h, c, d = states
        i, f, o = (ops.sigmoid(_affine(x, h, w, name)) for name in "ifo")
        c, d = inner(i * ops.tanh(_affine(x, h, w, "c")), f * c, d, w, "mnpq")
        h = o * ops.tanh(c)
        return h, [h, c, d]

    nested = {f"w{name}": (UNITS, UNITS) for name in "mnpq"}
    return _model(step, _gates("ifocmnpq") | nested, states=(UNITS,) * 3)


def ordered_neurons() -> Any:
    """Shen et al. 2019, ON-LSTM: master gates by cumulative softmax."""

    def step(x: Any, states: Any, w: Any) -> Any:
        h, c = states
        i, f, o = (ops.sigmoid(_affine(x, h, w, name)) for name in "ifo")
        candidate = ops.tanh(_affine(x, h, w, "c"))
        master_f = ops.cumsum(ops.softmax(_affine(x, h, w, "m")), axis=-1)
        master_i = 1 - ops.cumsum(ops.softmax(_affine(x, h, w, "n")), axis=-1)
        both = master_f * master_i
        c = (f * both + master_f - both) * c + (i * both + master_i - both) * candidate
        h = o * ops.tanh(c)
        return h, [h, c]

    return _model(step, _gates("ifocmn"), states=(UNITS, UNITS))


def skip_rnn() -> Any:
    """Campos et al. 2018, Skip RNN: a rounded probability decides if a GRU changes."""

    def step(x: Any, states: Any, w: Any) -> Any:
        h, u = states
        z, r = (ops.sigmoid(_affine(x, h, w, name)) for name in "zr")
        new = z * h + (1 - z) * ops.tanh(_affine(x, r * h, w, "h"))
        update = ops.round(u)
        h = update * new + (1 - update) * h
        p = ops.sigmoid(h @ w.p + w.bp)
        u = update * p + (1 - update) * (u + ops.minimum(p, 1 - u))
        return h, [h, u]

    return _model(step, _gates("zrh", p=(UNITS, 1), bp=(1,)), states=(UNITS, 1))


def zoneout_lstm() -> Any:
    """Krueger et al. 2017, zoneout as it runs after training: the mean of old and new states."""

    def step(x: Any, states: Any, w: Any) -> Any:
        h, c = states
        i, f, o = (ops.sigmoid(_affine(x, h, w, name)) for name in "ifo")
        cell = f * c + i * ops.tanh(_affine(x, h, w, "c"))
        out = o * ops.tanh(cell)
        return out, [0.1 * h + 0.9 * out, 0.1 * c + 0.9 * cell]

    return _model(step, _gates("ifoc"), states=(UNITS, UNITS))


def clockwork_rnn() -> Any:
    """Koutnik et al. 2014, clockwork RNN: blocks of units change at periods of their own."""
    periods = np.repeat([1.0, 2.0, 4.0, 8.0], UNITS // 4)
    blocks = np.triu(np.ones((4, 4))).repeat(UNITS // 4, 0).repeat(UNITS // 4, 1)

    def step(x: Any, states: Any, w: Any) -> Any:
        h, t = states
        new = ops.tanh(x @ w.w + h @ (w.u * w.blocks) + w.b)
        moved = ops.cast(ops.equal(ops.mod(t, w.periods), 0.0), "float32")
        h = moved * new + (1 - moved) * h
        return h, [h, t + 1]

    weights = {"w": (FEATURES, UNITS), "u": (UNITS, UNITS), "b": (UNITS,)}
    return _model(step, weights | {"blocks": blocks, "periods": periods}, states=(UNITS, 1))


def liquid_time_constant() -> Any:
    """Hasani et al. 2021, LTC: a fused ODE solver of six steps in each step."""

    def step(x: Any, states: Any, w: Any) -> Any:
        (v,) = states
        drive = ops.sigmoid(w.sigma * (x[:, :, None] - w.mu)) * ops.softplus(w.k)
        current, conductance = ops.sum(drive * w.e, 1), ops.sum(drive, 1)
        for _ in range(6):
            within = ops.sigmoid(w.si * (v[:, :, None] - w.mi)) * ops.softplus(w.ki)
            top = 6.0 * w.c * v + w.g * w.leak + ops.sum(within * w.ei, 1) + current
            v = top / (6.0 * w.c + w.g + ops.sum(within, 1) + conductance + 1e-8)
        return v, [v]

    ahead = dict.fromkeys(("sigma", "mu", "k", "e"), (FEATURES, UNITS))
    back = dict.fromkeys(("si", "mi", "ki", "ei"), (UNITS, UNITS))
    positive = {"c": np.full(UNITS, 0.6), "g": np.full(UNITS, 0.4), "leak": (UNITS,)}
    return _model(step, ahead | back | positive, sequences=True)


def closed_form_continuous() -> Any:
    """Hasani et al. 2022, CfC: a backbone and a gate by time in closed form."""

    def step(x: Any, states: Any, w: Any) -> Any:
        (h,) = states
        y = 1.7159 * ops.tanh(0.666 * (ops.concatenate([x, h], -1) @ w.backbone + w.bb))
        one, two = ops.tanh(y @ w.f1 + w.b1), ops.tanh(y @ w.f2 + w.b2)
        t = ops.sigmoid((y @ w.ta) * 1.0 + y @ w.tb)
        h = one * (1.0 - t) + t * two
        return h, [h]

    square = dict.fromkeys(("f1", "f2", "ta", "tb"), (UNITS, UNITS))
    biases = {"b1": (UNITS,), "b2": (UNITS,), "bb": (UNITS,)}
    return _model(step, {"backbone": (FEATURES + UNITS, UNITS)} | square | biases)


def legendre_memory() -> Any:
    """Voelker et al. 2019, LMU: a linear memory of Legendre polynomials beside a hidden state."""
    order, theta = 6, 16.0
    q = np.arange(order)
    r = (2 * q + 1)[:, None] / theta
    i, j = np.meshgrid(q, q, indexing="ij")
    a = np.where(i < j, -1.0, (-1.0) ** (i - j + 1)) * r
    b = ((-1.0) ** q)[:, None] * r

    def step(x: Any, states: Any, w: Any) -> Any:
        h, m = states
        u = x @ w.ex + h @ w.eh + m @ w.em
        m = m + m @ w.a + u @ w.b
        h = ops.tanh(x @ w.wx + h @ w.wh + m @ w.wm)
        return h, [h, m]

    ahead = {"ex": (FEATURES, 1), "eh": (UNITS, 1), "em": (order, 1), "a": a.T, "b": b.T}
    hidden = {"wx": (FEATURES, UNITS), "wh": (UNITS, UNITS), "wm": (order, UNITS)}
    return _model(step, ahead | hidden, states=(UNITS, order))


def phased_lstm() -> Any:
    """Neil et al. 2016, Phased LSTM: a time gate opens by a rhythm; the time is a feature."""

    def step(x: Any, states: Any, w: Any) -> Any:
        h, c = states
        t, x = x[:, :1], x[:, 1:]
        phase = ops.mod(t - w.shift, w.period) / w.period
        low = 2.0 * phase / 0.5
        gate = ops.where(phase < 0.25, low, ops.where(phase < 0.5, 2.0 - low, 0.001 * phase))
        i, f = ops.sigmoid(_affine(x, h, w, "i")), ops.sigmoid(_affine(x, h, w, "f"))
        cell = f * c + i * ops.tanh(_affine(x, h, w, "c"))
        o = ops.sigmoid(_affine(x, h, w, "o") + w.peep * cell)
        c = gate * cell + (1 - gate) * c
        h = gate * (o * ops.tanh(cell)) + (1 - gate) * h
        return h, [h, c]

    rhythm = {"shift": (UNITS,), "period": np.linspace(1.0, 9.0, UNITS), "peep": (UNITS,)}
    return _model(step, _gates("ifoc") | rhythm, states=(UNITS, UNITS), features=FEATURES + 1)


def recurrent_highway() -> Any:
    """Zilly et al. 2017, recurrent highway network of depth three."""

    def step(x: Any, states: Any, w: Any) -> Any:
        (s,) = states
        made = vars(w)
        for depth in range(3):
            h = s @ made[f"rh{depth}"] + made[f"bh{depth}"]
            t = s @ made[f"rt{depth}"] + made[f"bt{depth}"]
            if depth == 0:
                h, t = h + x @ w.wh, t + x @ w.wt
            t = ops.sigmoid(t)
            s = ops.tanh(h) * t + s * (1 - t)
        return s, [s]

    shapes: dict[str, Any] = {"wh": (FEATURES, UNITS), "wt": (FEATURES, UNITS)}
    for depth in range(3):
        shapes |= {f"rh{depth}": (UNITS, UNITS), f"rt{depth}": (UNITS, UNITS)}
        shapes |= {f"bh{depth}": (UNITS,), f"bt{depth}": (UNITS,)}
    return _model(step, shapes)


def mutant_gru() -> Any:
    """Jozefowicz et al. 2015, MUT1: the update gate reads the input alone."""

    def step(x: Any, states: Any, w: Any) -> Any:
        (h,) = states
        z = ops.sigmoid(x @ w.wz + w.bz)
        r = ops.sigmoid(_affine(x, h, w, "r"))
        h = ops.tanh((r * h) @ w.u + ops.tanh(x @ w.wx) + w.b) * z + h * (1 - z)
        return h, [h]

    return _model(
        step,
        {"wz": (FEATURES, UNITS), "bz": (UNITS,), "wx": (FEATURES, UNITS)}
        | {"wr": (FEATURES, UNITS), "ur": (UNITS, UNITS), "br": (UNITS,)}
        | {"u": (UNITS, UNITS), "b": (UNITS,)},
    )


def minimal_gru() -> Any:
    """Feng et al. 2024, minGRU: gate and candidate read the input alone."""

    def step(x: Any, states: Any, w: Any) -> Any:
        z = ops.sigmoid(x @ w.wz + w.bz)
        h = (1 - z) * states[0] + z * (x @ w.wh + w.bh)
        return h, [h]

    shapes = {"wz": (FEATURES, UNITS), "wh": (FEATURES, UNITS)}
    return _model(step, shapes | {"bz": (UNITS,), "bh": (UNITS,)}, sequences=True)


def minimal_lstm() -> Any:
    """Feng et al. 2024, minLSTM: two gates by the input, brought to a sum of one."""

    def step(x: Any, states: Any, w: Any) -> Any:
        f, i = ops.sigmoid(x @ w.wf + w.bf), ops.sigmoid(x @ w.wi + w.bi)
        h = f / (f + i) * states[0] + i / (f + i) * (x @ w.wh + w.bh)
        return h, [h]

    shapes = dict.fromkeys(("wf", "wi", "wh"), (FEATURES, UNITS))
    return _model(step, shapes | dict.fromkeys(("bf", "bi", "bh"), (UNITS,)))


def exponential_lstm() -> Any:
    """Beck et al. 2024, xLSTM's sLSTM: exponential gates with a stabilizer."""

    def step(x: Any, states: Any, w: Any) -> Any:
        h, c, n, m = states
        z, o = ops.tanh(_affine(x, h, w, "z")), ops.sigmoid(_affine(x, h, w, "o"))
        i, f = _affine(x, h, w, "i"), _affine(x, h, w, "f")
        f = -ops.softplus(-f)
        top = ops.maximum(f + m, i)
        kept, new = ops.exp(f + m - top), ops.exp(i - top)
        c, n = kept * c + new * z, kept * n + new
        h = o * c / ops.maximum(n, 1e-6)
        return h, [h, c, n, top]

    return _model(step, _gates("zoif"), states=(UNITS,) * 4)


def matrix_lstm() -> Any:
    """Beck et al. 2024, xLSTM's mLSTM as a recurrence: its memory is a matrix."""

    def step(x: Any, states: Any, w: Any) -> Any:
        memory, n, m = states
        c = ops.reshape(memory, (-1, UNITS, UNITS))
        q, k, v = x @ w.wq, x @ w.wk / np.sqrt(UNITS), x @ w.wv
        i, f = x @ w.wi, -ops.softplus(-(x @ w.wf))
        top = ops.maximum(f + m, i)
        kept, new = ops.exp(f + m - top), ops.exp(i - top)
        c = kept[:, :, None] * c + new[:, :, None] * (v[:, :, None] * k[:, None, :])
        n = kept * n + new * k
        below = ops.maximum(ops.abs(ops.sum(n * q, -1, keepdims=True)), 1.0)
        h = ops.squeeze(ops.matmul(c, q[:, :, None]), -1) / below
        return h, [ops.reshape(c, (-1, UNITS * UNITS)), n, top]

    shapes = dict.fromkeys(("wq", "wk", "wv"), (FEATURES, UNITS))
    shapes |= {"wi": (FEATURES, 1), "wf": (FEATURES, 1)}
    cell = _Cell(step, shapes, [UNITS * UNITS, UNITS, 1])
    cell.output_size = UNITS
    x = keras.Input((None, FEATURES))
    return keras.Model(x, layers.Dense(3)(layers.RNN(cell, return_sequences=True)(x)))


def linear_recurrent_unit() -> Any:
    """Orvieto et al. 2023, LRU: a complex diagonal, as two real ones."""
    size, angle = np.sqrt(np.linspace(0.5, 0.95, UNITS)), np.linspace(0.1, 3.0, UNITS)

    def step(x: Any, states: Any, w: Any) -> Any:
        re, im = states
        a, b = w.re * re - w.im * im, w.re * im + w.im * re
        re, im = a + w.gamma * (x @ w.br), b + w.gamma * (x @ w.bi)
        return re @ w.cr - im @ w.ci + x @ w.d, [re, im]

    fixed = {"re": size * np.cos(angle), "im": size * np.sin(angle), "gamma": np.sqrt(1 - size**2)}
    shapes = {"br": (FEATURES, UNITS), "bi": (FEATURES, UNITS), "cr": (UNITS, UNITS)}
    shapes |= {"ci": (UNITS, UNITS), "d": (FEATURES, UNITS)}
    return _model(step, {**fixed, **shapes}, states=(UNITS, UNITS), sequences=True)


def selective_state_space() -> Any:
    """Gu and Dao 2023, Mamba's selective scan: step size, B and C are computed from x[t]."""
    n = 4

    def step(x: Any, states: Any, w: Any) -> Any:
        h = ops.reshape(states[0], (-1, FEATURES, n))
        delta = ops.softplus((x @ w.low) @ w.high + w.bias)
        a = ops.exp(-delta[:, :, None] * ops.exp(w.log))
        h = a * h + (delta * x)[:, :, None] * (x @ w.b)[:, None, :]
        y = ops.sum(h * (x @ w.c)[:, None, :], -1) + w.d * x
        return y, [ops.reshape(h, (-1, FEATURES * n))]

    shapes = {"low": (FEATURES, 2), "high": (2, FEATURES), "bias": (FEATURES,)}
    shapes |= {"b": (FEATURES, n), "c": (FEATURES, n), "d": (FEATURES,)}
    cell = _Cell(
        step, {**shapes, "log": np.log(np.tile(np.arange(1.0, n + 1), (FEATURES, 1)))}, [20]
    )
    cell.output_size = FEATURES
    x = keras.Input((None, FEATURES))
    y = layers.Conv1D(FEATURES, 4, padding="causal", groups=FEATURES)(x)
    y = layers.RNN(cell, return_sequences=True)(layers.Activation("silu")(y))
    return keras.Model(x, y * layers.Activation("silu")(layers.Dense(FEATURES)(x)))


def receptance_weighted() -> Any:
    """Peng et al. 2023, RWKV's time mixing: shifted tokens, decayed exponentials, a stable form."""

    def step(x: Any, states: Any, w: Any) -> Any:
        last, top, below, most = states
        k, v, r = ((x * m + last * (1 - m)) @ p for m, p in ((w.mk, w.k), (w.mv, w.v), (w.mr, w.r)))
        now = ops.maximum(most, w.u + k)
        a, b = ops.exp(most - now), ops.exp(w.u + k - now)
        y = ops.sigmoid(r) * (a * top + b * v) / (a * below + b)
        later = ops.maximum(most - ops.exp(w.decay), k)
        a, b = ops.exp(most - ops.exp(w.decay) - later), ops.exp(k - later)
        return y @ w.out, [x, a * top + b * v, a * below + b, later]

    width = FEATURES
    mixed = {name: np.linspace(0.1, 0.9, width) for name in ("mk", "mv", "mr")}
    square = dict.fromkeys(("k", "v", "r", "out"), (width, width))
    return _model(
        step, {**mixed, **square, "u": (width,), "decay": (width,)}, (width,) * 4, sequences=True
    )


def retention() -> Any:
    """Sun et al. 2023, RetNet's recurrent form: a decayed matrix of keys and values."""

    def step(x: Any, states: Any, w: Any) -> Any:
        s = ops.reshape(states[0], (-1, UNITS, UNITS))
        q, k, v = x @ w.q, x @ w.k, x @ w.v
        s = 0.9 * s + k[:, :, None] * v[:, None, :]
        return ops.einsum("bk,bkv->bv", q, s), [ops.reshape(s, (-1, UNITS * UNITS))]

    cell = _Cell(step, dict.fromkeys("qkv", (FEATURES, UNITS)), [UNITS * UNITS])
    cell.output_size = UNITS
    x = keras.Input((None, FEATURES))
    return keras.Model(x, layers.RNN(cell, return_sequences=True)(x))


def delta_rule() -> Any:
    """Yang et al. 2024, DeltaNet as a recurrence: what is stored for a key is replaced."""

    def step(x: Any, states: Any, w: Any) -> Any:
        s = ops.reshape(states[0], (-1, UNITS, UNITS))
        q, k, v = x @ w.q, x @ w.k, x @ w.v
        k = k / ops.sqrt(ops.sum(k * k, -1, keepdims=True) + 1e-6)
        beta = ops.sigmoid(x @ w.beta)
        old = ops.einsum("bkv,bk->bv", s, k)
        s = s + beta[:, :, None] * k[:, :, None] * (v - old)[:, None, :]
        return ops.einsum("bkv,bk->bv", s, q), [ops.reshape(s, (-1, UNITS * UNITS))]

    shapes = dict.fromkeys("qkv", (FEATURES, UNITS)) | {"beta": (FEATURES, 1)}
    cell = _Cell(step, shapes, [UNITS * UNITS])
    cell.output_size = UNITS
    x = keras.Input((None, FEATURES))
    return keras.Model(x, layers.RNN(cell, return_sequences=True)(x))


def echo_state() -> Any:
    """Jaeger 2001, an echo state network with a leak and feedback of noise left out."""

    def step(x: Any, states: Any, w: Any) -> Any:
        h = 0.7 * states[0] + 0.3 * ops.tanh(x @ w.w + states[0] @ w.u + w.b)
        return h, [h]

    return _model(step, {"w": (FEATURES, UNITS), "u": (UNITS, UNITS), "b": (UNITS,)})


def light_gru() -> Any:
    """Ravanelli et al. 2018, Li-GRU: no reset gate, ReLU, normalization of the input product."""

    def step(x: Any, states: Any, w: Any) -> Any:
        (h,) = states
        z, c = ops.split(x + h @ w.u, 2, axis=-1)
        z = ops.sigmoid(z)
        h = z * h + (1 - z) * ops.relu(c)
        return h, [h]

    x = y = keras.Input((None, FEATURES))
    for _ in range(2):
        y = layers.BatchNormalization()(layers.Dense(2 * UNITS, use_bias=False)(y))
        cell = _Cell(step, {"u": (UNITS, 2 * UNITS)}, [UNITS])
        y = layers.RNN(cell, return_sequences=True)(y)
    return keras.Model(x, layers.Dense(3)(y))


def multiplicative_lstm() -> Any:
    """Krause et al. 2016, mLSTM (the sentiment neuron): the input scales the state."""

    def step(x: Any, states: Any, w: Any) -> Any:
        h, c = states
        m = (x @ w.mx) * (h @ w.mh)
        i, f, o = (ops.sigmoid(_affine(x, m, w, name)) for name in "ifo")
        c = f * c + i * ops.tanh(_affine(x, m, w, "c"))
        h = o * ops.tanh(c)
        return h, [h, c]

    return _model(
        step, _gates("ifoc", mx=(FEATURES, UNITS), mh=(UNITS, UNITS)), states=(UNITS, UNITS)
    )


def time_aware_lstm() -> Any:
    """Baytas et al. 2017, T-LSTM: a part of the cell fades with the time since the last visit."""

    def step(x: Any, states: Any, w: Any) -> Any:
        h, c = states
        gap, x = x[:, :1], x[:, 1:]
        short = ops.tanh(c @ w.d + w.bd)
        c = c - short + short / ops.log(2.718 + ops.abs(gap))
        i, f, o = (ops.sigmoid(_affine(x, h, w, name)) for name in "ifo")
        c = f * c + i * ops.tanh(_affine(x, h, w, "c"))
        h = o * ops.tanh(c)
        return h, [h, c]

    more = {"d": (UNITS, UNITS), "bd": (UNITS,)}
    return _model(step, _gates("ifoc") | more, states=(UNITS, UNITS), features=FEATURES + 1)


def gru_d() -> Any:
    """Che et al. 2018, GRU-D: missing values decay to the mean, the state decays too."""

    def step(x: Any, states: Any, w: Any) -> Any:
        h, last = states
        x, m, gap = ops.split(x, 3, axis=-1)
        m, gap = ops.cast(m > 0, "float32"), ops.abs(gap)
        fade_x = ops.exp(-ops.relu(gap * w.dx + w.bx))
        fade_h = ops.exp(-ops.relu(gap @ w.dh + w.bh))
        last = m * x + (1 - m) * last
        x = m * x + (1 - m) * (fade_x * last + (1 - fade_x) * w.mean)
        h = fade_h * h
        z, r = (ops.sigmoid(_affine(x, h, w, name) + m @ vars(w)[f"v{name}"]) for name in "zr")
        h = (1 - z) * h + z * ops.tanh(_affine(x, r * h, w, "c") + m @ w.vc)
        return h, [h, last]

    wide = (FEATURES, UNITS)
    more = {"dx": (FEATURES,), "bx": (FEATURES,), "dh": wide, "mean": (FEATURES,)}
    more |= {"vz": wide, "vr": wide, "vc": wide, "bh": (UNITS,)}
    return _model(step, _gates("zrc") | more, states=(UNITS, FEATURES), features=3 * FEATURES)


def antisymmetric_rnn() -> Any:
    """Chang et al. 2019, AntisymmetricRNN: an Euler step of a stable system, gated."""

    def step(x: Any, states: Any, w: Any) -> Any:
        (h,) = states
        turned = h @ (w.u - ops.transpose(w.u) - 0.01 * np.eye(UNITS, dtype="float32"))
        z = ops.sigmoid(turned + x @ w.wz + w.bz)
        h = h + 0.1 * z * ops.tanh(turned + x @ w.wh + w.bh)
        return h, [h]

    shapes = {"u": (UNITS, UNITS), "wz": (FEATURES, UNITS), "wh": (FEATURES, UNITS)}
    return _model(step, shapes | {"bz": (UNITS,), "bh": (UNITS,)})


def coupled_oscillators() -> Any:
    """Rusch and Mishra 2021, coRNN: position and speed of coupled oscillators."""

    def step(x: Any, states: Any, w: Any) -> Any:
        y, z = states
        z = z + 0.05 * (ops.tanh(y @ w.wy + z @ w.wz + x @ w.v + w.b) - 2.0 * y - 1.5 * z)
        y = y + 0.05 * z
        return y, [y, z]

    shapes = {"wy": (UNITS, UNITS), "wz": (UNITS, UNITS), "v": (FEATURES, UNITS), "b": (UNITS,)}
    return _model(step, shapes, states=(UNITS, UNITS))


def statistical_recurrent_unit() -> Any:
    """Oliva et al. 2017, SRU of statistics: averages at several scales."""
    scales = (0.0, 0.5, 0.9, 0.99)

    def step(x: Any, states: Any, w: Any) -> Any:
        (mu,) = states
        r = ops.relu(mu @ w.wr + w.br)
        phi = ops.relu(r @ w.wp + x @ w.wx + w.bp)
        new = w.alpha * mu + (1 - w.alpha) * ops.tile(phi, (1, len(scales)))
        return ops.relu(new @ w.wo + w.bo), [new]

    many = UNITS * len(scales)
    shapes = {"wr": (many, UNITS), "br": (UNITS,), "wp": (UNITS, UNITS), "wx": (FEATURES, UNITS)}
    shapes |= {"bp": (UNITS,), "wo": (many, UNITS), "bo": (UNITS,)}
    cell = _Cell(step, {**shapes, "alpha": np.repeat(scales, UNITS)}, [many])
    cell.output_size = UNITS
    x = keras.Input((None, FEATURES))
    return keras.Model(x, layers.Dense(3)(layers.RNN(cell)(x)))


def hyper_lstm() -> Any:
    """Ha et al. 2017, HyperLSTM: a small LSTM scales the rows of a larger one's weights."""

    def step(x: Any, states: Any, w: Any) -> Any:
        h, c, small, inner = states
        both = ops.concatenate([x, h], -1)
        i, g, f, o = ops.split(both @ w.sx + small @ w.sh + w.sb, 4, axis=-1)
        inner = ops.sigmoid(f + 1.0) * inner + ops.sigmoid(i) * ops.tanh(g)
        small = ops.sigmoid(o) * ops.tanh(inner)
        scaled = (small @ w.zx) * (x @ w.w) + (small @ w.zh) * (h @ w.u) + small @ w.zb + w.b
        mean = ops.mean(scaled, -1, keepdims=True)
        spread = ops.mean(ops.square(scaled - mean), -1, keepdims=True)
        i, g, f, o = ops.split((scaled - mean) / ops.sqrt(spread + 1e-3) * w.gain, 4, axis=-1)
        c = ops.sigmoid(f + 1.0) * c + ops.sigmoid(i) * ops.tanh(g)
        h = ops.sigmoid(o) * ops.tanh(c)
        return h, [h, c, small, inner]

    little, wide = 4, 4 * UNITS
    shapes = {"sx": (FEATURES + UNITS, 4 * little), "sh": (little, 4 * little)}
    shapes |= {"zx": (little, wide), "zh": (little, wide), "zb": (little, wide)}
    shapes |= {"w": (FEATURES, wide), "u": (UNITS, wide)}
    biases = {"sb": (4 * little,), "b": (wide,), "gain": (wide,)}
    return _model(step, {**shapes, **biases}, states=(UNITS, UNITS, little, little))


def update_gate_rnn() -> Any:
    """Collins et al. 2017, UGRNN: one gate between the old state and the candidate."""

    def step(x: Any, states: Any, w: Any) -> Any:
        (h,) = states
        g, c = ops.split(ops.concatenate([x, h], -1) @ w.k + w.b, 2, axis=-1)
        g = ops.sigmoid(g + 1.0)
        h = g * h + (1 - g) * ops.tanh(c)
        return h, [h]

    return _model(step, {"k": (FEATURES + UNITS, 2 * UNITS), "b": (2 * UNITS,)})


def searched_cell() -> Any:
    """Zoph and Le 2017, the NAS cell."""

    def step(x: Any, states: Any, w: Any) -> Any:
        h, c = states
        a, b = ops.split(x @ w.w, 8, axis=-1), ops.split(h @ w.u, 8, axis=-1)
        first = [
            ops.sigmoid(a[0] + b[0]),
            ops.relu(a[1] + b[1]),
            ops.sigmoid(a[2] + b[2]),
            ops.relu(a[3] * b[3]),
            ops.tanh(a[4] + b[4]),
            ops.sigmoid(a[5] + b[5]),
            ops.tanh(a[6] + b[6]),
            ops.sigmoid(a[7] + b[7]),
        ]
        second = [ops.tanh(first[0] * first[1]), ops.tanh(first[2] + first[3])]
        second += [ops.tanh(first[4] * first[5]), ops.sigmoid(first[6] + first[7])]
        second[0] = ops.tanh(second[0] + c)
        c = second[0] * second[1]
        h = ops.tanh(c * ops.tanh(second[2] + second[3]))
        return h, [h, c]

    return _model(
        step, {"w": (FEATURES, 8 * UNITS), "u": (UNITS, 8 * UNITS)}, states=(UNITS, UNITS)
    )


def recurrent_batch_normalization() -> Any:
    """Cooijmans et al. 2017, BN-LSTM with its averages: products and the cell are scaled."""

    def step(x: Any, states: Any, w: Any) -> Any:
        h, c = states
        y = (x @ w.w - w.mx) * w.gx + (h @ w.u - w.mh) * w.gh + w.b
        i, f, o, g = ops.split(y, 4, axis=-1)
        c = ops.sigmoid(f) * c + ops.sigmoid(i) * ops.tanh(g)
        h = ops.sigmoid(o) * ops.tanh((c - w.mc) * w.gc + w.bc)
        return h, [h, c]

    wide = 4 * UNITS
    shapes = {"w": (FEATURES, wide), "u": (UNITS, wide), "b": (wide,)}
    shapes |= dict.fromkeys(("mx", "gx", "mh", "gh"), (wide,))
    shapes |= dict.fromkeys(("mc", "gc", "bc"), (UNITS,))
    return _model(step, shapes, states=(UNITS, UNITS))


def dreamer_dynamics() -> Any:
    """Hafner et al. 2021, Dreamer's RSSM prior: a GRU with one layer normalization, a softmax."""

    def step(x: Any, states: Any, w: Any) -> Any:
        h, z = states
        y = ops.silu(ops.concatenate([x, z], -1) @ w.pre + w.bp)
        parts = ops.concatenate([y, h], -1) @ w.k
        mean = ops.mean(parts, -1, keepdims=True)
        spread = ops.var(parts, -1, keepdims=True)
        parts = (parts - mean) * ops.rsqrt(spread + 1e-3) * w.gain + w.bias
        reset, candidate, update = ops.split(parts, 3, axis=-1)
        update = ops.sigmoid(update - 1.0)
        h = update * ops.tanh(ops.sigmoid(reset) * candidate) + (1 - update) * h
        z = ops.softmax(ops.reshape(h @ w.z, (-1, 2, 4)), -1)
        return h, [h, ops.reshape(z, (-1, 8))]

    wide = 3 * UNITS
    shapes = {"pre": (FEATURES + 8, UNITS), "bp": (UNITS,), "k": (2 * UNITS, wide)}
    shapes |= {"gain": (wide,), "bias": (wide,), "z": (UNITS, 8)}
    return _model(step, shapes, states=(UNITS, 8))


def neural_stack_attention() -> Any:
    """Shen et al. 2018 (Tacotron 2's decoder, in short): attention over memory inside the step."""
    x, memory = keras.Input((None, FEATURES)), keras.Input((6, UNITS))

    class Attend(layers.Layer):  # type: ignore[misc, name-defined]
        state_size = (UNITS, UNITS, 6)
        output_size = UNITS

        def build(self, _shape: Any) -> None:
            self.lstm = layers.LSTMCell(UNITS)
            self.lstm.build((None, FEATURES + UNITS))
            self.query, self.place = layers.Dense(4), layers.Dense(4, use_bias=False)
            self.query.build((None, UNITS))
            self.place.build((None, 6, 1))
            self.score = self.add_weight(shape=(4,), initializer="glorot_normal", name="v")
            self.built = True

        def call(self, inputs: Any, states: Any) -> Any:
            step, held = inputs[:, :FEATURES], ops.reshape(inputs[:, FEATURES:], (-1, 6, UNITS))
            h, c, past = states
            context = ops.einsum("bt,btd->bd", past, held)
            y, (h, c) = self.lstm(ops.concatenate([step, context], -1), [h, c])
            energy = ops.tanh(self.query(h)[:, None] + self.place(past[:, :, None]) + held[..., :4])
            return y, [h, c, ops.softmax(ops.sum(energy * self.score, -1))]

    repeated = ops.reshape(memory, (-1, 1, 6 * UNITS)) * ops.ones_like(x[..., :1])
    y = layers.RNN(Attend(), return_sequences=True)(layers.Concatenate()([x, repeated]))
    return keras.Model([x, memory], layers.Dense(3)(y))
