"""Every spelling of a cell reads as that cell, and runs as it."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from rnnlite_pipeline.graph.ir import Model
from rnnlite_pipeline.graph.write import write_model
from rnnlite_pipeline.lower import lower
from rnnlite_pipeline.lower.fusable import why_not_fused
from rnnlite_pipeline.recognise import recognise
from rnnlite_pipeline.recurrence import Lstm, Recurrence
from rnnlite_pipeline.runtime import Runner
from rnnlite_pipeline.transform.tensor_lists import tensor_lists_to_tensors
from rnnlite_pipeline.validate import objection
from tests.recognise.author import Author, Cell, truth
from tests.recognise.spelling import Spelling
from tests.recognise.strategies import layers, numbers, spellings

Array = NDArray[Any]
Authored = tuple[list[Cell], Spelling]


@st.composite
def authored(draw: st.DrawFn) -> Authored:
    """Cells and how they are written."""
    cells = draw(layers())
    return cells, draw(spellings(cells))


quick = settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
thorough = settings(quick, max_examples=500)


def check_reads(what: Authored) -> None:
    """The recurrences found are the cells written, in kind and in numbers."""
    cells, spelling = what
    (finding,) = recognise(Author(cells, spelling).model())
    assert not finding.reason, finding.reason
    assert [r.cell.states for r in finding.recurrences] == [c.states for c in cells]
    for found, cell in zip(finding.recurrences, cells, strict=True):
        check_same(found, cell)


def check_same(found: Recurrence, cell: Cell) -> None:
    """Both are of one kind, and compute the same in float64."""
    assert type(found.cell) is type(cell)
    assert found.cell.features == cell.features
    if isinstance(cell, Lstm) and isinstance(found.cell, Lstm):
        assert (found.cell.input is None) == (cell.input is None)
        for field in ("activation", "cell_clip", "projection_clip"):
            assert getattr(found.cell, field) == getattr(cell, field)
    random = np.random.default_rng(0)
    x = random.normal(size=(5, 3, cell.features))
    initial = [random.normal(size=(3, width)) for width in cell.states]
    expected = Recurrence("truth", cell).run(x, initial)
    for a, b in zip(found.run(x, initial), expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=1e-6)


def check_runs(what: Authored) -> None:
    """The loop and what takes its place give what the cells' equations give."""
    cells, spelling = what
    assume(all(why_not_fused(Recurrence("", cell)) is None for cell in cells))
    model = Author(cells, spelling).model()
    arrays = numbers(model)
    expected = truth(cells, spelling, arrays)
    loop = copy.deepcopy(model)
    tensor_lists_to_tensors(loop)
    (finding,) = recognise(model, objection)
    assert not finding.reason, finding.reason
    lower(model)
    assert not any(op.code == "WHILE" for op in model.ops())
    for graph in (loop, model):
        check_close(run(graph, arrays), expected)


def run(model: Model, arrays: dict[str, Array]) -> dict[str, Array]:
    """The outputs on reference kernels."""
    return Runner(write_model(model), "reference").run(arrays)


def check_close(results: dict[str, Array], expected: dict[str, Array]) -> None:
    """Equal up to float32."""
    for name, values in results.items():
        np.testing.assert_allclose(values, expected[name], rtol=0, atol=2e-5, err_msg=name)


@quick
@given(authored())
def test_reads_every_spelling(what: Authored) -> None:
    """Any spelling of an LSTM or a simple RNN is read as the cell it is."""
    check_reads(what)


@settings(quick, max_examples=12)
@given(authored())
def test_runs_every_spelling(what: Authored) -> None:
    """The fused ops put in a loop's place compute what the loop computes."""
    check_runs(what)


@pytest.mark.slow
@thorough
@given(authored())
def test_reads_many_spellings(what: Authored) -> None:
    """Any of many spellings of an LSTM or a simple RNN is read as the cell it is."""
    check_reads(what)


@pytest.mark.slow
@thorough
@given(authored())
def test_runs_many_spellings(what: Authored) -> None:
    """The fused ops put in the place of many loops compute what the loops compute."""
    check_runs(what)
