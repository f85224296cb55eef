"""What another form or scheme would gain: told from measured times, where it can be had."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from rnnlite_pipeline.cells.recurrence import RECURRENCE, Recurrence
from rnnlite_pipeline.graph.ir import OPEN, Model, Op, Subgraph, Tensor
from rnnlite_pipeline.lower import times
from rnnlite_pipeline.lower.layers import Layer
from rnnlite_pipeline.lower.times import Recurrent, gain, integer_times, with_gain, works_of
from tests.fake.project import ROOT
from tests.recognise.strategies import lstm

TABLE = {
    "LSTM": {
        "sequence": {
            "64": {"loop, none": 1.0, "fused, none": 2.0, "loop, dynamic_range": 0.6},
            "256": {
                "loop, none": 1.0,
                "fused, none": 1.1,
                "loop, dynamic_range": 0.4,
                "fused, dynamic_range": 0.2,
            },
        }
    }
}
FUSED = Recurrent("LSTM", 64, "sequence", "fused", "none", ("loop",))


@pytest.fixture
def table(monkeypatch: pytest.MonkeyPatch) -> None:
    """Times that are easily read."""
    monkeypatch.setattr(times, "_table", lambda: TABLE)


@pytest.mark.usefixtures("table")
def test_each_change_that_gains_more_is_named() -> None:
    """First another form, then it with int8 weights; the figures are parts of the layer's time."""
    said = gain(FUSED)
    assert "about 0.5 of this time with recurrent.lowering: loop" in said
    both = "recurrent.lowering: loop and quantization.scheme: dynamic_range"
    assert f"about 0.3 of this time with {both}" in said


@pytest.mark.usefixtures("table")
def test_what_gains_little_or_less_than_another_change_is_not_named() -> None:
    """A tenth is less than what differs from machine to machine."""
    wide = replace(FUSED, units=200)
    assert "recurrent.lowering" not in gain(wide)
    assert gain(wide).count("about") == 1
    assert "with quantization.scheme: dynamic_range" in gain(wide)


@pytest.mark.usefixtures("table")
@pytest.mark.parametrize(
    "change",
    [{"kind": "peephole GRU"}, {"work": "last"}, {"scheme": "int8"}, {"scheme": "int16x8"}],
)
def test_nothing_is_said_of_what_was_not_measured(change: dict[str, Any]) -> None:
    """No figure is better than one of something else."""
    assert gain(replace(FUSED, **change)) == ""


@pytest.mark.usefixtures("table")
def test_a_form_that_cannot_be_had_is_not_named() -> None:
    """A cell without a fused op, or a target that takes none, has one form."""
    loop = replace(FUSED, form="loop", others=(), units=256)
    assert gain(loop).count("about") == 1
    assert "lowering" not in gain(loop)


def layer(op: str = "UNIDIRECTIONAL_SEQUENCE_LSTM") -> Layer:
    """An LSTM that became an op."""
    return Layer("layer", Recurrence("layer", lstm(2), time_major=False), op)


@pytest.mark.usefixtures("table")
@pytest.mark.parametrize(
    ("made", "targets", "says"),
    [
        (layer(), ("litert",), True),
        (layer(), ("litert", "tflm"), False),
        (layer("UNROLLED"), ("litert",), False),
        (replace(layer(), milliseconds={"fused": 1.0, "loop": 2.0}), ("litert",), False),
    ],
)
def test_it_is_said_where_it_holds(made: Layer, targets: tuple[str, ...], says: bool) -> None:
    """On LiteRT's CPU kernels, of loops and fused ops that were not measured here."""
    assert bool(with_gain(made, {"layer": "sequence"}, "float16", targets).gain) is says


@pytest.mark.parametrize(
    ("steps", "read", "work"),
    [(OPEN, 0, "sequence"), (7, 1, "last"), (1, 0, "step"), (1, 1, "step")],
)
def test_what_is_asked_of_a_recurrence(steps: int, read: int, work: str) -> None:
    """All outputs, the last one, or a call a step."""
    x = Tensor("x", "FLOAT32", (OPEN, steps, 3))
    outputs = [Tensor("y", "FLOAT32", (OPEN, steps, 2))]
    outputs += [Tensor(f"state_{k}", "FLOAT32", (OPEN, 2)) for k in range(2)]
    recurrence = Recurrence("layer", lstm(2), time_major=False)
    op = Op(RECURRENCE, [x], outputs, {"recurrence": recurrence})
    model = Model([Subgraph("main", [x], [outputs[read]], [op])])
    assert works_of(model, [op]) == {"layer": work}


@pytest.mark.parametrize("form", ["loop", "fused"])
@pytest.mark.parametrize("units", [1, 32, 100, 4096])
def test_the_measured_table_knows_integers_of_any_size(form: str, units: int) -> None:
    """The table in the package has both times for the nearest size that was measured."""
    int8, hybrid = integer_times(form, units)
    assert np.isfinite([int8, hybrid]).all()
    assert int8 > 1 > hybrid * 0.9


def test_the_guide_has_the_figures_of_the_table() -> None:
    """The table of docs/guides/quantization.md is that of times.json."""
    page = (ROOT / "docs/guides/quantization.md").read_text(encoding="utf-8")
    rows = re.findall(r"^ +\| (\d+) \| ([\d. |]+) \|$", page, re.M)
    assert rows
    for units, figures in rows:
        pairs = (integer_times(form, int(units)) for form in ("loop", "fused"))
        assert figures == " | ".join(f"{a:.1f} | {b:.2f}" for a, b in pairs)
