"""The cases of a verification: which there are, and how large they are where calls cost much."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from rnnlite_pipeline.sources.model import TensorSpec
from rnnlite_pipeline.verify.cases import (
    DATA_BATCH,
    FEWEST_SAMPLES,
    LONG,
    MADE_UP,
    RANDOM_WORK,
    Case,
    Work,
    cases,
)
from rnnlite_pipeline.verify.data import random_samples

X = TensorSpec("x", "float32", (None, None, 3))


def test_float_indices_are_whole() -> None:
    """A float input that an Embedding reads gets indices, in every case."""
    tokens = TensorSpec("tokens", "float32", (None, None))
    samples = random_samples([tokens], {"tokens": range(4)}, 5, 0)
    for case in cases(samples, [tokens], {"tokens": range(4)}):
        for feed in case.feeds:
            assert set(np.unique(feed["tokens"])) <= {0.0, 1.0, 2.0, 3.0}


def test_an_open_batch_is_run_at_several_sizes() -> None:
    """The data in full calls and a rest, one sample, three, extremes, one step and many."""
    samples = random_samples([X], {}, DATA_BATCH + 6, 0)
    by_name = {c.name: c for c in cases(replace(samples, name="data"), [X], {})}
    assert by_name["data"].batches == [6, DATA_BATCH]
    assert by_name["batch 1"].batches == [1]
    assert by_name["batch 3"].batches == [3]
    assert by_name[f"{LONG} steps"].feeds[0]["x"].shape == (1, LONG, 3)
    assert by_name["1 step"].feeds[0]["x"].shape == (1, 1, 3)
    assert by_name["alternating"].feeds[0]["x"][0, :3, 0].tolist() == [1, -1, 1]
    assert np.abs(by_name["times 100"].feeds[0]["x"]).max() > 100
    assert {c.name for c in by_name.values() if not c.extreme} == {
        "data", "batch 1", "batch 3", "random",
    }  # fmt: skip


def test_a_fixed_batch_is_kept_in_every_case() -> None:
    """A model of batch 4 is only ever called with 4 samples; the data starts over at its end."""
    fixed = TensorSpec("x", "float32", (4, None, 3))
    samples = random_samples([fixed], {}, 6, 0)
    made: list[Case] = list(cases(samples, [fixed], {}))
    assert {size for case in made for size in case.batches} == {4}
    assert (made[0].feeds[1]["x"][2:] == samples.inputs["x"][:2]).all()


def _made(work: Work, spec: TensorSpec = X) -> dict[str, Case]:
    samples = replace(random_samples([spec], {}, 4, 0), name="data")
    return {case.name: case for case in cases(samples, [spec], {}, work)}


def test_a_cheap_model_is_run_in_full() -> None:
    """Where calls cost little, nothing is shortened, and nothing is said."""
    made = _made(Work(fixed=1000, per_step=1000))
    assert not [case.note for case in made.values() if case.note]
    assert made.keys() == _made(Work()).keys()


def test_made_up_input_is_bounded() -> None:
    """Where a step costs much, what is made up is shorter, by counting; the data stays whole."""
    work = Work(per_step=MADE_UP // 60)
    made, full = _made(work), _made(Work())
    for name in ("data", "batch 1", "batch 3"):
        assert (made[name].feeds[0]["x"] == full[name].feeds[0]["x"]).all()
        assert not made[name].note
    assert made["batch 17"].feeds[0]["x"].shape == (17, 60 // 17, 3)
    assert made["60 steps"].feeds[0]["x"].shape == (1, 60, 3)
    assert f"60 steps in place of {LONG}" in made["60 steps"].note
    assert "1e+10 multiply-adds" in made["60 steps"].note
    for case in made.values():
        if case.drawn or case.extreme:
            batch, steps, _ = case.feeds[0]["x"].shape
            assert work.of(batch, steps) <= MADE_UP


def test_a_step_is_always_run() -> None:
    """However much a step costs, one is run on every kind of input."""
    made = _made(Work(per_step=MADE_UP))
    assert {case.feeds[0]["x"].shape[1] for case in made.values() if case.extreme} == {1}


def test_a_large_batch_that_costs_too_much_is_left_out() -> None:
    """A batch chosen for its size alone is left out beyond ten times the bound, and that is said.

    Of a closed length nothing can be shortened.
    """
    closed = TensorSpec("x", "float32", (None, 5, 3))
    assert _made(Work(fixed=MADE_UP // 2), closed)["batch 17"].feeds
    left_out = _made(Work(fixed=MADE_UP), closed)["batch 17"]
    assert left_out.feeds == ()
    assert "3e+10 multiply-adds" in left_out.note


def test_extreme_input_that_costs_too_much_is_run_on_the_fast_kernels_alone() -> None:
    """Of a closed length one sample is taken, on the fast kernels alone; the data is run on all."""
    closed = TensorSpec("x", "float32", (None, 5, 3))
    made = _made(Work(per_step=MADE_UP // 4), closed)
    for case in made.values():
        assert case.fast_only == case.extreme
        assert not case.extreme or (case.batches == [1] and "fast kernels alone" in case.note)
    assert not any(case.fast_only for case in _made(Work(per_step=MADE_UP // 20), closed).values())


def test_random_samples_are_counted_before_they_are_run() -> None:
    """As many samples as the work allows, at most those wanted, and never fewer than three."""
    assert Work(per_step=1000).samples(17, 32) == 32
    assert Work(fixed=RANDOM_WORK // 8).samples(17, 32) == 8
    assert Work(fixed=RANDOM_WORK).samples(17, 32) == FEWEST_SAMPLES == 3
