"""Masks that compare the number of the step with a length for each batch entry."""

from __future__ import annotations

import numpy as np
import pytest

from rnnlite_pipeline.algebra import forms
from rnnlite_pipeline.algebra.forms import Form
from rnnlite_pipeline.cells.symbols import Before
from rnnlite_pipeline.graph.build import Builder
from rnnlite_pipeline.graph.ir import Subgraph, Tensor
from rnnlite_pipeline.recognise.loop.lengths import check_early_end, length_of, longest
from rnnlite_pipeline.recognise.loop.loop import STEP, Kept, Loop, Unrecognised, Writing
from rnnlite_pipeline.recognise.loop.masks import unmasked
from rnnlite_pipeline.recognise.loop.systems import System
from rnnlite_pipeline.recognise.symbolic.values import Rows
from rnnlite_pipeline.shapes.extents import Extents
from rnnlite_pipeline.shapes.linear import Counter, Linear
from tests.recognise.loops import X, loop, state
from tests.recognise.tensors import tensor

H = forms.symbol(Before(0), 2)
TANH = forms.apply("TANH", H + forms.symbol(X, 2))
ZERO = forms.constant(np.zeros(2))
COUNT, LENGTH = forms.symbol(Counter(1), 1), forms.symbol(Kept(0), 1)
GIVEN = tensor(2, dtype="INT32")


def masked_by(mask: Form, *, changes_when: bool = True, out: Form | None = None) -> Loop:
    """A loop whose state changes by a mask, and that stops after the longest length."""
    yes, no = (TANH, H) if changes_when else (H, TANH)
    around = loop(state(0, forms.apply("SELECT_V2", mask, yes, no)))
    around.op.inputs[:] = [GIVEN]
    around.counters[1] = Linear.symbol(STEP)
    around.lengths = GIVEN
    if out is not None:
        around.writings[3] = Writing(Rows(out), Linear.symbol(STEP))
    return around


def lengths(around: Loop) -> Tensor | None:
    """The lengths that the loop's mask compares with."""
    masked = unmasked(System(tuple(around.states)))
    assert masked is not None
    return length_of(masked, around)


BELOW = [
    (forms.apply("LESS", COUNT, LENGTH), True),
    (forms.apply("GREATER", LENGTH, COUNT), True),
    (forms.apply("GREATER_EQUAL", COUNT, LENGTH), False),
    (forms.apply("LESS_EQUAL", LENGTH, COUNT), False),
]


@pytest.mark.parametrize(("mask", "changes_when"), BELOW)
def test_a_step_below_the_length_changes_the_state(mask: Form, changes_when: bool) -> None:
    """However it is compared; the other truth value is another mask."""
    assert lengths(masked_by(mask, changes_when=changes_when)) is GIVEN
    assert lengths(masked_by(mask, changes_when=not changes_when)) is None


@pytest.mark.parametrize(
    "mask",
    [
        forms.apply("LESS_EQUAL", COUNT, LENGTH),
        forms.apply("LESS", LENGTH, COUNT),
        forms.apply("LESS", COUNT + forms.constant(np.ones(1)), LENGTH),
        forms.apply("LESS", COUNT, COUNT),
        LENGTH,
    ],
)
def test_other_masks_are_no_length(mask: Form) -> None:
    """One step more, the other side, another number, and no comparison."""
    assert lengths(masked_by(mask)) is None


def test_the_counter_counts_steps() -> None:
    """From 0, by 1: a counter that runs backwards or from 1 is another number."""
    for counter in (Linear.symbol(STEP) + Linear(1), Linear(4) - Linear.symbol(STEP)):
        around = masked_by(BELOW[0][0])
        around.counters[1] = counter
        assert lengths(around) is None


def test_a_loop_that_ends_early_puts_out_zero_after_its_lengths() -> None:
    """Then it could as well go on; without lengths of its own nothing is asked of it."""
    mask = BELOW[0][0]
    check_early_end(masked_by(mask, out=forms.apply("SELECT_V2", mask, TANH, ZERO)))
    with pytest.raises(Unrecognised, match="not zero"):
        check_early_end(masked_by(mask, out=TANH))
    another = masked_by(mask)
    another.lengths = tensor(2, dtype="INT32")
    with pytest.raises(Unrecognised, match="known only at run time"):
        check_early_end(another)
    another.lengths = None
    check_early_end(another)


def graph(*, least: int | None = 1, axes: int = 1, swapped: bool = False) -> tuple[Extents, str]:
    """min(T, max(least, reduce_max(lengths))), and the symbol of its result."""
    build = Builder("g")
    given = tensor(*[2] * axes, dtype="INT32")
    largest = build.op("REDUCE_MAX", [given, build.indices([0])], "INT32", ())
    if least is not None:
        largest = build.binary("MAXIMUM", largest, build.indices(least))
    steps = tensor(dtype="INT32")
    operands = [largest, steps] if swapped else [steps, largest]
    total = build.op("MINIMUM", operands, "INT32", ())
    extents = Extents(Subgraph("g", [given, steps], [total], build.ops))
    ((symbol, _),) = extents.scalar(total).factors
    return extents, symbol


@pytest.mark.parametrize("least", [None, 0, 1])
@pytest.mark.parametrize("swapped", [False, True])
def test_the_longest_of_lengths(least: int | None, swapped: bool) -> None:
    """The number of steps is T at most, and the lengths are what the maximum is of."""
    extents, symbol = graph(least=least, swapped=swapped)
    found = longest(symbol, extents)
    assert found is not None
    most, lengths = found
    assert lengths.shape == (2,)
    operands = extents.producer(extents.named(symbol))
    assert operands is not None
    steps = operands.inputs[1 if swapped else 0]
    assert steps is not None
    assert most == extents.scalar(steps)


def test_another_minimum_is_no_length() -> None:
    """At least two steps, the largest of a matrix, and a scalar that is an input."""
    for extents, symbol in (graph(least=2), graph(axes=2)):
        assert longest(symbol, extents) is None
    alone = tensor(dtype="INT32")
    extents = Extents(Subgraph("g", [alone]))
    ((symbol, _),) = extents.scalar(alone).factors
    assert longest(symbol, extents) is None
