"""The section on the recurrent layers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rnnlite_pipeline.graph.build import make_op
from rnnlite_pipeline.graph.ir import Model, Op, Signature, Subgraph, Tensor
from rnnlite_pipeline.report.evidence import About
from rnnlite_pipeline.report.layers import is_recurrent, reads_reversed, recurrences
from tests.report.samples import about, text


def turned(count: int) -> Model:
    """A loop over an input that is reversed so many times, by way of a reshape."""
    value = x = Tensor("x", "FLOAT32", (-1, 5, 3))
    ops = []
    axis = Tensor.constant("axis", np.array([1], np.int32))
    for i in range(count):
        after = Tensor(f"turned{i}", "FLOAT32", (-1, 5, 3))
        ops.append(make_op("REVERSE_V2", [value, axis], [after]))
        value = after
    y = Tensor("rows/y", "FLOAT32", (-1, 5, 3))
    ops.append(Op("WHILE", [value], [y]))
    main = Subgraph("main", [x], [y], ops)
    return Model([main], [Signature("serving_default", main, {"x": x}, {"y": y})])


@pytest.mark.parametrize(("count", "way"), [(0, "forward"), (1, "backward"), (2, "forward")])
def test_a_loop_over_a_reversed_input_runs_backward(tmp_path: Path, count: int, way: str) -> None:
    """The direction is that of time, as the author of the layer means it."""
    told = about(tmp_path)
    layer = told.layers[0] | {"op": "WHILE", "direction": "forward"}
    shown = recurrences(About(told.config, told.source, turned(count), [layer]))
    assert shown is not None
    assert f"rows ({way})" in shown.html


def test_a_model_without_recurrent_layers_has_no_such_section(tmp_path: Path) -> None:
    """No layer, no section."""
    told = about(tmp_path)
    assert recurrences(About(told.config, told.source, told.model)) is None


def test_layers_that_are_equal_but_for_name_and_direction_share_an_entry(tmp_path: Path) -> None:
    """The names stand together; a layer with other facts has its own entry."""
    told = about(tmp_path)
    first = told.layers[0] | {"op": "WHILE"}
    layers = [
        first,
        first | {"name": "up", "direction": "backward", "scope": "up"},
        first | {"name": "wide", "features": 1},
    ]
    shown = recurrences(About(told.config, told.source, told.model, layers))
    assert shown is not None
    said = text(shown.html)
    assert "rows (forward), up (backward)" in said
    assert "wide (forward)" in said
    assert "3 features" in said
    assert "1 feature ·" in said
    assert said.count("became WHILE") == 2


def test_different_states_are_all_told(tmp_path: Path) -> None:
    """A projection makes the output narrower than the cell's state."""
    told = about(tmp_path)
    layer = told.layers[0] | {"states": [2, 4]}
    shown = recurrences(About(told.config, told.source, told.model, [layer]))
    assert shown is not None
    assert "states of 2 and 4" in shown.html


@pytest.mark.parametrize(("line", "yes"), [("h' = select(m, o, h)", True), ("h' = m h", False)])
def test_a_mask_is_explained_where_there_is_one(tmp_path: Path, line: str, yes: bool) -> None:
    """The note says what m is only if an equation selects by it."""
    told = about(tmp_path)
    layer = told.layers[0] | {"equations": [line]}
    shown = recurrences(About(told.config, told.source, told.model, [layer]))
    assert shown is not None
    assert ("m is the mask" in shown.note) == yes


def test_a_layer_that_was_not_read_says_why_and_has_no_direction(tmp_path: Path) -> None:
    """What is not known is not shown."""
    told = about(tmp_path)
    shown = recurrences(About(told.config, told.source, told.model, told.layers[1:]))
    assert shown is not None
    assert "its &lt;i&gt;state&lt;/i&gt; is odd" in shown.html
    assert "ward)" not in shown.html


def test_both_inputs_must_be_reversed() -> None:
    """A loop that reads one reversed and one plain sequence has no single direction in time."""
    x, y = (Tensor(name, "FLOAT32", (-1, 5, 3)) for name in "xy")
    back, out = (Tensor(name, "FLOAT32", (-1, 5, 3)) for name in ("back", "l/out"))
    axis = Tensor.constant("axis", np.array([1], np.int32))
    state = Tensor("state", "FLOAT32", (-1, 4))
    reverse = make_op("REVERSE_V2", [x, axis], [back])
    for operands, reversed_ in (([back], True), ([back, y], False), ([back, state], True)):
        loop = Op("WHILE", [*operands], [out])
        main = Subgraph("main", [x, y], [out], [reverse, loop])
        model = Model([main], [Signature("serving_default", main, {"x": x, "y": y}, {"o": out})])
        assert reads_reversed(model, loop) == reversed_


def test_a_recurrence_ends_the_way_back() -> None:
    """A reversal before another recurrent op says nothing of the op behind that one."""
    x, back, middle, out = (Tensor(n, "FLOAT32", (-1, 5, 3)) for n in ("x", "b", "m", "o"))
    axis = Tensor.constant("axis", np.array([1], np.int32))
    first, second = Op("WHILE", [back], [middle]), Op("WHILE", [middle], [out])
    ops = [make_op("REVERSE_V2", [x, axis], [back]), first, second]
    main = Subgraph("main", [x], [out], ops)
    model = Model([main], [Signature("serving_default", main, {"x": x}, {"o": out})])
    assert reads_reversed(model, first)
    assert not reads_reversed(model, second)


@pytest.mark.parametrize(
    ("code", "name", "yes"),
    [
        ("WHILE", "l/out", True),
        ("UNIDIRECTIONAL_SEQUENCE_LSTM", "l", True),
        ("ADD", "l/out", False),
        ("WHILE", "l2/out", False),
    ],
)
def test_the_op_of_a_layer(code: str, name: str, yes: bool) -> None:
    """A loop or a sequence op that computes a tensor in the layer's scope."""
    layer: dict[str, Any] = {"name": "l"}
    assert is_recurrent(Op(code, [], [Tensor(name, "FLOAT32", (1,))]), layer) == yes
