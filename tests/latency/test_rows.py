"""Parts of a model as rows of a table."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from rnnlite_pipeline.graph.build import Builder
from rnnlite_pipeline.graph.ir import Model, Op, Subgraph, Tensor
from rnnlite_pipeline.latency.rows import is_within, place, rows, title


def model() -> Model:
    """A shape, a dense layer and a sum."""
    build, x = Builder("lstm/cell"), Tensor("x", "FLOAT32", (2, 3))
    shape = build.shape(x)
    weights = build.constant("w", np.ones((4, 3), np.float32))
    y = build.op("FULLY_CONNECTED", [x, weights, None], "FLOAT32", (2, 4))
    z = build.binary("ADD", y, build.constant("b", np.ones(4, np.float32)))
    return Model([Subgraph("main", [x], [shape, z], build.ops)])


def test_a_row_for_each_part() -> None:
    """Sizes first, and then each op by its place, with what it multiplies and reads."""
    sizes, dense, total = rows(model(), [{"name": "lstm"}, {"name": "ls"}])
    assert (sizes["sizes"], sizes["op"], sizes["indices"]) == (True, "SHAPE", [0])
    assert (dense["op"], dense["index"], dense["indices"], dense["with"]) == (
        "FULLY_CONNECTED", 1, [1], {},
    )  # fmt: skip
    assert sum(dense["multiply_adds"].values()) == 2 * 3 * 4
    assert (dense["weight_bytes"], total["weight_bytes"]) == (48, 16)
    assert dense["layer"] == "lstm"
    assert dense["name"] == "lstm/cell/fully_connected"


ROW: dict[str, Any] = {
    "op": "WHILE",
    "sizes": False,
    "with": {"FILL": 2},
    "layer": "lstm",
    "name": "a/b;c",
    "indices": [1],
}


@pytest.mark.parametrize(
    ("change", "called", "where"),
    [
        ({}, "WHILE + 2 FILL", "lstm"),
        ({"layer": ""}, "WHILE + 2 FILL", "a/b"),
        (
            {"op": "UNIDIRECTIONAL_SEQUENCE_LSTM", "with": {}},
            "UNIDIRECTIONAL_SEQUENCE_LSTM",
            "lstm",
        ),
        ({"op": "ADD", "with": {}}, "ADD", "a/b"),
        ({"sizes": True, "indices": [1, 2]}, "sizes and constants (2 ops)", ""),
    ],
)
def test_what_a_row_is_called_and_where_it_is(
    change: dict[str, Any], called: str, where: str
) -> None:
    """A recurrence by its layer, another op by the first name of its result."""
    row = {**ROW, **change}
    assert (title(row), place(row)) == (called, where)


def test_an_op_is_within_a_layer_by_its_names() -> None:
    """Of its results, its constants and its states, but not of what it is fed."""
    fed, state = (
        Tensor("lstm/x", "FLOAT32", (1,)),
        Tensor("lstm/h", "FLOAT32", (1,), is_variable=True),
    )
    out = Tensor("lstmy", "FLOAT32", (1,))
    assert not is_within(Op("ADD", [fed], [out]), {"name": "lstm"})
    assert is_within(Op("ADD", [state], [out]), {"name": "lstm"})
    assert is_within(Op("ADD", [fed], [Tensor("lstm", "FLOAT32", (1,))]), {"name": "lstm"})
    assert is_within(
        Op("ADD", [], [Tensor("other/y", "FLOAT32", (1,))]), {"name": "lstm", "scope": "other"}
    )
