"""Both directions of a layer as one loop."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from unittest import mock

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rnnlite_pipeline.cells.cell import Cell
from rnnlite_pipeline.graph.ir import Model
from rnnlite_pipeline.graph.write import write_model
from rnnlite_pipeline.lower import lower
from rnnlite_pipeline.lower.loop import levels, pair, writer
from rnnlite_pipeline.passes.fence_copies import crossing
from rnnlite_pipeline.runtimes.interpreter import Runner
from tests.lower.cases import KERNELS, Case, Initial, histogram, random_lstm, random_rnn
from tests.lower.loop_cases import gru, hard_lstm, masked

CELLS: dict[str, Callable[[np.random.Generator], Cell]] = {
    "GRU": lambda rng: gru(rng, 3, 7),
    "GRU, reset before": lambda rng: gru(rng, 3, 7, reset_after=False),
    "masked GRU": lambda rng: masked(gru(rng, 3, 7)),
    "GRU, masked by a number": lambda rng: masked(gru(rng, 3, 7), as_condition=False),
    "LSTM": lambda rng: random_lstm(rng, 3, 7),
    "masked LSTM": lambda rng: masked(random_lstm(rng, 3, 7)),
    "peephole LSTM": lambda rng: random_lstm(rng, 3, 7, peephole=True, cell_clip=0.3),
    "normalized LSTM": lambda rng: random_lstm(rng, 3, 9, layer_norm=True, outputs=5),
    "hard sigmoid LSTM": lambda rng: hard_lstm(rng, 3, 7),
    "simple RNN": lambda rng: random_rnn(rng, 3, 7),
}


INITIAL: tuple[Initial, ...] = ("none", "zeros", "row", "batch", "input", "computed")


def lowered(case: Case, weight_bytes: int = 4) -> Model:
    """The case's graph with loops."""
    model = case.model()
    lower(model, "loop", weight_bytes=weight_bytes)
    return model


def both(name: str, seed: int = 0) -> tuple[Cell, Cell]:
    """Two cells of one kind."""
    rng = np.random.default_rng(seed)
    return CELLS[name](rng), CELLS[name](rng)


def is_one(model: Model) -> bool:
    """Whether both directions are one loop."""
    return histogram(model)["BATCH_MATMUL"] > 0


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Any pair in any surrounding."""
    kinds = st.sampled_from(INITIAL)
    return Case(
        both(draw(st.sampled_from(list(CELLS))), draw(st.integers(0, 9))),
        time_major=draw(st.booleans()),
        batch=draw(st.sampled_from([1, 3])),
        steps=draw(st.sampled_from([1, 2, 3, 6, 7])),
        open_batch=draw(st.booleans()),
        open_steps=draw(st.booleans()),
        initial=tuple(draw(st.lists(kinds, max_size=4))),
        outputs=draw(st.sampled_from(["all", "y", "finals", "cell"])),
        sized_late=draw(st.booleans()),
    )


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(cases(), st.sampled_from([2, 3, 40]), st.booleans(), st.sampled_from([0, 1, 4]))
def test_one_loop_computes_both(case: Case, block: int, large: bool, weight_bytes: int) -> None:
    """Outputs and final states are those of `Recurrence.run`, however the loop is written."""
    with (
        mock.patch.object(levels, "BLOCK", block),
        mock.patch.object(writer, "LARGE", 0 if large else writer.LARGE),
    ):
        model = lowered(case, weight_bytes)
    assert is_one(model) == (case.open_steps or case.steps > 1)
    case.check(model)


@pytest.mark.parametrize("name", CELLS)
def test_both_directions_are_one_loop(name: str) -> None:
    """One WHILE, and each op of a step once: as many as a single recurrence has."""
    cells = both(name)
    model = lowered(Case(cells, outputs="finals"))
    alone = histogram(lowered(Case(cells[:1], outputs="finals")))
    found = histogram(model)
    assert found["WHILE"] == 1
    for code in ("LOGISTIC", "TANH", "MUL", "SELECT_V2", "GATHER"):
        assert found[code] == alone[code]


@pytest.mark.parametrize("kernels", KERNELS)
def test_one_loop_gives_what_two_give(kernels: str) -> None:
    """The outputs are those of two loops, but for the order in which a kernel adds."""
    case = Case(both("LSTM"), outputs="y", steps=9, open_steps=False)
    x = np.random.default_rng(0).normal(size=(9, 1, 3)).astype(np.float32)
    results = []
    for most in (0, pair.MOST_WEIGHTS):
        with mock.patch.object(pair, "MOST_WEIGHTS", most):
            model = lowered(case)
        assert is_one(model) == (most > 0)
        results.append(Runner(write_model(model), kernels).run({"x": x}))  # type: ignore[arg-type]
    for name, value in results[0].items():
        np.testing.assert_allclose(results[1][name], value, rtol=0, atol=1e-6)


def test_what_differs_stays_two_loops() -> None:
    """Another width, activation or variant, or more weights than pay, is no one loop."""
    rng = np.random.default_rng(0)
    pairs: list[tuple[Cell, Cell]] = [
        (gru(rng, 3, 5), gru(rng, 3, 6)),
        (gru(rng, 3, 5), gru(rng, 3, 5, reset_after=False)),
        (random_rnn(rng, 3, 5), random_rnn(rng, 3, 5, "RELU")),
        (random_rnn(rng, 3, 300), random_rnn(rng, 3, 300)),
    ]
    for cells in pairs:
        case = Case(cells, outputs="y")
        model = lowered(case)
        assert histogram(model)["WHILE"] >= 2
        assert not is_one(model)
        case.check(model)


def test_no_copy_crosses_a_delegated_part() -> None:
    """As it is written, the loop's body needs no rewrite to pass the memory proof."""
    for name in CELLS:
        model = lowered(Case(both(name), outputs="all"))
        bodies = [g for g in model.subgraphs if g is not model.main]
        crossed = Counter(op.code for op in crossing(model) if any(op in g.ops for g in bodies))
        assert not crossed


def test_an_empty_sequence_changes_no_state() -> None:
    """No step: no outputs, and final states are the initial ones, between other lengths."""
    case = Case(both("GRU"), time_major=False, initial=("input", "input"))
    data = write_model(lowered(case))
    for kernels in KERNELS:
        runner = Runner(data, kernels)
        for steps in (4, 0, 50, 0):
            rng = np.random.default_rng(steps)
            x = rng.normal(size=(2, steps, 3)).astype(np.float32)
            states = [rng.normal(size=(2, 7)).astype(np.float32) for _ in range(2)]
            fed = {"x": x, "initial0": states[0], "initial1": states[1]}
            got = iter(runner.run(fed).values())
            for recurrence, state in zip(case.recurrences, states, strict=True):
                for want in recurrence.run(x, [state]):
                    np.testing.assert_allclose(next(got), want, atol=1e-5)
