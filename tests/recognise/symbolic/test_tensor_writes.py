"""Loops whose lists are tensors read as those with lists do."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings

from rnnlite_pipeline.compare.validation import objection
from rnnlite_pipeline.graph.build import Builder, make_op
from rnnlite_pipeline.graph.ir import Model, Op, Subgraph, Tensor
from rnnlite_pipeline.passes.tensor_lists import tensor_lists_to_tensors
from rnnlite_pipeline.recognise import recognise
from tests.recognise.author import Author
from tests.recognise.spelling import Spelling
from tests.recognise.strategies import lstm
from tests.recognise.test_spellings import Authored, authored, check_same, quick


@settings(quick, max_examples=25)
@given(authored())
def test_tensors_updated_in_place(what: Authored) -> None:
    """A loop that updates a slice of a tensor in each step is the recurrence it was with lists."""
    cells, spelling = what
    model = Author(cells, spelling).model()
    tensor_lists_to_tensors(model)
    (finding,) = recognise(model)
    assert not finding.reason, finding.reason
    for found, cell in zip(finding.recurrences, cells, strict=True):
        check_same(found, cell)


def body_of(model: Model) -> Subgraph:
    """The body of the model's one loop."""
    (op,) = [op for op in model.main.ops if op.code == "WHILE"]
    body: Subgraph = op.options["body_subgraph"]
    return body


def joined(body: Subgraph, shift: int = 0) -> None:
    """Writes the update of the list as the stock converter does: before, the item, after."""
    (update,) = [op for op in body.ops if op.code == "DYNAMIC_UPDATE_SLICE"]
    whole, item, start = update.inputs
    assert whole is not None
    assert item is not None
    assert start is not None
    build = Builder("joined")
    index = build.op(
        "STRIDED_SLICE",
        [start, *map(build.indices, ([0], [1], [1]))],
        "INT32",
        [1],
    )
    place = _place(body, start)
    index = build.reshape(place, [1])
    ends = build.indices([-1, -1])
    size = build.concatenate([index, ends], axis=0)
    before = build.op("SLICE", [whole, build.indices([0, 0, 0]), size], "FLOAT32", (-1, -1, -1))
    after_at = build.binary("ADD", index, build.indices([1 + shift]))
    begin = build.concatenate([after_at, build.indices([0, 0])], axis=0)
    after = build.op("SLICE", [whole, begin, build.indices([-1, -1, -1])], "FLOAT32", (-1, -1, -1))
    out = update.outputs[0]
    build.ops.append(make_op("CONCATENATION", [before, item, after], [out], axis=0))
    at = body.ops.index(update)
    body.ops[at : at + 1] = build.ops


def _place(body: Subgraph, start: Tensor) -> Tensor:
    """The scalar index that begins the place of an update."""
    makers = {id(t): op for op in body.ops for t in op.outputs}
    tensor: Tensor = start
    while tensor.shape != ():
        op: Op = makers[id(tensor)]
        first = op.inputs[0]
        assert first is not None
        tensor = first
    return tensor


def test_tensors_joined_from_parts() -> None:
    """What the stock converter makes of a list is read and runs as the loop does."""
    model = Author([lstm(3)], Spelling()).model()
    tensor_lists_to_tensors(model)
    joined(body_of(model))
    (finding,) = recognise(model, objection)
    assert not finding.reason, finding.reason
    assert [r.cell.kind for r in finding.recurrences] == ["LSTM"]


@pytest.mark.parametrize("shift", [1, -1])
def test_tensors_joined_otherwise_stay(shift: int) -> None:
    """Parts that overlap the item, or leave one out, are no list; the loop stays."""
    model = Author([lstm(3)], Spelling()).model()
    tensor_lists_to_tensors(model)
    joined(body_of(model), shift)
    (finding,) = recognise(model)
    assert "joins parts of a list" in finding.reason
    assert np.any([op.code == "WHILE" for op in model.main.ops])
