"""What convert leaves for verify of a quantization."""

from __future__ import annotations

from pathlib import Path

from rnnlite_pipeline.quantize.outcome import Outcome
from rnnlite_pipeline.quantize.record import leave, read


def test_what_was_left_is_read(tmp_path: Path) -> None:
    """The float model to the byte, and each outcome in order; names of any script."""
    (tmp_path / ".work").mkdir()
    outcomes = [Outcome("Größe/层", "ADD", "int8"), Outcome("a", "MUL", "float32", "why", "body")]
    leave(tmp_path, b"float", outcomes)
    assert read(tmp_path) == (b"float", [each.as_json() for each in outcomes])


def test_without_a_quantization_nothing_is_left(tmp_path: Path) -> None:
    """What an earlier run left goes, and is not needed to be there."""
    (tmp_path / ".work").mkdir()
    leave(tmp_path, b"", [])
    leave(tmp_path, b"float", [Outcome("y", "ADD", "int8")])
    leave(tmp_path, b"", [])
    assert read(tmp_path) is None
    assert list((tmp_path / ".work").iterdir()) == []


def test_a_model_without_ops_to_quantize_is_a_quantized_one(tmp_path: Path) -> None:
    """No outcome is not the same as no quantization."""
    (tmp_path / ".work").mkdir()
    leave(tmp_path, b"float", [])
    assert read(tmp_path) == (b"float", [])


def test_a_folder_without_a_record(tmp_path: Path) -> None:
    """Nothing was converted there yet."""
    assert read(tmp_path) is None
