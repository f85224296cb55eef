"""Recurrent models of JAX: policies, forecasters, cells of Flax and Haiku; they need both."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

import numpy as np

from rnnlite_pipeline.sources.formats.jax import source_model
from rnnlite_pipeline.sources.model import SourceModel, TensorSpec
from rnnlite_pipeline.toolchain import load, prepare

prepare()
jax: Any = load("jax")
jnp: Any = importlib.import_module("jax.numpy")

FEATURES, UNITS = 5, 8


def _haiku(build: Callable[..., Any], **shapes: tuple[int | None, ...]) -> SourceModel:
    haiku = importlib.import_module("haiku")
    pure = haiku.without_apply_rng(haiku.transform(build))
    example = [jnp.zeros([d or 3 for d in shape]) for shape in shapes.values()]
    variables = pure.init(jax.random.key(0), *example)
    inputs = [TensorSpec(name, "float32", shape) for name, shape in shapes.items()]
    return source_model(lambda *arrays: pure.apply(variables, *arrays), inputs, {})


def _flax(module: Any, **shapes: tuple[int | None, ...]) -> SourceModel:
    example = [jnp.zeros([d or 3 for d in shape]) for shape in shapes.values()]
    variables = module.init(jax.random.key(0), *example)
    inputs = [TensorSpec(name, "float32", shape) for name, shape in shapes.items()]
    return source_model(lambda *arrays: module.apply(variables, *arrays), inputs, {})


def haiku_impala() -> SourceModel:
    """github.com/google-deepmind/dm-haiku/examples/impala_lite: ResetCore over an LSTM."""

    def build(x: Any, done: Any) -> Any:
        haiku = importlib.import_module("haiku")
        core = haiku.ResetCore(haiku.LSTM(UNITS))
        torso = jax.nn.relu(haiku.Linear(UNITS)(x))
        y, _ = haiku.dynamic_unroll(core, (torso, done > 0.5), core.initial_state(x.shape[1]))
        return haiku.Linear(4)(y), haiku.Linear(1)(y)[..., 0]

    return _haiku(build, x=(10, None, FEATURES), done=(10, None))


def haiku_gru_stack() -> SourceModel:
    """github.com/google-deepmind/dm-haiku: deep_rnn_with_skip_connections over two GRUs."""

    def build(x: Any) -> Any:
        haiku = importlib.import_module("haiku")
        core = haiku.deep_rnn_with_skip_connections([haiku.GRU(UNITS), haiku.GRU(UNITS)])
        return haiku.dynamic_unroll(core, x, core.initial_state(x.shape[1]))[0]

    return _haiku(build, x=(12, None, FEATURES))


def haiku_conv_lstm() -> SourceModel:
    """github.com/google-deepmind/dm-haiku: Conv2DLSTM over frames."""

    def build(x: Any) -> Any:
        haiku = importlib.import_module("haiku")
        core = haiku.Conv2DLSTM((6, 5), 3, 3)
        return haiku.dynamic_unroll(core, x, core.initial_state(x.shape[1]))[0]

    return _haiku(build, x=(6, None, 6, 5, 2))


def haiku_ppo_policy() -> SourceModel:
    """A recurrent PPO policy in Haiku, one step with its state as inputs and outputs."""

    def build(x: Any, h: Any, c: Any) -> Any:
        haiku = importlib.import_module("haiku")
        y = jnp.tanh(haiku.Linear(UNITS)(x))
        y, state = haiku.LSTM(UNITS)(y, haiku.LSTMState(h, c))
        return haiku.nets.MLP([UNITS, 3])(y), haiku.Linear(1)(y), state.hidden, state.cell

    return _haiku(build, x=(None, FEATURES), h=(None, UNITS), c=(None, UNITS))


def flax_conv_lstm() -> SourceModel:
    """flax.linen.ConvLSTMCell under nn.RNN."""
    nn = importlib.import_module("flax.linen")
    return _flax(nn.RNN(nn.ConvLSTMCell(3, (3, 3))), x=(None, 6, 6, 5, 2))


def flax_mgu() -> SourceModel:
    """flax.linen.MGUCell, Zhou et al. 2016: a minimal gated unit."""
    nn = importlib.import_module("flax.linen")
    return _flax(nn.RNN(nn.MGUCell(UNITS)), x=(None, 12, FEATURES))


def flax_bidirectional_gru() -> SourceModel:
    """flax.linen.Bidirectional of two GRUs, joined."""
    nn = importlib.import_module("flax.linen")
    both = nn.Bidirectional(nn.RNN(nn.GRUCell(UNITS)), nn.RNN(nn.GRUCell(UNITS)))
    return _flax(both, x=(None, 12, FEATURES))


def flax_simple_cell_residual() -> SourceModel:
    """flax.linen.SimpleCell with a residual connection, and an optimized LSTM behind it."""
    nn = importlib.import_module("flax.linen")

    class Both(nn.Module):  # type: ignore[misc, name-defined]
        @nn.compact
        def __call__(self, x: Any) -> Any:
            y = nn.RNN(nn.SimpleCell(UNITS, residual=True))(nn.Dense(UNITS)(x))
            return nn.RNN(nn.OptimizedLSTMCell(UNITS))(y)

    return _flax(Both(), x=(None, 12, FEATURES))


def deep_state_space() -> SourceModel:
    """Gu et al. 2022, S4D: diagonal state spaces, run as a convolution by FFT of constants."""
    random = np.random.default_rng(0)
    length, width, order = 16, 4, 3
    decay = -0.5 + 1j * np.pi * np.arange(order)[None].repeat(width, 0)
    c = random.normal(size=(width, order)) + 1j * random.normal(size=(width, order))
    step = 0.1
    powers = np.exp(decay[..., None] * step * np.arange(length))
    kernel = 2 * np.einsum("wo,wol->wl", c * (np.exp(decay * step) - 1) / decay, powers).real
    toeplitz = np.stack([np.eye(length, k=-k) for k in range(length)])
    mix = np.einsum("wl,lts->wts", kernel, toeplitz).astype(np.float32)

    def call(x: Any) -> Any:
        y = jnp.einsum("wts,bsw->btw", mix, x) + 0.3 * x
        return jax.nn.gelu(y)

    inputs = [TensorSpec("x", "float32", (None, length, width))]
    return source_model(call, inputs, {})


def linear_recurrence_scan() -> SourceModel:
    """Orvieto et al. 2023, LRU, its complex state as two real ones under jax.lax.scan."""
    random = np.random.default_rng(0)
    radius, angle = np.exp(-np.exp(random.normal(-1, 0.3, UNITS))), random.uniform(0, 3, UNITS)
    re, im = (f * radius for f in (np.cos(angle), np.sin(angle)))
    b = random.normal(0, 0.3, (2, FEATURES, UNITS)).astype(np.float32)
    out = random.normal(0, 0.3, (2, UNITS, FEATURES)).astype(np.float32)

    def call(x: Any) -> Any:
        drive = jnp.swapaxes(x @ b[0], 0, 1), jnp.swapaxes(x @ b[1], 0, 1)

        def step(state: Any, item: Any) -> Any:
            h, g = state
            h, g = re * h - im * g + item[0], im * h + re * g + item[1]
            return (h, g), h @ out[0] - g @ out[1]

        zero = jnp.zeros((x.shape[0], UNITS))
        _, y = jax.lax.scan(step, (zero, zero), drive)
        return jax.nn.gelu(jnp.swapaxes(y, 0, 1)) + x

    return source_model(call, [TensorSpec("x", "float32", (None, 12, FEATURES))], {})


def min_gru() -> SourceModel:
    """Feng et al. 2024, minGRU: gates that read the input alone."""
    random = np.random.default_rng(0)
    wz, wh = random.normal(0, 0.4, (2, FEATURES, UNITS)).astype(np.float32)

    def call(x: Any) -> Any:
        z, new = jax.nn.sigmoid(x @ wz), x @ wh

        def step(h: Any, item: Any) -> Any:
            h = (1 - item[0]) * h + item[0] * item[1]
            return h, h

        items = jnp.swapaxes(z, 0, 1), jnp.swapaxes(new, 0, 1)
        _, y = jax.lax.scan(step, jnp.zeros((x.shape[0], UNITS)), items)
        return jnp.swapaxes(y, 0, 1)

    return source_model(call, [TensorSpec("x", "float32", (None, 12, FEATURES))], {})


def x_lstm_scalar() -> SourceModel:
    """Beck et al. 2024, xLSTM's sLSTM: exponential gates, a normalizer and a stabilizer."""
    random = np.random.default_rng(0)
    w = random.normal(0, 0.4, (FEATURES, 4 * UNITS)).astype(np.float32)
    r = random.normal(0, 0.4, (UNITS, 4 * UNITS)).astype(np.float32)

    def call(x: Any) -> Any:
        def step(state: Any, item: Any) -> Any:
            h, c, n, m = state
            z, i, f, o = jnp.split(item @ w + h @ r, 4, -1)
            least = jnp.maximum(jax.nn.log_sigmoid(f) + m, i)
            i, f = jnp.exp(i - least), jnp.exp(jax.nn.log_sigmoid(f) + m - least)
            c = f * c + i * jnp.tanh(z)
            n = f * n + i
            h = jax.nn.sigmoid(o) * c / jnp.maximum(n, 1e-6)
            return (h, c, n, least), h

        zero = jnp.zeros((x.shape[0], UNITS))
        _, y = jax.lax.scan(step, (zero,) * 4, jnp.swapaxes(x, 0, 1))
        return jnp.swapaxes(y, 0, 1)

    return source_model(call, [TensorSpec("x", "float32", (None, 12, FEATURES))], {})


