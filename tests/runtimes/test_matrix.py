"""Every cell on every target: what the tables promise holds on the runtime itself."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from rnnlite_pipeline.graph.write import write_model
from rnnlite_pipeline.runtimes import RUNTIMES, vela
from rnnlite_pipeline.runtimes.runners import RUNNERS, open_runner
from tests.runtimes.matrix import CELLS, STEPS, Entry, as_markdown, entry
from tests.runtimes.models import sample

GUIDE = Path(__file__).parents[2] / "docs" / "guides" / "targets.md"

#: What the ordinary run checks; a browser is opened once only.
_SAMPLE = {
    ("GRU", "litert-compiled"),
    ("LSTM, both directions", "litert-compiled"),
    ("LSTM, masked", "tflm"),
    ("LSTM", "tflm"),
    ("GRU, masked", "litert-web"),
    ("GRU", "ethos-u55"),
    ("LSTM, masked", "ethos-u85"),
}


def _pairs(targets: list[str]) -> list[object]:
    return [
        pytest.param(cell, target, marks=() if (cell, target) in _SAMPLE else pytest.mark.slow)
        for cell in CELLS
        for target in targets
    ]


def _right(found: Entry, target: str) -> None:
    """The model computes what its recurrences do, twice."""
    assert found.model is not None
    assert found.case is not None
    given = sample(found.model, 0)
    wanted = [each.run(given["x"])[0] for each in found.case.recurrences]
    runner = open_runner(target, write_model(found.model))
    for _ in range(2):
        results = runner.run(given)
        for k, want in enumerate(wanted):
            np.testing.assert_allclose(results[f"y{k}"], want, atol=1e-5)


@pytest.mark.parametrize(("cell", "target"), _pairs([*RUNNERS]))
def test_what_is_run_computes_the_cell(cell: str, target: str) -> None:
    """Each cell has a form on each runtime that is run here, and it computes the recurrence."""
    found = entry(cell, target)
    assert found.verdict is not None
    assert found.verdict.takes, str(found.verdict)
    if reason := RUNNERS[target].missing():
        pytest.skip(reason)
    _right(found, target)


@pytest.mark.skipif(bool(vela.missing()), reason=vela.missing())
@pytest.mark.parametrize(("cell", "target"), _pairs([*vela.ACCELERATORS]))
def test_the_npu_takes_what_its_table_says(cell: str, target: str) -> None:
    """Vela puts all of a model on the NPU where the table takes it, and names the rest."""
    found = entry(cell, target)
    assert found.verdict is not None
    assert found.model is not None
    compiled = vela.compile_model(write_model(found.model), target)
    assert (compiled.npu_share == 1.0) == found.verdict.takes
    named = {each.op for each in found.verdict.refusals}
    assert {each.op for each in compiled.cpu_ops} <= named


def test_the_matrix_in_the_guide_is_fresh() -> None:
    """The guide's table of cells and targets is what the tables give today."""
    assert as_markdown() in GUIDE.read_text("utf-8"), (
        "put what `python -m tests.runtimes.matrix` prints into docs/guides/targets.md"
    )


def test_every_target_stands_in_the_matrix() -> None:
    """A column for each target, a row for each cell, at some length."""
    rows = as_markdown().splitlines()
    assert len(rows) == 2 + len(CELLS)
    assert all(f"{name} |" in rows[0] for name in RUNTIMES)
    assert STEPS > 1
