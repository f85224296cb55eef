"""The proof that a model's memory is right in every interpreter."""

from __future__ import annotations

import numpy as np
import pytest

from rnnlite_pipeline.errors import NotConvertible
from rnnlite_pipeline.graph.build import Builder, make_op
from rnnlite_pipeline.graph.ir import OPEN, Model, Tensor
from rnnlite_pipeline.passes import memory
from rnnlite_pipeline.passes.give_states_room import give_states_room
from rnnlite_pipeline.passes.memory import check_memory
from tests.quantize.single import graph, number


def _late_state() -> Model:
    """A state that is filled behind an op that is sized when the model runs."""
    build, x = Builder("g"), Tensor("x", "FLOAT32", (OPEN, 3))
    begin = Tensor("begin", "INT32", (2,))
    late = build.op("SLICE", [x, begin, build.indices([-1, -1])], "FLOAT32", (OPEN, 3))
    state = Tensor("lstm/h", "FLOAT32", (OPEN, 3), is_variable=True)
    build.ops.append(make_op("FILL", [build.shape(late), number(np.zeros(()))], [state]))
    y = build.binary("ADD", late, late)
    return graph([x, begin], [y], build.ops)


def test_a_state_without_room_is_named() -> None:
    """The state that a larger batch would overrun, and what to do; with a SLICE it has room."""
    model = _late_state()
    with pytest.raises(NotConvertible, match="state lstm/h") as caught:
        check_memory(model)
    assert "recurrent.lowering" in caught.value.remedy
    assert give_states_room(model)
    check_memory(model)


def test_a_copy_across_a_border_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """By its op and what it copies to, behind the states."""
    y = Tensor("y", "FLOAT32", (2, 3))
    copies = [make_op("RESHAPE", [y, None], [y])]
    monkeypatch.setattr(memory, "crossing", lambda _: copies)
    with pytest.raises(NotConvertible, match="state lstm/h, copy by RESHAPE to y"):
        check_memory(_late_state())


def test_a_model_without_states_or_copies_passes() -> None:
    """Also one of no ops."""
    x = Tensor("x", "FLOAT32", (OPEN, 3))
    check_memory(graph([x], [x], []))
