"""Every planted fault is seen, in recurrences of every temper, and nothing right is refused."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from rnnlite_pipeline.cells.lstm import Lstm
from rnnlite_pipeline.cells.simple_rnn import SimpleRnn
from rnnlite_pipeline.compare.validation import check_whole, objection
from rnnlite_pipeline.errors import StageError
from rnnlite_pipeline.graph.build import Builder
from rnnlite_pipeline.graph.edit import prune
from rnnlite_pipeline.graph.ir import Model, Op, Tensor
from rnnlite_pipeline.lower import lower
from rnnlite_pipeline.passes.tensor_lists import tensor_lists_to_tensors
from rnnlite_pipeline.recognise import recognise
from tests.compare.faults import faults
from tests.compare.tempers import (
    ERROR,
    FAINT,
    TEMPERS,
    Maker,
    Temper,
    growing,
    population,
    proposed,
    wild,
)
from tests.recognise.author import Author
from tests.recognise.spelling import Spelling
from tests.recognise.strategies import lstm
from tests.recognise.unrolled_author import Unrolled, Unrolling

POPULATION = list(population())

#: In the ordinary run, every eleventh recurrence with every fifth fault.
SAMPLE = POPULATION[::11]


def check(name: str, maker: Maker, temper: Temper, closed: bool, every: int = 1) -> None:
    """No objection to the right replacement, and one to each with a fault."""
    error = FAINT.get(name.rpartition(",")[0], ERROR)
    right = proposed(maker(temper, closed)[0])
    assert objection(right) is None
    planted = list(faults(right, temper.scale, error))[::every]
    missed = []
    for planted_fault, fault in planted:
        wrong = proposed(maker(temper, closed)[0])
        fault(wrong)
        if objection(wrong) is None:
            missed.append(planted_fault)
    assert planted
    assert not missed


@pytest.mark.parametrize(("name", "maker", "temper", "closed"), SAMPLE, ids=[p[0] for p in SAMPLE])
def test_some_faults_are_seen(name: str, maker: Maker, temper: Temper, closed: bool) -> None:
    """In a sample of recurrences, the right rewrite is made and none with a planted fault."""
    check(name, maker, temper, closed, every=5)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "maker", "temper", "closed"), POPULATION, ids=[p[0] for p in POPULATION]
)
def test_every_fault_is_seen(name: str, maker: Maker, temper: Temper, closed: bool) -> None:
    """In every recurrence, the right rewrite is made and none with a planted fault."""
    check(name, maker, temper, closed)


def test_what_always_overflows_is_not_rewritten() -> None:
    """Steps written out of which only an infinite result is used stay, and the reason says so."""
    how = Unrolling(steps=40, emits="last")
    model = Unrolled([growing(27, 16.0)], Spelling(), how).model()
    assert "could not be proven" in (objection(proposed(model)) or "")


# Whole models ----------------------------------------------------------------------------------

LAST = Spelling(write="last", finals=False, steps=60, trip="constant")
ALL = replace(LAST, write="forward")
OPEN_LAST = Spelling(write="last", finals=False)

CHAOTIC = TEMPERS["chaotic"].of(lstm(3))

WHOLE = {
    "chaotic, last": (CHAOTIC, LAST),
    "chaotic, all": (CHAOTIC, ALL),
    "chaotic, open": (CHAOTIC, OPEN_LAST),
    "wild, last": (wild(5, 3.0), LAST),
    "wild, all": (wild(5, 3.0), ALL),
    "overflowing, last": (growing(6, 8.0), LAST),
    "overflowing, all": (growing(6, 8.0), ALL),
    "overflowing, open": (growing(6, 8.0), OPEN_LAST),
    "saturating": (TEMPERS["saturating"].of(lstm(4)), LAST),
}


def both(cell: Lstm | SimpleRnn, spelling: Spelling) -> tuple[Model, Model]:
    """The loop on tensors, and what it is lowered to."""
    model = Author([cell], spelling).model()
    old = copy.deepcopy(model)
    tensor_lists_to_tensors(old)
    recognise(model)
    lower(model)
    return old, model


def fused(model: Model) -> Op:
    """Its fused op."""
    return next(op for op in model.main.ops if op.code.endswith(("SEQUENCE_LSTM", "SEQUENCE_RNN")))


def matrix_off(model: Model) -> None:
    """An entry of a recurrent kernel is off by 0.01 of its scale."""
    _off(fused(model), (5, 6, 7, 8) if "LSTM" in fused(model).code else (2,))


def bias_off(model: Model) -> None:
    """A bias is off by 0.01 of its scale."""
    _off(fused(model), (13, 14) if "LSTM" in fused(model).code else (3,))


def _off(op: Op, operands: tuple[int, ...]) -> None:
    for place in operands:
        tensor = op.inputs[place]
        assert tensor is not None
        assert tensor.array is not None
        changed = tensor.array.copy()
        changed.flat[0] += np.float32(0.01) * np.abs(changed).max()
        op.inputs[place] = Tensor.constant("off", changed)


def turned_round(model: Model) -> None:
    """The sequence is read from its end."""
    op, build = fused(model), Builder("turned")
    x = op.inputs[0]
    assert x is not None
    op.inputs[0] = build.reverse(x, 0 if op.options["time_major"] else 1)
    place = model.main.ops.index(op)
    model.main.ops[place:place] = build.ops
    prune(model)


WHOLE_FAULTS: dict[str, Callable[[Model], None]] = {
    "matrix": matrix_off,
    "bias": bias_off,
    "direction": turned_round,
}


@pytest.mark.parametrize(("cell", "spelling"), WHOLE.values(), ids=WHOLE.keys())
@pytest.mark.parametrize("fault", WHOLE_FAULTS.values(), ids=WHOLE_FAULTS.keys())
def test_fault_in_a_whole_model(
    fault: Callable[[Model], None], cell: Any, spelling: Spelling
) -> None:
    """A whole model of whatever temper passes, and does not with a fault."""
    old, new = both(cell, spelling)
    check_whole(old, new)
    fault(new)
    with pytest.raises(StageError, match=r"differs from|Nothing shows"):
        check_whole(old, new)
