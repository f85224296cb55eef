"""What convert leaves of each layer for later stages."""

from __future__ import annotations

from pathlib import Path

from rnnlite_pipeline.cells.recurrence import Recurrence
from rnnlite_pipeline.lower.layer_record import leave_layers, read_layers
from rnnlite_pipeline.lower.layers import Layer
from tests.recognise.strategies import lstm


def test_layers_come_back(tmp_path: Path) -> None:
    """A layer that was read has its cell; one that was not has its reason alone."""
    cell = lstm(0, units=3, features=2)
    read = Layer("a", Recurrence("a", cell, reverse=True), "WHILE", "too wide", "b/c", gain="g")
    leave_layers(tmp_path, [read, Layer("é", None, "WHILE", "it stops on data")])
    first, second = read_layers(tmp_path)
    assert first == {
        "name": "a",
        "op": "WHILE",
        "reason": "too wide",
        "scope": "b/c",
        "gain": "g",
        "cell": "LSTM",
        "features": 2,
        "states": [3, 3],
        "direction": "backward",
        "time_major": True,
        "equations": cell.text(),
    }
    assert second == {"name": "é", "op": "WHILE", "reason": "it stops on data", "scope": "é"}


def test_a_model_that_convert_did_not_make_has_none(tmp_path: Path) -> None:
    """There is no file."""
    assert read_layers(tmp_path) == []
