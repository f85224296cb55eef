"""The registry: which cells recognition looks for, and in which order."""

from __future__ import annotations

import pytest

from rnnlite_pipeline.cells import registry
from rnnlite_pipeline.cells.gru import Gru


def test_every_file_of_the_room_is_found() -> None:
    """Cells with a fused op come first, then those with fewer weights."""
    kinds = [cell.kind for cell in registry.cells()]
    assert sorted(kinds[:2]) == ["LSTM", "SimpleRNN"]
    assert kinds[2:] == ["MGU", "GRU"]


def test_two_cells_of_one_name_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name stands for one cell."""
    monkeypatch.setattr(registry, "CELLS", {cell.kind: cell for cell in registry.cells()})
    with pytest.raises(ValueError, match="two cells are called GRU"):
        registry.register(type("Other", (Gru,), {}))
