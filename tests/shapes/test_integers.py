"""Shape arithmetic: each rule gives, for every size, the integers that the op gives."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rnnlite_pipeline.graph.build import make_op
from rnnlite_pipeline.graph.ir import Op
from rnnlite_pipeline.shapes.integers import Integers, computed, plain
from rnnlite_pipeline.shapes.linear import Counter, Linear
from tests.shapes.symbols import linears, number

check = settings(max_examples=60, deadline=None)
T, B, V = Linear.symbol("T"), Linear.symbol("B"), Linear.symbol(Counter(0))

ELEMENTWISE: dict[str, Callable[[Any, Any], Any]] = {
    "ADD": np.add,
    "SUB": np.subtract,
    "MUL": np.multiply,
    "MAXIMUM": np.maximum,
    "MINIMUM": np.minimum,
    "FLOOR_DIV": np.floor_divide,
}


def vectors(largest: int = 3) -> st.SearchStrategy[Integers]:
    """Elements over sizes, none of them a counter."""
    return st.lists(linears(("B", "T")), max_size=largest).map(tuple)


def of(*numbers: int) -> Integers:
    """Numbers that are known."""
    return tuple(map(Linear, numbers))


def op(code: str, **options: Any) -> Op:
    """An op by its code and options: its operands are given apart."""
    return make_op(code, [], [], **options)


def numbers(values: Integers) -> list[int]:
    """What the elements are."""
    return [number(value) for value in values]


@pytest.mark.parametrize("code", ELEMENTWISE)
@check
@given(a=vectors(), b=vectors())
def test_elementwise_ops_broadcast_as_numpy_does(code: str, a: Integers, b: Integers) -> None:
    """Vectors of one length or of one element go together, empty ones as well; no others do."""
    found = computed(op(code), [a, b])
    if len(a) != len(b) and 1 not in (len(a), len(b)):
        assert found is None
    elif found is not None:
        want = ELEMENTWISE[code](np.array(numbers(a), int), np.array(numbers(b), int))
        assert numbers(found) == want.tolist()


@pytest.mark.parametrize("code", ["ADD", "SUB"])
@check
@given(a=linears(), b=linears())
def test_sums_are_always_known(code: str, a: Linear, b: Linear) -> None:
    """They are linear whatever the operands are."""
    found = computed(op(code), [(a,), (b,)])
    assert found is not None
    assert numbers(found) == [ELEMENTWISE[code](number(a), number(b))]


def test_which_products_and_choices_are_known() -> None:
    """A product of sizes is a symbol, one with a counter is not; of two sizes none is the larger.

    A counter that is clamped to a sequence is the counter.
    """
    assert computed(op("MUL"), [(T,), (V,)]) is None
    assert computed(op("MUL"), [(T,), (B,)]) == computed(op("MUL"), [(B,), (T,)])
    assert computed(op("MAXIMUM"), [(T,), (B,)]) is None
    assert computed(op("MAXIMUM"), [(T,), (T + Linear(1),)]) == (T + Linear(1),)
    assert computed(op("MINIMUM"), [(V,), (T - Linear(1),)]) == (V,)
    assert computed(op("FLOOR_DIV"), [(T,), (B,)]) is None


@check
@given(vectors(), st.integers(-5, 5), st.integers(-5, 5), st.integers(0, 3))
def test_a_strided_slice_is_numpy_s(values: Integers, begin: int, end: int, masks: int) -> None:
    """Places from the end, beyond it, or ignored by a mask."""
    sliced = op("STRIDED_SLICE", begin_mask=masks & 1, end_mask=masks >> 1)
    for stride in (1, 2, -1):
        found = computed(sliced, [values, of(begin), of(end), of(stride)])
        first, last = None if masks & 1 else begin, None if masks >> 1 else end
        assert found == values[first:last:stride]


def test_an_element_of_a_shape() -> None:
    """An index from the end is one from the start; one outside is not known."""
    item = op("STRIDED_SLICE", shrink_axis_mask=1)
    shape = (B, T, Linear(4))
    assert computed(item, [shape, of(-2), of(9), of(1)]) == (T,)
    assert computed(item, [shape, of(3), of(4), of(1)]) is None
    assert computed(op("STRIDED_SLICE"), [shape, (V,), of(4), of(1)]) is None
    assert computed(op("STRIDED_SLICE", new_axis_mask=1), [shape, of(0), of(1), of(1)]) is None


def test_parts_of_a_shape() -> None:
    """GATHER takes elements at known places, SLICE a begin and a size."""
    shape = (B, T, Linear(4))
    assert computed(op("GATHER"), [shape, of(2, 0)]) == (Linear(4), B)
    assert computed(op("GATHER"), [shape, of(3)]) is None
    assert computed(op("GATHER"), [shape, (V,)]) is None
    assert computed(op("SLICE"), [shape, of(1), of(-1)]) == (T, Linear(4))
    assert computed(op("SLICE"), [shape, of(0), of(2)]) == (B, T)
    assert computed(op("SLICE"), [shape, (T,), of(1)]) is None


@check
@given(vectors(4))
def test_products_over_a_vector(values: Integers) -> None:
    """The product of all elements, 1 of none."""
    found = computed(op("REDUCE_PROD"), [values, of(0)])
    assert found is not None
    assert numbers(found) == [np.prod(numbers(values), dtype=int)]


def test_products_over_segments() -> None:
    """An empty segment is 1, and a negative one stands in none."""
    code = op("UNSORTED_SEGMENT_PROD")
    found = computed(code, [(B, T, Linear(3)), of(0, -1, 0), of(2)])
    assert found == (B * 3, Linear(1))
    assert computed(code, [(B, T), of(0, 0, 1), of(2)]) is None
    assert computed(code, [(B, V), of(0, 0), of(1)]) is None


def test_joined_filled_and_passed_on() -> None:
    """CONCATENATION and PACK join; FILL repeats one element; CAST and RESHAPE change none."""
    assert computed(op("CONCATENATION"), [(B, T), (), of(4)]) == (B, T, Linear(4))
    assert computed(op("PACK"), [(B,), (T,)]) == (B, T)
    assert computed(op("FILL"), [of(2), (T,)]) == (T, T)
    assert computed(op("FILL"), [(T,), of(1)]) is None
    assert computed(op("FILL"), [of(2, 2), of(1)]) is None
    for code in ("CAST", "EXPAND_DIMS", "RESHAPE", "SQUEEZE"):
        assert computed(op(code), [(B, T), of(2)]) == (B, T)


def test_an_op_without_a_rule_is_not_known() -> None:
    """Nothing is made up."""
    assert computed(op("TANH"), [(T,)]) is None


def test_plain_numbers() -> None:
    """All of them, or none."""
    assert plain(of(1, -2)) == [1, -2]
    assert plain(()) == []
    assert plain((Linear(1), T)) is None
