"""Where a difference means something: firm parts of an output, and what is beyond their limits."""

from __future__ import annotations

import math

import numpy as np
import pytest

from rnnlite_pipeline.compare.firm import (
    FIRM,
    LARGEST,
    ROUNDINGS,
    TOLERANCE,
    beyond,
    firm_parts,
    is_too_large,
)

RANDOM = np.random.default_rng(0)


def sequence() -> np.ndarray:
    """An output [batch 2, time 10, units 3]."""
    return RANDOM.standard_normal((2, 10, 3)).astype(np.float32)


def test_what_roundings_do_not_move_is_one_firm_part() -> None:
    """The whole output counts, with the tolerance as its limit."""
    output = sequence()
    (part,) = firm_parts(output, [output])
    assert part.where == ()
    assert part.limit == TOLERANCE


def test_the_limit_grows_with_what_roundings_do() -> None:
    """Results may differ by as much as 64 roundings move them."""
    output = sequence()
    moved = output + np.array(1e-5, np.float32) * np.abs(output).max()
    (part,) = firm_parts(output, [moved])
    assert part.limit == pytest.approx(ROUNDINGS * 1e-5, rel=0.05)


def test_of_a_chaotic_sequence_the_first_steps_are_firm() -> None:
    """Where a rounding grows from step to step, only what it has not reached yet is evidence."""
    output = sequence()
    moved = output.copy()
    moved[:, 4:] += 1.0
    parts = firm_parts(output, [moved])
    assert [part.where for part in parts] == [(slice(None), step) for step in range(4)]
    wrong = output.copy()
    wrong[:, 6:] = 0.0
    assert beyond(output, wrong, parts) == 0.0
    wrong[:, 3] += 0.01
    assert beyond(output, wrong, parts) > 1e-3


def test_what_is_0_by_a_rounding_has_no_scale() -> None:
    """A gate written as 0.5 + 0.5 tanh(x / 2) is 0 where its sigmoid is 2e-9; 1e-5 is wrong."""
    x = np.array([[-20.0], [-30.0]], np.float32)
    gate = np.float32(0.5) + np.float32(0.5) * np.tanh(x / 2)
    assert not gate.any()
    parts = firm_parts(gate, [gate])
    assert beyond(gate, 1 / (1 + np.exp(-x)), parts) == 0.0
    assert beyond(gate, np.full_like(gate, 1e-5), parts) > 0.0
    count = np.zeros_like(x, np.int32)
    assert beyond(count, count + 1, firm_parts(count, [count])) > 0.0


@pytest.mark.parametrize("value", [math.nan, math.inf, 2 * LARGEST])
def test_what_overflows_is_no_evidence(value: float) -> None:
    """One number that is not finite, or whose square is not, makes its slice worth nothing."""
    output = sequence()
    output[0, 5, 1] = value
    assert is_too_large(output)
    parts = firm_parts(output, [output])
    assert parts
    assert (slice(None), 5) not in [part.where for part in parts]


def test_nothing_is_firm_where_everything_moves() -> None:
    """No part is better than a part that any result would pass."""
    output = sequence()
    assert firm_parts(output, [output * (1 + 2 * FIRM)]) == []


@pytest.mark.parametrize("result", [np.zeros((2, 9, 3)), np.full((2, 10, 3), np.nan)])
def test_another_shape_and_nan_are_beyond_every_limit(result: np.ndarray) -> None:
    """No tolerance covers them."""
    output = sequence()
    assert beyond(output, result, firm_parts(output, [output])) == math.inf


def test_whole_numbers_are_equal_and_complex_ones_may_be_rounded() -> None:
    """Off by one is wrong however large a number is; complex numbers have the floats' limit."""
    large = np.array([1_000_000, 2_000_000, 3_000_000])
    (part,) = firm_parts(large, [large])
    assert part.limit == 0.0
    assert beyond(large, large + 1, [part]) > 0
    complex_ = large.astype(np.complex64)
    (part,) = firm_parts(complex_, [complex_])
    assert part.limit == TOLERANCE
    assert beyond(complex_, complex_ + np.complex64(1e4j), [part]) > 1e-3