def rwkv_time_mixing() -> SourceModel:
    """Peng et al. 2023, RWKV: its time mixing as a recurrence, numerator and denominator."""
    random = np.random.default_rng(0)
    wk, wv, wr, wo = random.normal(0, 0.4, (4, UNITS, UNITS)).astype(np.float32)
    decay, bonus = -np.exp(random.normal(size=UNITS)), random.normal(size=UNITS)
    mix = random.uniform(size=(3, UNITS)).astype(np.float32)

    def call(x: Any) -> Any:
        before = jnp.pad(x, ((0, 0), (1, 0), (0, 0)))[:, :-1]
        k, v, r = ((x * m + before * (1 - m)) @ w for m, w in zip(mix, (wk, wv, wr), strict=True))

        def step(state: Any, item: Any) -> Any:
            top, bottom, largest = state
            k, v = item
            m = jnp.maximum(largest, bonus + k)
            a, b = jnp.exp(largest - m), jnp.exp(bonus + k - m)
            y = (a * top + b * v) / (a * bottom + b)
            m = jnp.maximum(largest + decay, k)
            a, b = jnp.exp(largest + decay - m), jnp.exp(k - m)
            return (a * top + b * v, a * bottom + b, m), y

        zero = jnp.zeros((x.shape[0], UNITS))
        items = jnp.swapaxes(k, 0, 1), jnp.swapaxes(v, 0, 1)
        _, y = jax.lax.scan(step, (zero, zero, zero - 30.0), items)
        return (jax.nn.sigmoid(r) * jnp.swapaxes(y, 0, 1)) @ wo

    return source_model(call, [TensorSpec("x", "float32", (None, 12, UNITS))], {})
