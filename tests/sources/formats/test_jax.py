"""JAX functions as sources, through JAX's own bridge; needs the extra `jax`."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rnnlite_pipeline.errors import SourceError
from rnnlite_pipeline.sources.formats.jax import source_model as jax_source
from rnnlite_pipeline.sources.model import TensorSpec
from rnnlite_pipeline.sources.opening import open_source
from tests.sources.round_trip import config, round_trip, shapes

needs_jax = pytest.mark.skipif(
    importlib.util.find_spec("jax") is None, reason="JAX, an optional extra, is not installed"
)
needs_flax = pytest.mark.skipif(
    importlib.util.find_spec("flax") is None,
    reason="Flax, which a user may bring, is not installed",
)

MODULE = '''
import jax
import jax.numpy as jnp
import numpy as np

random = np.random.default_rng(0)
W = random.standard_normal((7, 16)).astype("f")
U, V = W[:, :8], W[:, 8:12]


def lstm():
    """A plain lax.scan over time, the batch open."""

    def step(carry, x):
        c, h = carry
        i, f, g, o = jnp.split(jnp.concatenate([x, h], -1) @ W, 4, -1)
        c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
        h = jax.nn.sigmoid(o) * jnp.tanh(c)
        return (c, h), h

    def model(x):
        zeros = jnp.zeros((x.shape[0], 4))
        (_, last), made = jax.lax.scan(step, (zeros, zeros), jnp.swapaxes(x, 0, 1))
        return {"sequence": jnp.swapaxes(made, 0, 1), "last": last}

    return model, {"x": [None, 6, 3]}


def gru():
    """The reset gate before the product; the shape by example."""

    def step(h, x):
        r, z = jnp.split(jax.nn.sigmoid(jnp.concatenate([x, h], -1) @ U), 2, -1)
        n = jnp.tanh(jnp.concatenate([x, r * h], -1) @ V)
        return (1 - z) * n + z * h, None

    def model(x):
        return jax.lax.scan(step, jnp.zeros((x.shape[0], 4)), jnp.swapaxes(x, 0, 1))[0]

    return model, [np.zeros((2, 6, 3), "f")]


def flax_lstm():
    import flax.linen as nn

    module = nn.RNN(nn.OptimizedLSTMCell(4))
    variables = module.init(jax.random.key(0), jnp.ones((1, 6, 3)))
    return lambda x: module.apply(variables, x), {"x": (2, 6, 3)}


def function_only():
    return lstm()[0]


def wrong_shape():
    return lstm()[0], {"x": [None, 6, 4]}


def no_shape():
    return lstm()[0], {"x": "wide"}
'''


@pytest.fixture(autouse=True)
def _beside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, keras: Any) -> None:
    del keras
    (tmp_path / "my_jax.py").write_text(MODULE)
    monkeypatch.chdir(tmp_path)
    sys.modules.pop("my_jax", None)


@needs_jax
@pytest.mark.parametrize(
    ("factory", "shape", "outputs"),
    [
        ("lstm", (None, 6, 3), {"sequence": (None, 6, 4), "last": (None, 4)}),
        ("gru", (2, 6, 3), {"output_0": (2, 4)}),
        pytest.param("flax_lstm", (2, 6, 3), {"output_0": (2, 6, 4)}, marks=needs_flax),
    ],
)
def test_a_scan_arrives_as_a_loop_of_builtin_ops(
    factory: str, shape: tuple[int | None, ...], outputs: dict[str, Any]
) -> None:
    """Names, order and open batch are the function's; the scan is not unrolled; no Flex."""
    made = round_trip(format="jax", factory=f"my_jax:{factory}")
    assert shapes(made.source.inputs) == [("x", "float32", shape)]
    assert {s.name: s.shape for s in made.source.outputs} == outputs
    loops = [op for op in made.imported.main.ops if op.code == "WHILE"]
    assert len(loops) == 1
    assert len(made.layers) == 1


@needs_jax
def test_time_major_inputs_have_one_batch() -> None:
    """Where the first axis is not open, the first open one is the batch of all inputs."""
    inputs = [TensorSpec("x", "float32", (4, None, 3)), TensorSpec("done", "float32", (4, None))]
    made = jax_source(lambda x, done: x * (1.0 - done[..., None]), inputs, {})
    given = {s.name: np.ones([d or 2 for d in s.shape], "f") for s in inputs}
    assert made.run(given)["output_0"].shape == (4, 2, 3)
    assert [s.shape for s in made.outputs] == [(4, None, 3)]


@needs_jax
def test_an_exported_function_is_read_from_a_file(tmp_path: Path) -> None:
    """A file of jax.export holds the function with its shapes."""
    jax = pytest.importorskip("jax")
    export = importlib.import_module("jax.export")
    batch = export.symbolic_shape("b, 3")
    example = jax.ShapeDtypeStruct(batch, np.float32)
    (tmp_path / "f.jax").write_bytes(export.export(jax.jit(lambda x: x * 2))(example).serialize())
    made = round_trip(format="jax", path=str(tmp_path / "f.jax"))
    assert shapes(made.source.inputs) == [("input_0", "float32", (None, 3))]
    (tmp_path / "f.jax").write_bytes(b"hello")
    with pytest.raises(SourceError, match="damaged, or no exported JAX function"):
        open_source(config(format="jax", path=str(tmp_path / "f.jax")))


@needs_jax
@pytest.mark.parametrize(
    ("factory", "said"),
    [
        ("function_only", r"expected a pair of a function and its inputs.\n.*\(function, "),
        ("wrong_shape", r"JAX cannot trace the function: "),
        ("no_shape", r'gives no shape for "x"'),
        ("nobody", r"cannot import my_jax:nobody"),
    ],
)
def test_a_wrong_factory_is_one_sentence(factory: str, said: str) -> None:
    """What is wrong with what it returns is said, with the form it should have."""
    with pytest.raises(SourceError, match=said) as caught:
        open_source(config(format="jax", factory=f"my_jax:{factory}"))
    assert caught.value.remedy


def test_without_jax_the_remedy_is_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """An optional extra that is not there is one sentence, not an ImportError."""
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(SourceError, match=r"JAX is not installed.\n.*rnnlite\[jax\]"):
        open_source(config(format="jax", factory="my_jax:lstm"))
