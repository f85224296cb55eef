"""Rows of the coverage table from JAX, and from Flax linen, Flax nnx and Haiku above it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from rnnlite_pipeline.sources.formats.jax import source_model
from rnnlite_pipeline.sources.model import SourceModel, TensorSpec
from rnnlite_pipeline.toolchain import load
from tests.coverage.row import BATCH, BI_LSTM, GRU, LOOP, LSTM, RNN, Row

#: A function of x [B, T, F], given the framework.
Make = Callable[[Any], Callable[[Any], Any]]

#: Cells of Flax's two interfaces, by their names, and what they become.
FLAX_CELLS = (
    ("LSTMCell", (LSTM,), ""),
    ("OptimizedLSTMCell", (LSTM,), ""),
    ("GRUCell", (LOOP,), GRU),
    ("SimpleCell", (RNN,), ""),
)

HAIKU_CELLS = (("LSTM", (LSTM,), ""), ("GRU", (LOOP,), GRU))

#: Both directions in one op.
BOTH = (BI_LSTM, BI_LSTM)


def jax_rows() -> Iterator[Row]:
    """A lax.scan written by hand, and the layers of three libraries, through jax2tf."""
    for form, batch in (("batch 3", 3), ("open batch", None)):
        source = f"JAX, lax.scan, {form}"
        yield Row(source, "LSTM", _built("jax", _scanned("LSTM"), batch), (LSTM,), needs="jax")
        yield Row(source, "GRU", _built("jax", _scanned("GRU"), batch), (LOOP,), GRU, needs="jax")
    for source, package, made, cells in (
        ("Flax linen", "flax.linen", _linen, (*FLAX_CELLS, ("Bidirectional", BOTH, ""))),
        ("Flax nnx", "flax.nnx", _nnx, FLAX_CELLS),
        ("Haiku", "haiku", _haiku, HAIKU_CELLS),
    ):
        for cell, ops, reason in cells:
            build, needs = _built(package, made(cell)), package.partition(".")[0]
            yield Row(f"{source}, open batch", cell, build, ops, reason, needs=needs)


def _built(package: str, make: Make, batch: int | None = None) -> Callable[[Path], SourceModel]:
    def build(_folder: Path) -> SourceModel:
        function = make(load(package))
        x = TensorSpec("x", "float32", (batch or BATCH.get(), 6, 3))
        return source_model(lambda x: {"y": function(x)}, [x], {})

    return build


def _scanned(cell: str) -> Make:
    """A cell in plain JAX."""

    def make(jax: Any) -> Callable[[Any], Any]:
        jnp, sigmoid = jax.numpy, jax.nn.sigmoid
        w = np.random.default_rng(0).normal(0.0, 0.4, (8, 20)).astype(np.float32)

        def lstm(carry: Any, x: Any) -> Any:
            h, c = carry
            i, f, g, o = jnp.split(jnp.concatenate([x, h], -1) @ w, 4, -1)
            c = sigmoid(f) * c + sigmoid(i) * jnp.tanh(g)
            h = sigmoid(o) * jnp.tanh(c)
            return (h, c), h

        def gru(carry: Any, x: Any) -> Any:
            h, c = carry
            r, z = jnp.split(sigmoid(jnp.concatenate([x, h], -1) @ w[:, :10]), 2, -1)
            n = jnp.tanh(jnp.concatenate([x, r * h], -1) @ w[:, 10:15])
            h = (1.0 - z) * n + z * h
            return (h, c), h

        def function(x: Any) -> Any:
            zeros = jnp.zeros((x.shape[0], 5))
            step = lstm if cell == "LSTM" else gru
            _, y = jax.lax.scan(step, (zeros, zeros), jnp.swapaxes(x, 0, 1))
            return jnp.swapaxes(y, 0, 1)

        return function

    return make


def _linen(cell: str) -> Make:
    """A linen module on the weights it starts with."""

    def make(nn: Any) -> Callable[[Any], Any]:
        jax = load("jax")
        both = cell == "Bidirectional"
        layers = [nn.RNN(nn.LSTMCell(5) if both else getattr(nn, cell)(5)) for _ in range(2)]
        module = nn.Bidirectional(*layers) if both else layers[0]
        weights = module.init(jax.random.key(0), jax.numpy.ones((1, 6, 3)))
        return lambda x: module.apply(weights, x)

    return make


def _nnx(cell: str) -> Make:
    """A module that is split into what it computes and its weights, and merged when called."""

    def make(nnx: Any) -> Callable[[Any], Any]:
        layer = nnx.RNN(getattr(nnx, cell)(3, 5, rngs=nnx.Rngs(0)))
        what, weights = nnx.split(layer)

        def function(x: Any) -> Any:
            merged = nnx.merge(what, weights, copy=True)
            return merged(x)

        return function

    return make


def _haiku(cell: str) -> Make:
    def make(haiku: Any) -> Callable[[Any], Any]:
        jax = load("jax")

        def unrolled(x: Any) -> Any:
            core = getattr(haiku, cell)(5)
            steps, first = jax.numpy.swapaxes(x, 0, 1), core.initial_state(x.shape[0])
            y, _ = haiku.dynamic_unroll(core, steps, first)
            return jax.numpy.swapaxes(y, 0, 1)

        pure = haiku.without_apply_rng(haiku.transform(unrolled))
        weights = pure.init(jax.random.key(0), jax.numpy.ones((1, 6, 3)))
        return lambda x: pure.apply(weights, x)

    return make
