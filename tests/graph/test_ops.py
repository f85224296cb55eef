"""The table of ops."""

from __future__ import annotations

from rnnlite_pipeline.graph.ops import (
    BROADCAST,
    CHOICES,
    COMPARISONS,
    LOGICAL,
    REAL,
    SAME_SHAPE,
    SIZES,
    TRAITS,
    having,
)
from rnnlite_pipeline.graph.schema import enum_values


def test_every_op_is_one_of_the_schema() -> None:
    """A misspelt op would silently have no trait."""
    assert not TRAITS.keys() - enum_values("BuiltinOperator").keys()


def test_an_elementwise_op_has_the_shape_of_one_operand_or_of_all() -> None:
    """Its rule of shapes is one of the two."""
    assert having("elementwise") <= SAME_SHAPE ^ BROADCAST


def test_what_takes_real_numbers_gives_real_numbers() -> None:
    """Comparisons, logic and choices are none of those that a change of layout passes through."""
    assert not REAL & (COMPARISONS | LOGICAL | CHOICES)
    assert having("elementwise") >= REAL


def test_sizes_are_read_off_shapes() -> None:
    """ZEROS_LIKE reads a shape too, but gives no size."""
    assert sorted(SIZES) == ["RANK", "SHAPE"]
