"""Lingvo's cells, as its own code exported them, and the numbers TensorFlow computed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from rnnlite_pipeline.config import Config
from rnnlite_pipeline.graph.write import write_model
from rnnlite_pipeline.runtimes.interpreter import Runner
from rnnlite_pipeline.sources.opening import open_source
from tests.random_models.held import hold

FIXTURES = Path(__file__).parents[3] / "shared" / "fixtures"


@pytest.mark.skipif(not FIXTURES.is_dir(), reason=f"lingvo's fixtures are not at {FIXTURES}")
@pytest.mark.parametrize(
    "name", ["lingvo_lstm_cell_simple", "lingvo_layer_normalized_lstm_cell_simple"]
)
def test_lingvo_cells_are_fused_and_give_its_numbers(name: str) -> None:
    """A loop around a lingvo cell becomes one fused LSTM that gives the numbers lingvo gave."""
    folder = FIXTURES / name
    where = {"format": "saved_model", "path": str(folder / "saved_model")}
    source = open_source(Config.model_validate({"name": "lingvo", "source": where}))
    conversion = hold(source, [name], lowering="fused")
    assert [layer.op for layer in conversion.layers] == ["UNIDIRECTIONAL_SEQUENCE_LSTM"]
    golden = np.load(folder / "golden.npz")
    runner = Runner(write_model(conversion.model), "reference")
    for _ in range(2):
        y = next(iter(runner.run({"x": golden["x"]}).values()))
        assert np.abs(y - golden["y"]).max() < 1e-5
