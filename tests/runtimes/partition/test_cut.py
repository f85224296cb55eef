"""Where a model is cut: parts and foreign ops in turns, and what stands in which part."""

from __future__ import annotations

import numpy as np
import pytest

from rnnlite_pipeline.errors import StageError
from rnnlite_pipeline.graph.build import Builder
from rnnlite_pipeline.graph.ir import OPEN, Op, Tensor
from rnnlite_pipeline.runtimes.partition.cut import as_model, cut, has_foreign_ops, is_foreign
from tests.runtimes.partition.models import counting, custom, model, unknown, vector


def test_a_state_that_passes_through_an_op_is_refused() -> None:
    """A variable read before and assigned behind a foreign op cannot stay in one part."""
    with pytest.raises(StageError, match="passes through an op that LiteRT lacks"):
        cut(counting(through=True))


def test_sizes_are_measured_in_the_part_that_needs_them() -> None:
    """What writes a state stands in its part, and what it measures, so that no size comes in."""
    x, build = Tensor("x", "FLOAT32", (OPEN, 2)), Builder("g")
    size = build.dimension(x, 0)
    y = custom(build, "Erfinv", x)
    dims = build.concatenate([size, build.indices([2])], 0)
    zeros = build.fill(dims, build.constant("zero", np.zeros((), np.float32)), (OPEN, 2))
    zeros.is_variable = True
    made = model(build, x, build.binary("ADD", y, zeros))
    *_, last = cut(made)
    assert {t.dtype for t in last.inputs} == {"FLOAT32"}
    assert "SHAPE" in {op.code for op in last.ops}


def test_parts_and_foreign_ops_take_turns() -> None:
    """Ops before, between and behind the foreign ones; each reads what the one before makes."""
    x, build = vector(), Builder("g")
    first = build.binary("ADD", x, x)
    one, two = custom(build, "One", first), custom(build, "Two", first)
    last = build.binary("MUL", one, two)
    parts = cut(model(build, x, last))
    assert [part.foreign for part in parts] == [False, True, False]
    assert [[op.code for op in part.ops] for part in parts] == [["ADD"], ["One", "Two"], ["MUL"]]
    assert [part.inputs for part in parts] == [(x,), (first,), (one, two)]
    assert [part.outputs for part in parts] == [(first,), (one, two), (last,)]


def test_ops_stand_as_early_as_they_can() -> None:
    """An op that needs no foreign result is in the first part, wherever the file has it."""
    x, build = vector(), Builder("g")
    foreign = custom(build, "One", x)
    early = build.binary("MUL", x, x)
    parts = cut(model(build, x, build.binary("ADD", foreign, early)))
    assert [[op.code for op in part.ops] for part in parts] == [["MUL"], ["One"], ["ADD"]]
    assert [part.inputs for part in parts] == [(x,), (x,), (foreign, early)]


def test_what_nobody_reads_is_not_run() -> None:
    """A part without outputs and without variables is left out."""
    x, build = vector(), Builder("g")
    y = build.binary("ADD", x, x)
    custom(build, "Dead", y)
    assert [part.foreign for part in cut(model(build, x, y))] == [False]


def test_what_touches_a_variable_stands_in_one_part() -> None:
    """Both states are read and assigned in the part of their assignment, one before the op."""
    parts = cut(counting())
    states = [
        {op.options["shared_name"] for op in part.ops if op.code == "VAR_HANDLE"} for part in parts
    ]
    assert [part.foreign for part in parts] == [False, True, False]
    assert states == [{"one"}, set(), {"two"}]
    assert not any(t.dtype == "RESOURCE" for part in parts for t in (*part.inputs, *part.outputs))


def test_a_part_with_variables_sets_them_up_itself() -> None:
    """It has CALL_ONCE and the signature `reset`; a part without variables has neither."""
    made = counting()
    before, _, behind = cut(made)
    for part in (before, behind):
        names = {t: f"v{k}" for k, t in enumerate((*part.inputs, *part.outputs))}
        alone = as_model(made, part, names)
        assert [op.code for op in alone.main.ops].count("CALL_ONCE") == 1
        assert [s.key for s in alone.signatures] == ["serving_default", "reset"]
        assert list(alone.signatures[0].inputs) == [names[t] for t in part.inputs]
    x, build = vector(), Builder("g")
    plain = model(build, x, custom(build, "One", build.binary("ADD", x, x)))
    (first, _) = cut(plain)
    alone = as_model(plain, first, {t: t.name for t in (*first.inputs, *first.outputs)})
    assert [op.code for op in alone.main.ops] == ["ADD"]
    assert len(alone.signatures) == 1


def test_ops_that_litert_has_are_not_foreign() -> None:
    """Builtin ops, and the custom ops that LiteRT brings itself."""
    assert not is_foreign(Op("ADD", [], []))
    assert not is_foreign(Op("Mfcc", [], [], custom=True))
    assert is_foreign(Op("FlexRoll", [], [], custom=True))
    assert has_foreign_ops(unknown(1.0))
    x, build = vector(), Builder("g")
    assert not has_foreign_ops(model(build, x, build.binary("ADD", x, x)))
