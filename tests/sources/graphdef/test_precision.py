"""Models trained in mixed precision are taken in float32, their weights' own precision."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from rnnlite_pipeline.sources.formats import keras, tf_keras
from rnnlite_pipeline.sources.model import SourceModel
from rnnlite_pipeline.toolchain import load
from tests.random_models.held import hold


def _mixed(framework: Any, policy: str) -> Any:
    """A model whose last layer computes in half precision, too."""
    layers = framework.layers
    x = framework.Input((None, 3), name="x")
    y = layers.Bidirectional(layers.LSTM(4, return_sequences=True, dtype=policy))(x)
    y = layers.TimeDistributed(layers.Dense(4, dtype=policy), dtype=policy)(y)
    return framework.Model(x, layers.GRU(3, dtype=policy)(y))


@pytest.mark.parametrize(
    ("framework", "policy"),
    [("keras", "mixed_float16"), ("keras", "mixed_bfloat16"), ("tf_keras", "mixed_float16")],
)
def test_mixed_precision(framework: str, policy: str, capsys: pytest.CaptureFixture[str]) -> None:
    """It converts, computes and puts out float32, is near its half precision, and is named."""
    model = _mixed(load(framework), policy)
    x = np.random.default_rng(0).normal(size=(2, 5, 3)).astype(np.float32)
    half = np.asarray(model(x), np.float32)
    opened = keras.source_model if framework == "keras" else tf_keras.source_model
    source: SourceModel = opened(model, {})
    assert [spec.dtype for spec in source.outputs] == ["float32"]
    assert "taken in float32" in capsys.readouterr().out
    hold(source, [framework, policy])
    (name,) = (spec.name for spec in source.outputs)
    np.testing.assert_allclose(source.run({"x": x})[name], half, rtol=0, atol=0.05)
