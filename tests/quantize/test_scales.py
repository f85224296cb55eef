"""Scales that several tensors share: loops, fills, states and what kernels fix."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from rnnlite_pipeline.errors import NotConvertible
from rnnlite_pipeline.graph.build import Builder, make_op
from rnnlite_pipeline.graph.ir import Model, Op, Subgraph, Tensor
from rnnlite_pipeline.quantize.numbers import SCHEMES
from rnnlite_pipeline.quantize.ranges import Range, Ranges
from rnnlite_pipeline.quantize.scales import WIDE, Scales
from tests.quantize.single import graph, whole

INT8 = SCHEMES["int8"]


def real(name: str) -> Tensor:
    """A float value."""
    return Tensor(name, "FLOAT32", (2, 3))


def scales(model: Model, seen: Mapping[Tensor, Range], **kept: Any) -> Scales:
    """The scales of an int8 model by these ranges."""
    return Scales(model, INT8, Ranges(dict(seen)), kept.get("states", {}))


class Loop:
    """A loop that carries one value: outside, inside, after a turn, and behind the loop.

    Without a code it hands the value on as it is.
    """

    def __init__(self, code: str = "NEG") -> None:
        self.outside, self.inside, self.after, self.behind = map(real, ("o", "i", "a", "b"))
        body = Subgraph("body", [self.inside], [self.after])
        if code:
            body.ops = [make_op(code, [self.inside], [self.after])]
        else:
            body.outputs = [self.inside]
        self.op = _while([self.outside], body, [self.behind])
        self.model = graph([self.outside], [self.behind], [self.op])
        self.model.subgraphs += [body]


def _while(operands: list[Tensor], body: Subgraph, results: list[Tensor]) -> Op:
    condition = Subgraph("cond", [Tensor(t.name, t.dtype, t.shape) for t in operands])
    return make_op("WHILE", operands, results, cond_subgraph=condition, body_subgraph=body)


def test_a_value_alone_has_its_own_scale() -> None:
    """Of the scheme's dtype, or of the one that is asked for."""
    x = real("x")
    found = scales(graph([x], [x], []), {x: (-1, 1)})
    assert found.of(x) == INT8.of(-1, 1)
    assert found.of(x, WIDE) == WIDE.of(-1, 1)
    assert not found.is_state(x)
    assert not found.is_written(x)


def test_what_was_never_reached_has_none() -> None:
    """The error names the value, and says what to do."""
    x = real("decoder/x")
    found = scales(graph([x], [x], []), {})
    assert not found.knows(x)
    with pytest.raises(NotConvertible, match="never reached 'decoder/x'") as caught:
        found.of(x)
    assert "quantization.skip" in caught.value.remedy


@pytest.mark.parametrize("seen", [(-math.inf, 0), (0, math.inf)])
def test_what_is_not_finite_has_none(seen: Range) -> None:
    """Nor has what must be like it."""
    loop = Loop()
    found = scales(loop.model, {loop.after: seen, loop.outside: (0, 1)})
    assert not found.is_finite(loop.inside)
    with pytest.raises(NotConvertible, match="NaN or infinite"):
        found.of(loop.behind)


def test_a_state_of_a_loop_is_wide_and_has_one_scale() -> None:
    """Before, after and behind a turn; what it starts from counts, and keeps its own scale."""
    loop = Loop()
    found = scales(loop.model, {loop.outside: (-5, 0), loop.after: (0, 2)})
    assert found.is_state(loop.inside)
    for tensor in (loop.inside, loop.after, loop.behind):
        assert found.numbers(tensor) == WIDE
        assert found.of(tensor) == WIDE.of(-5, 2)
    assert found.of(loop.outside) == INT8.of(-5, 0)


def test_what_a_loop_hands_on_is_like_the_tensor_outside() -> None:
    """It is no state: the scheme's dtype."""
    loop = Loop("")
    found = scales(loop.model, {loop.outside: (-5, 1)})
    assert not found.is_state(loop.inside)
    assert found.of(loop.inside) == INT8.of(-5, 1)


def test_what_a_loop_fills_is_no_state() -> None:
    """The whole, before and after, and its parts have one scale in the scheme's dtype."""
    loop, part = Loop(), real("part")
    body = loop.op.options["body_subgraph"]
    update = make_op("DYNAMIC_UPDATE_SLICE", [loop.inside, part, whole([0, 0])], [loop.after])
    body.ops, body.inputs = [update], [loop.inside]
    found = scales(loop.model, {part: (-1, 3), loop.outside: (0, 0)})
    assert found.is_written(loop.inside)
    assert not found.is_state(loop.inside)
    assert found.of(loop.behind) == found.of(part) == INT8.of(-1, 3)


def test_states_of_the_caller_are_one() -> None:
    """An input that holds a state between calls, and the output it comes from."""
    before, after = map(real, ("before", "after"))
    model = graph([before], [after], [make_op("NEG", [before], [after])])
    found = scales(model, {before: (-1, 0), after: (0, 4)}, states={before: after})
    assert found.of(before) == found.of(after) == INT8.of(-1, 4)


def test_a_kept_state_that_a_loop_carries_is_wide_outside_too() -> None:
    """Nothing is rounded between two calls."""
    loop = Loop()
    states = {loop.outside: loop.behind}
    found = scales(loop.model, {loop.outside: (-5, 0), loop.after: (0, 2)}, states=states)
    assert found.of(loop.outside) == WIDE.of(-5, 2)


@pytest.mark.parametrize(
    ("code", "seen", "fixed"),
    [
        ("TANH", (-1.001, 1.0), -1),
        ("LOGISTIC", (0.0, 1.0), 0),
        ("TANH", (-1.5, 1.0), None),  # its first value is beyond what the kernel gives
        ("NEG", (-1.0, 1.0), None),
        ("TANH", (-1e-5, 1e-5), None),  # in the fixed scale it would be 0
    ],
)
def test_a_state_that_a_function_puts_out(code: str, seen: Range, fixed: int | None) -> None:
    """It has the scale that the kernel fixes, where the values fit in and are told from 0."""
    loop = Loop(code)
    found = scales(loop.model, {loop.after: seen}).of(loop.inside)
    assert found == (WIDE.of(*seen) if fixed is None else WIDE.fixed(fixed))


def test_a_loop_in_a_loop_shares_the_state() -> None:
    """What the inner loop carries is what the outer one does."""
    outer, inner = Loop(), Loop()
    body = outer.op.options["body_subgraph"]
    inner.op.inputs = [outer.inside]
    body.ops, body.outputs = [inner.op], [inner.behind]
    outer.model.subgraphs.append(inner.op.options["body_subgraph"])
    found = scales(outer.model, {outer.outside: (-5, 0), inner.after: (0, 2)})
    assert found.of(outer.behind) == found.of(inner.inside) == WIDE.of(-5, 2)


def test_whole_numbers_of_a_loop_have_no_scale() -> None:
    """A counter is left alone."""
    loop = Loop()
    body: Subgraph = loop.op.options["body_subgraph"]
    count, more, last = (Tensor(n, "INT32", ()) for n in ("count", "more", "last"))
    build = Builder("body")
    body.inputs.append(count)
    body.outputs.append(build.binary("ADD", count, whole(1)))
    loop.op.inputs.append(more)
    loop.op.outputs.append(last)
    found = scales(loop.model, {loop.after: (0, 1), loop.outside: (0, 0)})
    assert not found.is_state(count)
    assert np.isfinite(found.of(loop.behind).scale[0])
