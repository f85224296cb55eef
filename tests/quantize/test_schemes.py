"""Every scheme on random recurrent layers: near the float model, the same twice, all batches."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from rnnlite_pipeline.graph.ir import Model
from rnnlite_pipeline.graph.ops import RECURRENT
from rnnlite_pipeline.graph.write import write_model
from tests.lower.cases import Case, random_lstm, random_rnn
from tests.lower.loop_cases import gru
from tests.quantize.author import KERNELS, LEAST_DB, db, model_of, quantized, worst_db

KINDS = ("lstm", "bi_lstm", "rnn", "bi_rnn", "gru")


def random_model(kind: str, seed: int) -> Model:
    """A layer of a random size in a random layout with a dense layer behind it."""
    rng = np.random.default_rng(seed)
    features, units = (int(n) for n in rng.integers(2, 24, 2))
    make: Any = {"lstm": random_lstm, "rnn": random_rnn, "gru": gru}[kind.removeprefix("bi_")]
    cells = tuple(make(rng, features, units) for _ in range(2 if kind.startswith("bi") else 1))
    case = Case(cells, outputs="y", time_major=bool(rng.integers(2)), seed=seed)
    single = len(cells) == 1
    return model_of(case, classes=int(rng.integers(2, 20)) if single else 0)


@pytest.mark.parametrize("scheme", ["dynamic_range", "float16", "int8"])
@pytest.mark.parametrize("kind", KINDS)
def test_random_layers_stay_near_the_float_model(kind: str, scheme: str) -> None:
    """Two calls are equal and the noise is within the scheme's bound as the batch changes."""
    check(kind, scheme, 3)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(100, 110))
@pytest.mark.parametrize("scheme", ["dynamic_range", "float16", "int8"])
@pytest.mark.parametrize("kind", KINDS)
def test_many_random_layers_stay_near_the_float_model(kind: str, scheme: str, seed: int) -> None:
    """None crashes and none is silently left in float, over 150 layers and schemes."""
    check(kind, scheme, seed)


def check(kind: str, scheme: str, seed: int) -> None:
    """The rules of this file for one model."""
    model = random_model(kind, seed)
    made, outcomes = quantized(model, scheme)
    layers = [o for o in outcomes if o.op in RECURRENT or (o.op == "FULLY_CONNECTED" and o.inside)]
    assert layers
    assert all(o.became != "float32" or "weights" in o.reason or "48" in o.reason for o in layers)
    assert all(o.became != "float32" or o.reason for o in outcomes)
    for kernels in KERNELS:
        assert worst_db(model, made, kernels) > LEAST_DB[scheme]


@pytest.mark.parametrize("scheme", ["dynamic_range", "float16", "int8"])
def test_the_file_shrinks_as_the_weights_do(scheme: str) -> None:
    """100,000 weights take 0.30 of the float file in int8, 0.55 in float16."""
    rng = np.random.default_rng(0)
    model = model_of(Case((random_lstm(rng, 64, 130),), outputs="y"), classes=10)
    made, _ = quantized(model, scheme)
    ratio = len(write_model(made)) / len(write_model(model))
    assert ratio <= (0.55 if scheme == "float16" else 0.30)


@pytest.mark.parametrize("scheme", ["dynamic_range", "float16", "int8"])
def test_the_same_model_gives_the_same_bytes(scheme: str) -> None:
    """Quantizing a model twice gives one file."""
    first, second = (write_model(quantized(random_model("lstm", 4), scheme)[0]) for _ in range(2))
    assert first == second


@pytest.mark.parametrize(
    "variant",
    [
        {"peephole": True},
        {"outputs": 7, "projection_bias": True},
        {"layer_norm": True},
        {"coupled": True},
        {"cell_clip": 0.5},
    ],
    ids=str,
)
@pytest.mark.parametrize("scheme", ["dynamic_range", "float16", "int8"])
def test_every_variant_of_the_lstm(variant: dict[str, object], scheme: str) -> None:
    """Peepholes, projections, layer norms, coupled gates and clips survive each scheme."""
    rng = np.random.default_rng(7)
    model = model_of(Case((random_lstm(rng, 9, 12, **variant),), outputs="y"))  # type: ignore[arg-type]
    made, _ = quantized(model, scheme)
    for kernels in KERNELS:
        assert worst_db(model, made, kernels) > LEAST_DB[scheme]


def test_db_of_a_tenth_of_noise_is_20() -> None:
    """The measure itself: an error of a tenth of the signal is 20 dB."""
    signal = np.ones(5, np.float32)
    assert db(signal, signal * 1.1) == pytest.approx(20.0, abs=1e-4)
