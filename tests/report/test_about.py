"""The settings of a model, its inputs and outputs, sizes and origin."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from rnnlite_pipeline.graph.ir import Model, Op, Quantization, Signature, Subgraph, Tensor
from rnnlite_pipeline.report.about import _scaled, _scales, interface, provenance, shape, sizes
from rnnlite_pipeline.report.evidence import About, Facts
from tests.report.samples import about, text


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


def ported(*tensors: Tensor) -> Model:
    """A model of these inputs and outputs: the last one is the output."""
    *inputs, output = tensors
    main = Subgraph("main", inputs, [output], [Op("ADD_N", [*inputs], [output])])
    names = {tensor.name: tensor for tensor in inputs}
    return Model([main], [Signature("serving_default", main, names, {output.name: output})])


def test_quantized_inputs_tell_scale_and_zero_point(tmp_path: Path) -> None:
    """And the real values that they reach; one that stays real says so."""
    told = about(tmp_path)
    units = Quantization((0.5,), (3,))
    model = ported(
        Tensor("x", "INT8", (1, 2), quantization=units),
        Tensor("w", "FLOAT32", (1, 2)),
        Tensor("y", "UINT8", (1, 2), quantization=units),
    )
    said = text(interface(About(told.config, model, model)).html)
    assert "input x 1 × 2 int8 0.5 3 -65.5 to 62" in said
    assert "input w 1 × 2 float32 as they are" in said
    assert "output y 1 × 2 uint8 0.5 3 -1.5 to 126" in said
    plain = text(interface(About(told.config, told.source, told.model)).html)
    assert "zero point" not in plain
