"""What a conversion costs, beside the stock converter."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.conversion import STAGES, Cost, Row, row


def _row(seconds: float, megabytes: float) -> Row:
    """A model of 100 MB, for which the stock converter takes 10 s and 1 GB."""
    quiet = Cost(0.0, 0.0, 0.0)
    stages = {"import": Cost(9.0, seconds, 1000.0), "convert": Cost(9.0, 0.0, megabytes)}
    return Row("m", 100.0, stages | {"describe": quiet}, Cost(9.0, 10.0, 1000.0))


def test_the_bound_is_held_to_time_and_memory() -> None:
    """25 s of the processor and 900 MB are allowed, and no more."""
    assert _row(25.0, 900.0).is_bounded
    assert not _row(25.1, 900.0).is_bounded
    assert not _row(25.0, 901.0).is_bounded
    assert "| NO |" in str(_row(25.1, 900.0))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["simple-htr", "wide-lstms", "static-rnn-200"])
def test_a_conversion_is_bounded(name: str, tmp_path: Path) -> None:
    """Twice the stock converter's time and 5 s; three times the model's size and 600 MB."""
    found = row(name, tmp_path, [stage for stage in STAGES if stage != "verify"])
    assert found.is_bounded, str(found)
