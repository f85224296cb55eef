"""The settings of a model, its inputs and outputs, sizes and origin."""

from __future__ import annotations

from typing import Any

import pytest

from rnnlite_pipeline.graph.ir import Quantization, Tensor
from rnnlite_pipeline.report.about import _scaled, _scales, provenance, shape, sizes
from rnnlite_pipeline.report.evidence import Facts
from tests.report.test_sections import text


@pytest.mark.parametrize(
    ("dtype", "scale", "cells"),
    [
        ("INT8", (0.5,), ["0.5", "3", "-65.5 to 62"]),
        ("UINT8", (0.5,), ["0.5", "3", "-1.5 to 126"]),
        ("INT8", (), ["", "", "as they are"]),
        ("FLOAT32", (0.5,), ["", "", "as they are"]),
        ("INT4", (0.5,), ["", "", "as they are"]),
    ],
)
def test_the_real_values_of_integers(
    dtype: str, scale: tuple[float, ...], cells: list[str]
) -> None:
    """real = scale * (stored - zero point), from the least to the largest; a float has no such."""
    tensor = Tensor("x", dtype, (1,), quantization=Quantization(scale, (3,) * len(scale)))
    assert _scales(tensor) == cells
    assert _scaled(tensor) == bool(cells[0])


@pytest.mark.parametrize(
    ("dimensions", "said"), [((-1, 8), "? × 8"), ((), "one number"), (None, "any")]
)
def test_dimensions(dimensions: tuple[int, ...] | None, said: str) -> None:
    """Open ones, a scalar, and an unknown rank."""
    assert shape(Tensor("x", "FLOAT32", dimensions)) == said


def test_ops_before_and_after() -> None:
    """Each by name with both counts; the size as a part of the imported graph's."""
    facts: dict[str, Any] = {
        "ops": {"source": {"WHILE": 1, "ADD": 2}, "model": {"LSTM": 1, "ADD": 2}},
        "bytes": {"source": 2000, "model": 500},
        "tflm": {"arena_bytes": 1234},
    }
    shown = sizes(Facts("m", **facts))
    assert shown is not None
    assert "500 B, 25% of the 2,000 B" in shown.note
    assert "1,234 bytes of arena" in shown.note
    assert "ADD 2 2 LSTM 1 WHILE 1" in text(shown.html)
    assert sizes(Facts("m")) is None


def test_where_nothing_is_known_there_is_no_origin() -> None:
    """A digest or a version makes the section."""
    assert provenance(Facts("m"), None) is None
    shown = provenance(Facts("m", model_sha256="abc"), None)
    assert shown is not None
    assert "model.tflite abc" in text(shown.html)
