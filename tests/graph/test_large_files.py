"""Large files are in memory once while they are written, and while they are rounded."""

from __future__ import annotations

import io
import tracemalloc
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from rnnlite_pipeline.algebra import forms
from rnnlite_pipeline.compare.roundings import rounded_file
from rnnlite_pipeline.graph import write
from rnnlite_pipeline.graph.build import Builder
from rnnlite_pipeline.graph.extract import standing_alone
from rnnlite_pipeline.graph.ir import OPEN, Model, Op, Tensor
from rnnlite_pipeline.recognise.symbolic.arithmetic import product
from rnnlite_pipeline.recognise.symbolic.values import Const, Rows

#: The sides of a matrix of 20 MB.
ROWS, COLUMNS = 2048, 2560
SIZE = 4 * ROWS * COLUMNS


@pytest.fixture(scope="module")
def large() -> Model:
    """A product by a matrix of 20 MB, and one by a small one."""
    build = Builder("large")
    x = Tensor("x", "FLOAT32", (OPEN, COLUMNS))
    matrix = np.arange(ROWS * COLUMNS, dtype=np.float32).reshape(ROWS, COLUMNS)
    weights, small = Tensor.constant("w", matrix), Tensor.constant("v", matrix[:3, :ROWS])
    y = build.op("FULLY_CONNECTED", [x, weights, None], "FLOAT32", (OPEN, ROWS))
    z = build.op("FULLY_CONNECTED", [y, small, None], "FLOAT32", (OPEN, 3))
    return standing_alone([x], [z], build.ops)


def _peak(work: Callable[[], Any]) -> tuple[Any, int]:
    """What some work gives, and the bytes that were taken at once meanwhile."""
    tracemalloc.start()
    try:
        return work(), tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_a_large_file_is_written_where_it_stays(
    large: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To write it takes its own size, and the file is the same as one that is copied."""
    content, peak = _peak(lambda: write.write_model(large))
    assert peak < 1.2 * SIZE
    monkeypatch.setattr(write, "HEAVY", 2**40)
    copied, peak = _peak(lambda: write.write_model(large))
    assert peak > 1.9 * SIZE
    assert content == copied


def test_a_file_is_rounded_in_place(large: Model) -> None:
    """A file that nobody else holds is changed where it is."""
    content, places = write.write_located(large)
    file = io.BytesIO(content)
    del content
    moved, peak = _peak(lambda: rounded_file(file, places, seed=1))
    assert len(moved) > SIZE
    assert peak < SIZE


def test_a_large_matrix_is_not_copied_into_equations(large: Model) -> None:
    """A product reads the file's own numbers; what is made of maps is made in float64."""
    (op, *_) = large.main.ops
    weights = op.inputs[1]
    assert weights is not None
    array = weights.array
    assert array is not None
    x = Rows(forms.symbol("x", COLUMNS))
    op = Op(op.code, op.inputs[:2], op.outputs, op.options, op.options_type)
    (value,), peak = _peak(lambda: product(op, (x, Const(array))))
    assert isinstance(value, Rows)
    ((_, linear),) = value.form.terms.values()
    assert np.shares_memory(linear.values, array)
    assert peak < SIZE
    assert linear.plus(linear, COLUMNS).values.dtype == np.float64
    assert linear.then(array[:, :2], COLUMNS).values.dtype == np.float64
