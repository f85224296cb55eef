"""Every index into an open batch is converted, and computes what JAX does."""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np
import pytest

from rnnlite_pipeline.runtimes.interpreter import Runner
from rnnlite_pipeline.sources.formats.jax import source_model
from rnnlite_pipeline.sources.model import SourceModel, TensorSpec
from rnnlite_pipeline.sources.to_tflite import to_tflite
from rnnlite_pipeline.toolchain import load, prepare

pytest.importorskip("jax")


def indexed(length: int | None) -> SourceModel:
    """A function of x [B, length, 3] and i [B] that reads x in every way, and nothing else."""
    prepare()
    jax: Any = load("jax")
    jnp: Any = importlib.import_module("jax.numpy")
    lax: Any = load("jax.lax")

    def flipped(row: Any, length: Any) -> Any:
        return jnp.flip(jnp.roll(row, 6 - length, axis=0), axis=0)

    def scanned(x: Any) -> Any:
        def step(carried: Any, place: Any) -> Any:
            read = lax.dynamic_index_in_dim(x, place, 1, keepdims=False)
            carried = jnp.tanh(carried + read + x[:, 0])
            return carried, carried

        return lax.scan(step, x[:, 0] * 0, jnp.arange(6))[0]

    def function(x: Any, i: Any) -> dict[str, Any]:
        entries = jnp.arange(x.shape[0])
        pairs = jnp.stack([i, i - 3], 1)
        return {
            "first": x[:, 0],
            "last": x[:, -1, :],
            "part": x[:, 1:4],
            "strided": x[:, ::2],
            "reversed": x[:, ::-1],
            "at_a_distance": x[:, jnp.array([3, 1])],
            "anywhere": x[:, jnp.array([1, 2, 5]), 1:],
            "one_number": x[:, 2, 1],
            "last_axis": x[..., -1],
            "own_step": x[entries, i],
            "own_steps": x[entries[:, None], pairs],
            "filled": x.at[entries, i].get(mode="fill", fill_value=7.0),
            "not_a_number": jnp.take_along_axis(x, i[:, None, None], axis=1, mode="fill"),
            "clipped": jnp.take(x, i, axis=2, mode="clip"),
            "largest": jnp.argmax(x, 1),
            "least": jnp.argmin(x[:, :2], -1),
        } | ({"flipped": jax.vmap(flipped)(x, i % 6), "in_a_loop": scanned(x)} if length else {})

    inputs = [TensorSpec("x", "float32", (None, length, 3)), TensorSpec("i", "int32", (None,))]
    return source_model(function, inputs, {})


@pytest.mark.parametrize("length", [6, pytest.param(None, marks=pytest.mark.slow)])
def test_every_index_into_an_open_batch(length: int | None) -> None:
    """Constant places, places computed for each entry, outside too, and in a loop."""
    source, random = indexed(length), np.random.default_rng(0)
    content = to_tflite(source)
    assert b"stablehlo" not in content.lower()
    runners = [Runner(content, "reference"), Runner(content, "default")]
    for batch in (1, 3, 2):
        x = random.normal(size=(batch, 6, 3)).astype(np.float32)
        given = {"x": x, "i": random.integers(-9, 9, batch).astype(np.int32)}
        expected = source.run(given)
        for runner in runners:
            for name, found in runner.run(given).items():
                np.testing.assert_allclose(found, expected[name], atol=1e-6, err_msg=name)
