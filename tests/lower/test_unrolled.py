"""Steps written out say exactly what the recurrence says, and what the loop says in integers."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any
from unittest import mock

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rnnlite_pipeline.cells.cell import Cell
from rnnlite_pipeline.errors import NotConvertible
from rnnlite_pipeline.graph.ir import Model
from rnnlite_pipeline.graph.write import write_model
from rnnlite_pipeline.lower import lower, unrolled
from rnnlite_pipeline.lower.rows import Has
from rnnlite_pipeline.lower.unrolled import unroll
from rnnlite_pipeline.passes.fence_copies import fence_copies
from rnnlite_pipeline.passes.memory import check_memory
from rnnlite_pipeline.runtimes.interpreter import Runner
from tests.lower.cases import Case, histogram, random_lstm
from tests.lower.loop.test_writer import LONG, cases
from tests.lower.loop_cases import gru, masked
from tests.quantize.test_loops import CELLS, feed, integers, model_of

#: Runtimes with UNPACK and PACK, and without.
ROADS: dict[str, Has] = {
    "unpacked": lambda _: True,
    "split": lambda code: code not in ("PACK", "UNPACK"),
}


def written_out(case: Case, has: Has = ROADS["unpacked"]) -> Model:
    """The case's graph without a loop."""
    model = case.model()
    lower(model, "unrolled")
    assert unroll(model, every=True, has=has) == []
    assert "WHILE" not in histogram(model)
    return model


def _closed(case: Case) -> Case:
    case.open_steps, case.sized_late = False, False
    return case


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(cases().map(_closed), st.sampled_from(sorted(ROADS)))
def test_steps_compute_the_recurrence(case: Case, road: str) -> None:
    """Outputs and final states are those of `Recurrence.run`; call two equals call one."""
    case.check(written_out(case, ROADS[road]))


@pytest.mark.slow
@settings(max_examples=1000, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(cases().map(_closed), st.sampled_from(sorted(ROADS)))
def test_steps_compute_the_recurrence_at_length(case: Case, road: str) -> None:
    """The same as above, over many more recurrences."""
    case.check(written_out(case, ROADS[road]))


@pytest.mark.parametrize("name", LONG)
def test_fenced_steps_are_right_in_every_interpreter(name: str) -> None:
    """The proof of memory holds, and fences change no number."""
    case = Case((LONG[name](np.random.default_rng(0)),), steps=7, open_steps=False)
    model = written_out(case)
    fence_copies(model)
    check_memory(model)
    case.check(model)


def test_both_directions() -> None:
    """A pair becomes steps of its own for each direction, with initial states."""
    rng = np.random.default_rng(0)
    pair = (random_lstm(rng, 3, 4), random_lstm(rng, 3, 4))
    case = Case(pair, initial=("input", "none", "row", "input"), open_steps=False, steps=5)
    case.check(written_out(case))


def test_the_input_product_is_one_and_weights_are_stored_once() -> None:
    """One product over the sequence, one a step; more steps add no weights."""
    cell = random_lstm(np.random.default_rng(0), 3, 64)
    sizes = []
    for steps in (2, 12):
        model = written_out(Case((cell,), open_steps=False, steps=steps, outputs="y"))
        products = [op for op in model.main.ops if op.code == "FULLY_CONNECTED"]
        assert len(products) == 1 + steps
        assert len({op.inputs[1] for op in products}) == 2
        sizes.append(len(write_model(model)))
    assert sizes[1] - sizes[0] < 4 * 64 * 64 * 4


def test_a_first_state_of_zeros_costs_nothing() -> None:
    """With a known batch the first step's recurrent product is a constant."""
    case = Case((random_lstm(np.random.default_rng(0), 3, 4),), open_batch=False, open_steps=False)
    assert histogram(written_out(case))["FULLY_CONNECTED"] == 1 + case.steps - 1


@pytest.mark.parametrize("scheme", ["int8", "int16x8"])
@pytest.mark.parametrize("name", CELLS)
def test_in_integers_steps_are_the_loop_to_the_last_bit(name: str, scheme: str) -> None:
    """What a loop computes in integers, its steps do, forwards and backwards, states given."""
    for reverse in (False, True):
        cell = CELLS[name](np.random.default_rng(0))
        case = Case(
            (cell,),
            reverse=reverse,
            time_major=False,
            initial=("input", "input"),
            steps=6,
            open_steps=False,
        )
        loop, _ = integers(model_of(case, "unrolled"), scheme, steps=6)
        steps = copy.deepcopy(loop)
        assert unroll(steps, every=True) == []
        for batch in (1, 3):
            given = feed(case.model(), batch, batch, 6)
            runs = [Runner(write_model(m), "reference").run(given) for m in (loop, steps)]
            for port in runs[0]:
                np.testing.assert_array_equal(runs[0][port], runs[1][port])


@pytest.mark.parametrize("open_batch", [False, True])
@pytest.mark.parametrize("form", ["auto", "loop", "unrolled"])
def test_one_step_is_never_a_loop(form: Any, open_batch: bool) -> None:
    """Whatever is asked for, a sequence of length 1 is straight-line; longer ones stay as asked."""
    for steps, loops in ((1, 0), (2, 1)):
        rng = np.random.default_rng(0)
        case = Case((gru(rng, 3, 4),), steps=steps, open_steps=False, open_batch=open_batch)
        model = case.model()
        (lowered,) = lower(model, form)
        unroll(model, every=form == "unrolled")
        assert histogram(model)["WHILE"] == (loops if form != "unrolled" else 0)
        assert lowered.form == ("unrolled" if steps == 1 or form == "unrolled" else "loop")
        case.check(model)


def test_an_open_length_is_an_error_that_says_what_to_pin() -> None:
    """The line for source.inputs stands in the remedy."""
    model = model_of(Case((gru(np.random.default_rng(0), 3, 4),), time_major=False), "loop")
    assert unroll(model, every=True) == ["layer0/level_2_0"]
    with pytest.raises(NotConvertible, match="its length is open") as raised:
        model_of(Case((gru(np.random.default_rng(0), 3, 4),), time_major=False), "unrolled")
    assert "source.inputs" in str(raised.value)


def test_the_length_has_a_limit_with_its_figure() -> None:
    """Too many ops are an error that says how many steps of how many ops they are."""
    model = model_of(
        Case((gru(np.random.default_rng(0), 3, 4),), steps=50, open_steps=False), "unrolled"
    )
    with (
        mock.patch.object(unrolled, "MOST_OPS", 200),
        pytest.raises(NotConvertible, match=r"11 steps and more of \d+ ops; at most 20,000"),
    ):
        unroll(copy.deepcopy(model), every=True)
    with (
        mock.patch.object(unrolled, "MOST_PACKED", 1000),
        pytest.raises(NotConvertible, match=r"its steps, 336 bytes, anew; 3 steps"),
    ):
        unroll(model, every=True, packs=True)


def test_masks_on_runtimes_without_unpack_keep_their_truths() -> None:
    """A sequence of truths is unpacked everywhere: SPLIT takes none."""
    cell: Callable[[], Cell] = lambda: masked(gru(np.random.default_rng(0), 3, 5))  # noqa: E731
    case = Case((cell(),), open_steps=False, steps=4)
    case.check(written_out(case, ROADS["split"]))
