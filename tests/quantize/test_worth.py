"""What is said of the time that integers take."""

from __future__ import annotations

import numpy as np

from rnnlite_pipeline.lower.times import integer_times
from rnnlite_pipeline.quantize.outcome import Outcome
from rnnlite_pipeline.quantize.worth import recurrent_units, size, with_times
from tests.lower.cases import Case
from tests.quantize.test_loops import CELLS, SIZES, model_of


def test_a_loop_says_what_it_costs_on_a_cpu() -> None:
    """The figure is that of its units, and dynamic_range is named."""
    case = Case((CELLS["GRU"](np.random.default_rng(0)),), time_major=False)
    model = model_of(case)
    units = recurrent_units(model)
    assert set(units.values()) == {SIZES[1]}
    (name,) = units
    (said,) = with_times([Outcome(name, "WHILE", "int8")], units, ["litert"])
    expected = integer_times("loop", SIZES[1])[0]
    assert f"{expected:.1f} times its time in float" in said.reason
    assert "dynamic_range" in said.reason


def test_nothing_is_said_for_microcontrollers_or_of_floats() -> None:
    """Where no CPU of LiteRT is meant, or nothing is in integers, there is no figure."""
    integers, floats = Outcome("a", "WHILE", "int8"), Outcome("a", "WHILE", "int8 weights")
    assert with_times([integers], {"a": 64}, ["tflm"]) == [integers]
    assert with_times([floats], {"a": 64}, ["litert"]) == [floats]


def test_sizes_stand_beside_each_other() -> None:
    """The part of the float file is told as a share."""
    assert size(1000, 920) == "920 bytes, 92% of 1,000 in float"
