"""Every kind of graph around a recurrence, in a thousand interpreters: no call is wrong.

The faults that this looks for depend on where memory lies; see
`rnnlite_pipeline/verify/interpreters.py`.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from rnnlite_pipeline.child import run_apart
from rnnlite_pipeline.verify.every_interpreter import PROGRAM
from tests.hammer.graphs import GRAPHS, SAMPLE

#: Interpreters of each graph: of all of them, and of the sample in the ordinary run.
MANY, FEW = 1000, 100


@pytest.mark.parametrize("name", SAMPLE)
def test_no_call_is_wrong_in_a_hundred_interpreters(name: str, tmp_path: Path) -> None:
    """A sample of the graphs is converted, and right in every call of 100 interpreters."""
    hammer(name, FEW, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("name", GRAPHS)
def test_no_call_is_wrong_in_a_thousand_interpreters(name: str, tmp_path: Path) -> None:
    """Each graph is converted, and right in every call of 1,000 interpreters."""
    hammer(name, MANY, tmp_path)


def test_there_are_many_graphs() -> None:
    """At least 60 graphs are hammered, of each shape, lowering and scheme."""
    assert len(GRAPHS) >= 60
    for word in ("open", "closed", "one step", "loop", "int8", "float16", "dynamic_range"):
        assert sum(word in name for name in GRAPHS) >= 3, word


def hammer(name: str, interpreters: int, folder: Path) -> None:
    """Converts a graph and opens it many times, each in a process of its own."""
    ops, why = run_apart("tests.hammer.make", [name, str(folder)])
    assert not why, f"{name}: its conversion {why}"
    assert ops
    words = [str(folder / "model.tflite"), str(interpreters), str(folder / "plan.json")]
    answer, why = run_apart(PROGRAM, words, seconds=1800)
    assert not why, f"{name}: the runtime {why}"
    found: dict[str, Any] = json.loads(answer)
    assert found["interpreters"] == interpreters
    assert found["calls"] >= 2 * interpreters
    assert not found["wrong"], f"{name}: {found['wrong']} of {found['calls']}: {found['told']}"
