"""Every row of the coverage table."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from tests.coverage.jax_rows import jax_rows
from tests.coverage.keras_rows import keras_rows, tf_keras_rows
from tests.coverage.row import Row
from tests.coverage.tf_rows import function_rows, lingvo_rows, tf1_rows

ROWS: tuple[Row, ...] = (
    *keras_rows(),
    *tf_keras_rows(),
    *tf1_rows(),
    *function_rows(),
    *jax_rows(),
    *lingvo_rows(),
)


def missing(row: Row) -> str:
    """What a row needs that is not there; empty where all is."""
    if "/" in row.needs:
        return "" if Path(row.needs).is_dir() else f"{row.needs} is not there"
    there = not row.needs or importlib.util.find_spec(row.needs)
    return "" if there else f"{row.needs} is not installed"
