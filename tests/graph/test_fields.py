"""Shapes, quantization and options: what a file says and what it means."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rnnlite_pipeline.errors import ModelFormatError
from rnnlite_pipeline.graph import fields
from rnnlite_pipeline.graph.ir import OPEN, Quantization, Subgraph, Tensor

SHAPES = st.none() | st.lists(st.integers(1, 9) | st.just(OPEN), max_size=4).map(tuple)


@given(SHAPES)
def test_a_shape_comes_back(shape: tuple[int, ...] | None) -> None:
    """Whatever it is; the static shape has 1 where a dimension is open."""
    written = fields.write_shape(shape)
    assert fields.read_shape({"has_rank": False, **written}, constant=False) == shape
    assert all(d > 0 for d in written.get("shape", []))


@pytest.mark.parametrize(
    ("said", "constant", "shape"),
    [
        ({"has_rank": False}, False, None),
        ({"has_rank": False}, True, ()),
        ({"has_rank": True}, False, ()),
        ({"has_rank": False, "shape": [1, 2]}, False, (1, 2)),
        ({"has_rank": False, "shape": [1, 2], "shape_signature": [OPEN, 2]}, False, (OPEN, 2)),
        ({"has_rank": False, "shape": [3], "shape_signature": [OPEN]}, True, (3,)),
    ],
)
def test_what_a_file_s_shape_means(said: Any, constant: bool, shape: Any) -> None:
    """A constant has the shape of its data; without any field the rank is unknown."""
    assert fields.read_shape(said, constant) == shape


@given(
    st.none()
    | st.builds(
        Quantization,
        st.lists(st.just(0.5), min_size=1, max_size=3).map(tuple),
        st.lists(st.integers(-9, 9), max_size=3).map(tuple),
        st.lists(st.just(-1.0), max_size=1).map(tuple),
        st.lists(st.just(1.0), max_size=1).map(tuple),
        st.integers(0, 3),
    )
)
def test_quantization_comes_back(quantization: Quantization | None) -> None:
    """None is an empty table, which tools rely on."""
    written = fields.write_quantization(quantization)
    assert fields.read_quantization(written) == quantization
    assert written["details_type"] == 0


def tensor(said: dict[str, Any], shape: tuple[int, ...]) -> Tensor:
    """A tensor as it is read from these fields."""
    read = Tensor("t", "FLOAT32", shape)
    read.extra[fields.SPELLING] = fields.spelling(said, read)
    return read


def test_a_file_s_own_spelling_is_kept_while_it_means_the_same() -> None:
    """A static shape of 7 beside an open dimension; after a change the writer's own."""
    said: dict[str, Any] = {"has_rank": True, "shape": [7, 2], "shape_signature": [OPEN, 2]}
    read = tensor(said, (OPEN, 2))
    assert fields.shape_fields(read) == said
    read.shape = (4, 2)
    assert fields.shape_fields(read) == {"has_rank": True, "shape": [4, 2]}


def test_an_empty_quantization_table_is_kept_too() -> None:
    """Until the tensor is quantized."""
    table = {"details_type": 0, "quantized_dimension": 1}
    read = tensor({"has_rank": True, "shape": [2], "quantization": table}, (2,))
    assert fields.quantization_fields(read) == table
    read.quantization = Quantization((0.5,), (3,))
    assert fields.quantization_fields(read)["scale"] == [0.5]


def test_the_writer_s_own_spelling_is_not_kept() -> None:
    """There is nothing to keep."""
    said = {**fields.write_shape((OPEN, 2)), "quantization": fields.write_quantization(None)}
    assert fields.spelling(said, Tensor("t", "FLOAT32", (OPEN, 2))) == {}


CASES: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("AddOptions", {"fused_activation_function": 1}, {"fused_activation_function": "RELU"}),
    ("WhileOptions", {"cond_subgraph_index": 1, "body_subgraph_index": 0}, {}),
    ("StablehloCaseOptions", {"branch_subgraph_indices": [1, 0, 1]}, {}),
    ("GatherOptions", {"axis": 2, "batch_dims": 0}, {"axis": 2, "batch_dims": 0}),
]


@pytest.mark.parametrize(("table", "said", "meant"), CASES)
def test_options_come_back(table: str, said: dict[str, Any], meant: dict[str, Any]) -> None:
    """Activations by name, subgraphs as objects."""
    graphs = [Subgraph("zero"), Subgraph("one")]
    options = fields.read_options(table, said, graphs)
    assert options.items() >= meant.items()
    assert fields.write_options(table, options, {g: k for k, g in enumerate(graphs)}) == said


def test_subgraphs_by_their_index() -> None:
    """Each has its field's name without the index."""
    zero, one = Subgraph("zero"), Subgraph("one")
    said = {"cond_subgraph_index": 1, "body_subgraph_index": 0}
    read = fields.read_options("WhileOptions", said, [zero, one])
    assert read == {"cond_subgraph": one, "body_subgraph": zero}


@pytest.mark.parametrize(
    ("table", "said", "what"),
    [
        ("AddOptions", {"fused_activation_function": 99}, "activation 99"),
        ("WhileOptions", {"cond_subgraph_index": 2}, "subgraph 2"),
        ("StablehloCaseOptions", {"branch_subgraph_indices": [-1]}, "subgraph -1"),
    ],
)
def test_an_index_out_of_range_is_damaged(table: str, said: dict[str, Any], what: str) -> None:
    """The message says which."""
    with pytest.raises(ModelFormatError, match=f"there is no {what}"):
        fields.read_options(table, said, [Subgraph("zero")])


def test_an_option_that_the_table_has_not_is_refused() -> None:
    """It would be lost; one that is None is left out."""
    with pytest.raises(ValueError, match="AddOptions has no field axis"):
        fields.write_options("AddOptions", {"axis": 1}, {})
    assert fields.write_options("GatherOptions", {"axis": None, "batch_dims": 1}, {}) == {
        "batch_dims": 1
    }


@pytest.mark.parametrize(
    ("table", "field"),
    [("AddOptions", "builtin_options"), ("StablehloCaseOptions", "builtin_options2")],
)
def test_the_field_that_holds_a_table(table: str, field: str) -> None:
    """The schema has two unions."""
    assert fields.options_union(table) == field
