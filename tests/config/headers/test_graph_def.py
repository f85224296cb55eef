"""The header of a TensorFlow 1 graph."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from rnnlite_pipeline.config.headers.graph_def import read
from rnnlite_pipeline.config.headers.interface import WrongSource
from rnnlite_pipeline.config.source import Source
from tests.config.written_sources import field, graph_def


def source(path: Path, **named: Any) -> Source:
    """The section of a graph with the input x:0 and the output y."""
    named = {"inputs": {"x:0": (1, 2)}, "outputs": ("y",)} | named
    return Source(format="graph_def", path=str(path), **named)


@pytest.mark.parametrize("suffix", [".pb", ".meta"])
def test_names_that_the_graph_has(tmp_path: Path, suffix: str) -> None:
    """Tensors and nodes, in a graph alone and in a meta graph."""
    path = tmp_path / f"m{suffix}"
    graph = graph_def("x", "y", "keep")
    path.write_bytes(graph if suffix == ".pb" else field(1, field(4, "train")) + field(2, graph))
    assert read(path, source(path, constants={"keep:0": True})) is None


@pytest.mark.parametrize(
    ("named", "loc", "said"),
    [
        ({"inputs": {"xx:0": (1, 2)}}, ("source", "inputs", "xx:0"), "Did you mean x?"),
        ({"outputs": ("y", "z:1")}, ("source", "outputs", 1), "no tensor `z:1`"),
        ({"constants": {"other": 1}}, ("source", "constants", "other"), "no tensor `other`"),
    ],
)
def test_a_name_that_the_graph_has_not(
    tmp_path: Path, named: dict[str, Any], loc: object, said: str
) -> None:
    """The key of the config, and what was perhaps meant."""
    path = tmp_path / "m.pb"
    path.write_bytes(graph_def("x", "y"))
    with pytest.raises(WrongSource) as raised:
        read(path, source(path, **named))
    assert raised.value.loc == loc
    assert said in raised.value.message


@pytest.mark.parametrize(
    ("content", "said"), [(b"", "an empty graph"), (graph_def("x", "y")[:-3], "is damaged")]
)
def test_a_damaged_graph(tmp_path: Path, content: bytes, said: str) -> None:
    """Empty, or cut short."""
    path = tmp_path / "m.pb"
    path.write_bytes(content)
    with pytest.raises(WrongSource, match=said):
        read(path, source(path))


def test_a_graph_as_text_is_left_to_the_import(tmp_path: Path) -> None:
    """It is not even opened."""
    for suffix in (".pbtxt", ".txt"):
        path = tmp_path / f"none{suffix}"
        assert read(path, source(path)) is None
