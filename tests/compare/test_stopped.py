"""A loop of many steps and its replacement are stopped after the same few."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from rnnlite_pipeline.compare.excerpts import Excerpt, excerpt
from rnnlite_pipeline.compare.stopped import Stopped, stopped
from rnnlite_pipeline.graph.ir import Model
from rnnlite_pipeline.graph.write import write_model
from rnnlite_pipeline.lower import lower
from rnnlite_pipeline.passes.tensor_lists import tensor_lists_to_tensors
from rnnlite_pipeline.recognise import Replacement
from rnnlite_pipeline.runtimes.interpreter import Runner
from tests.compare.tempers import proposed
from tests.recognise.author import Author
from tests.recognise.spelling import Spelling
from tests.recognise.strategies import lstm, numbers
from tests.recognise.unrolled_author import Unrolled, Unrolling

STEPS = 7
CLOSED: dict[str, Any] = {"steps": STEPS, "trip": "constant", "batch": 2}

Array = np.ndarray[Any, Any]


def cut(turns: int, woken: bool = True, **how: Any) -> tuple[Replacement, Excerpt, Stopped | None]:
    """A loop spelled like this, its excerpts, and these stopped after some steps."""
    replacement = proposed(Author([lstm(2)], Spelling(**(CLOSED | how))).model())
    both = excerpt(replacement, woken)
    tensor_lists_to_tensors(both.old, [])
    return replacement, both, stopped(replacement, both, turns)


def run(model: Model, inputs: dict[str, Array]) -> dict[str, Array]:
    """What a part computes; it is lowered first."""
    lower(model)
    return dict(Runner(write_model(model), "reference").run(inputs))


@pytest.mark.parametrize("turns", [1, 3, STEPS - 1])
@pytest.mark.parametrize(
    "how",
    [
        {},
        {"initial": "input"},
        {"read": "backward", "write": "backward"},
        {"read": "countdown", "write": "forward"},
        {"write": "last"},
        {"states": "h|c", "carried": "last", "unused": True},
        {"batch_major": True, "finals": False},
    ],
)
def test_both_are_stopped_after_the_same_steps(how: Any, turns: int) -> None:
    """What is compared agrees, and is what the first steps of the whole loop give."""
    _, both, found = cut(turns, **how)
    assert found is not None
    inputs = numbers(both.new)
    whole = run(both.new, inputs)
    old, new = run(found.old, inputs), run(found.new, inputs)
    assert old.keys() == new.keys()
    sure = old.keys() - found.unsure
    assert sure
    for name in sure:
        np.testing.assert_allclose(new[name], old[name], atol=1e-6)
    sequences = [n for n, a in whole.items() if a.ndim == 3 and a.shape[0] == STEPS]
    for name in sequences:
        rows = whole[name][-turns:] if how.get("write") == "backward" else whole[name][:turns]
        np.testing.assert_allclose(old[name], rows, atol=1e-6)


def test_final_states_are_those_after_the_last_step_made() -> None:
    """They are not what the whole loop ends with, and count as sure."""
    _, both, found = cut(2)
    assert found is not None
    assert not found.unsure
    inputs = numbers(both.new)
    whole, few = run(both.new, inputs), run(found.old, inputs)
    finals = [n for n, a in few.items() if a.ndim == 2]
    assert len(finals) == 2
    assert all(np.abs(whole[n] - few[n]).max() > 1e-3 for n in finals)


def test_a_fault_in_the_first_steps_shows() -> None:
    """A replacement with another cell differs after one step as well."""
    replacement, both, _ = cut(1)
    recurrence = next(op for op in both.new.main.ops if "recurrence" in op.options)
    cell = recurrence.options["recurrence"].cell
    wrong = replace(cell, input=cell.forget, forget=cell.input)
    recurrence.options["recurrence"] = replace(recurrence.options["recurrence"], cell=wrong)
    found = stopped(replacement, both, 1)
    assert found is not None
    inputs = numbers(both.new)
    old, new = run(found.old, inputs), run(found.new, inputs)
    assert max(np.abs(old[n] - new[n]).max() for n in old.keys() - found.unsure) > 1e-3


def test_the_excerpts_are_not_changed() -> None:
    """They are run whole afterwards."""
    replacement, both, _ = cut(1)
    lower(both.old)
    before = write_model(both.old)
    stopped(replacement, both, 2)
    assert write_model(both.old) == before


@pytest.mark.parametrize(
    ("how", "turns"),
    [({"steps": -1, "trip": "shape"}, 3), ({"steps": 3}, 3), ({"steps": 2}, 3)],
)
def test_what_is_not_stopped(how: Any, turns: int) -> None:
    """A loop of open length, and one that ends by then."""
    assert cut(turns, **how)[2] is None


def test_steps_written_out_are_not_stopped() -> None:
    """There is no loop that could be."""
    unrolled = Unrolled([lstm(2)], Spelling(), Unrolling(steps=5))
    replacement = proposed(unrolled.model())
    assert stopped(replacement, excerpt(replacement), 2) is None
