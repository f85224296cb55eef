"""Every spelling of a cell reads as that cell, and runs as it."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from rnnlite_pipeline.cells.lstm import Lstm
from rnnlite_pipeline.cells.recurrence import Recurrence
from rnnlite_pipeline.compare.validation import objection
from rnnlite_pipeline.graph.ir import Model
from rnnlite_pipeline.graph.write import write_model
from rnnlite_pipeline.lower import lower
from rnnlite_pipeline.lower.fused import why_not_fused
from rnnlite_pipeline.passes.tensor_lists import tensor_lists_to_tensors
from rnnlite_pipeline.recognise import recognise
from rnnlite_pipeline.runtimes.interpreter import Runner
from tests.recognise.author import Author, Cell, truth
from tests.recognise.spelling import Spelling
from tests.recognise.strategies import layers, lstm, numbers, spellings

Array = NDArray[Any]
Authored = tuple[list[Cell], Spelling]


@st.composite
def authored(draw: st.DrawFn) -> Authored:
    """Cells and how they are written."""
    cells = draw(layers())
    return cells, draw(spellings(cells))


def is_fusable(what: Authored) -> bool:
    """Whether every cell has a fused op."""
    return all(why_not_fused(Recurrence("", cell)) is None for cell in what[0])


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


#: Each thing that a spelling can do otherwise, alone.
ALONE: list[dict[str, Any]] = [
    {},
    *({"kernels": k} for k in ("separate", "concatenated")),
    *({"matmul": m} for m in ("batch_matmul", "batch_matmul_adj_y")),
    *({"bias": b} for b in ("fused", "forget_apart")),
    *({"states": s, "initial": "input"} for s in ("h|c", "c|h")),
    *({"read": r} for r in ("backward", "countdown")),
    *({"write": w} for w in ("backward", "last")),
    *({"carried": c} for c in ("first", "last")),
    {"order": ("output", "candidate", "forget", "input"), "gates_first": True},
    {"cut": "slice"},
    {"sigmoid": "tanh"},
    {"counters": 1},
    {"batch_major": True},
    {"batch": 2, "steps": 4, "trip": "constant"},
    {"initial": "input"},
    {"unused": True, "finals": False},
]

#: Each variant of the LSTM alone, the coupled one in each spelling.
VARIANTS: list[tuple[dict[str, Any], dict[str, Any]]] = [
    *(({"coupled": True}, {"coupled": c}) for c in ("f,1-f", "g+f(c-g)", "1-i,i")),
    *(({"cell_clip": 0.5}, {"maximum_first": m}) for m in (False, True)),
    *(({"peephole": True, "coupled": c}, {}) for c in (False, True)),
    ({"outputs": 2}, {}),
    ({"outputs": 2, "projection_bias": True}, {}),
    ({"outputs": 2, "projection_clip": 0.25}, {}),
    ({"activation": "RELU"}, {}),
]


@pytest.mark.parametrize("how", ALONE, ids=str)
def test_each_part_of_a_spelling(how: dict[str, Any]) -> None:
    """Each thing that can be spelled otherwise, alone, is read and runs as the LSTM it is."""
    what: Authored = [lstm(2)], Spelling(**how)
    check_reads(what)
    check_runs(what)


@pytest.mark.parametrize(("kind", "how"), VARIANTS, ids=str)
def test_each_variant(kind: dict[str, Any], how: dict[str, Any]) -> None:
    """Each variant of the LSTM, alone, is read and runs as itself."""
    what: Authored = [lstm(2, **kind)], Spelling(**how)
    check_reads(what)
    check_runs(what)


@pytest.mark.parametrize("seed", range(4))
def test_gate_among_two_sigmoids(seed: int) -> None:
    """Where the candidate is a sigmoid too, the gate is the factor with the peephole."""
    check_reads(([lstm(seed, activation="SIGMOID", peephole=True)], Spelling(seed=seed)))


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
@given(authored().filter(is_fusable))
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
@given(authored().filter(is_fusable))
def test_runs_many_spellings(what: Authored) -> None:
    """The fused ops put in the place of many loops compute what the loops compute."""
    check_runs(what)
