"""Run-time integers: where they come from, and where nothing can be said."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rnnlite_pipeline.graph.build import Builder, make_op
from rnnlite_pipeline.graph.ir import OPEN, Model, Op, Signature, Subgraph, Tensor
from rnnlite_pipeline.graph.write import write_model
from rnnlite_pipeline.runtimes.interpreter import Runner
from rnnlite_pipeline.shapes.extents import Extents
from rnnlite_pipeline.shapes.linear import Linear


def inputs(*names: str, rank: int = 2) -> list[Tensor]:
    """Graph inputs whose dimensions are all open but the last."""
    return [Tensor(n, "FLOAT32", (*[OPEN] * (rank - 1), 3)) for n in names]


def extents(build: Builder, given: list[Tensor]) -> Extents:
    """The integers of a graph of the builder's ops."""
    return Extents(Subgraph("main", given, [], build.ops))


def test_operands_of_two_inputs_say_nothing_of_their_sum() -> None:
    """Of a + b, a's dimension may be 1 and b's not, or the other way round."""
    build, (a, b) = Builder("g"), inputs("a", "b")
    total = build.binary("ADD", a, b)
    both = build.binary("MUL", total, build.unary("TANH", total))
    known = extents(build, [a, b])
    assert known.dimension(total, 0) not in (known.dimension(a, 0), known.dimension(b, 0))
    assert known.dimension(both, 0) == known.dimension(total, 0)
    assert known.place(known.dimension(both, 0)) == (total, 0)


def test_operands_that_agree_are_as_long_as_where_they_come_from() -> None:
    """Two ways from one input meet again; a constant operand that is longer than 1 decides."""
    build, (a, b) = Builder("g"), inputs("a", "b")
    twice = build.binary("ADD", build.unary("TANH", a), build.reverse(a, 0))
    one = build.binary("ADD", a, build.constant("row", np.ones((1, 3), np.float32)))
    four = build.binary("ADD", build.constant("rows", np.ones((4, 3), np.float32)), b)
    four.shape = (OPEN, 3)
    known = extents(build, [a, b])
    assert known.dimension(twice, 0) == known.dimension(a, 0) == known.dimension(one, 0)
    assert known.dimension(four, 0) == Linear(4)


def test_a_shape_that_is_told_is_followed() -> None:
    """What is filled, broadcast or reshaped to another's size has it; -1 says nothing."""
    build, (a,) = Builder("g"), inputs("a")
    size = build.concatenate([build.dimension(a, 0), build.indices([7])], 0)
    zero = build.constant("zero", np.zeros((), np.float32))
    filled = build.fill(size, zero, (OPEN, 7))
    wide = build.op("BROADCAST_TO", [zero, size], "FLOAT32", (OPEN, 7))
    flat = build.op("RESHAPE", [filled, build.indices([-1])], "FLOAT32", (OPEN,))
    known = extents(build, [a])
    assert known.dimension(filled, 0) == known.dimension(wide, 0) == known.dimension(a, 0)
    assert known.place(known.dimension(flat, 0)) == (flat, 0)


def test_a_slice_keeps_what_it_takes_all_of() -> None:
    """A slice to the size that its operand has is whole; to another's size it is not known."""
    build, (a, b) = Builder("g"), inputs("a", "b")
    zeros, ones = build.indices([0, 0]), build.indices([1, 1])

    def cut(size: Tensor) -> Tensor:
        end = build.concatenate([build.dimension(size, 0), build.indices([2])], 0)
        return build.op("STRIDED_SLICE", [a, zeros, end, ones], "FLOAT32", (OPEN, 2))

    own, other = cut(a), cut(b)
    known = extents(build, [a, b])
    assert known.dimension(own, 0) == known.dimension(a, 0)
    assert known.place(known.dimension(other, 0)) == (other, 0)


#: A variable: what it starts from, what it is inside, what it becomes.
Carried = tuple[Tensor, Tensor, Tensor]


def loop(build: Builder, body: Builder, carried: list[Carried]) -> list[Tensor]:
    """A WHILE; gives what each variable is after it."""
    outer, inner, new = (list(each) for each in zip(*carried, strict=True))
    condition = [Tensor(f"cond/{t.name}", t.dtype, t.shape) for t in inner]
    graphs: dict[str, Any] = {
        "body_subgraph": Subgraph("body", inner, new, body.ops),
        "cond_subgraph": Subgraph("cond", condition, [], []),
    }
    made = [Tensor(f"after/{t.name}", t.dtype, t.shape) for t in outer]
    build.ops.append(make_op("WHILE", outer, made, **graphs))
    return made


def test_what_every_step_keeps_a_loop_keeps() -> None:
    """A state that a step computes from itself and a row of its size is as long after the loop."""
    build, body, (x, h) = Builder("g"), Builder("body"), inputs("x", "h")
    ix, ih = inputs("ix", "ih")
    first = build.op("ZEROS_LIKE", [x], "FLOAT32", x.shape)
    mixed = body.binary("ADD", body.unary("TANH", ih), ix)
    after, *_ = loop(build, body, [(first, ih, mixed), (x, ix, ix)])
    known = extents(build, [x, h])
    assert known.dimension(after, 0) == known.dimension(x, 0)
    inside = known.inside(build.ops[-1])
    assert inside.dimension(mixed, 0) == known.dimension(x, 0)


def test_what_a_step_may_grow_is_the_loop_s_own() -> None:
    """A state that starts from another input may be broadcast to the rows it is added to."""
    build, body, (x, h) = Builder("g"), Builder("body"), inputs("x", "h")
    ix, ih = inputs("ix", "ih")
    after, kept = loop(build, body, [(h, ih, body.binary("ADD", ih, ix)), (x, ix, ix)])
    known = extents(build, [x, h])
    assert known.dimension(after, 0) not in (known.dimension(x, 0), known.dimension(h, 0))
    assert known.dimension(kept, 0) == known.dimension(x, 0)


def test_what_grows_with_another_that_grows() -> None:
    """A state that takes the size of one that grows does not keep its own."""
    build, body, (x, h) = Builder("g"), Builder("body"), inputs("x", "h")
    one, two, ix = inputs("one", "two", "ix")
    grown = body.concatenate([one, ix], 0)
    grown.shape = (OPEN, 3)
    after = loop(build, body, [(h, one, grown), (h, two, body.unary("TANH", one)), (x, ix, ix)])
    known = extents(build, [x, h])
    assert known.dimension(h, 0) not in {known.dimension(t, 0) for t in after[:2]}


def test_a_long_way_is_no_deep_one() -> None:
    """Thousands of steps written out, each with two open operands, are followed at once."""
    build, (x,) = Builder("g"), inputs("x")
    h, c = x, x
    for _ in range(3000):
        c = build.binary("ADD", build.binary("MUL", c, h), x)
        h = build.binary("MUL", c, build.unary("TANH", c))
    known = extents(build, [x])
    assert known.dimension(h, 0) == known.dimension(x, 0)


@given(st.integers(1, 4), st.integers(1, 4), st.data())
def test_shape_arithmetic_is_what_the_interpreter_computes(
    batch: int, length: int, data: st.DataObject
) -> None:
    """Linear forms of shapes, put in numbers, are the integers that the ops give."""
    build, (x,) = Builder("g"), inputs("x", rank=3)
    known = [build.shape(x)]
    for _ in range(data.draw(st.integers(1, 6))):
        known.append(some_op(build, known, data))
    main = Subgraph("main", [x], [known[-1]], build.ops)
    model = Model([main], [Signature("run", main, {"x": x}, {"y": known[-1]})])
    result = Runner(write_model(model)).run({"x": np.zeros((batch, length, 3), np.float32)})["y"]
    found = Extents(main).integers(known[-1])
    if found is None:  # a minimum of B and T
        assert any(op.code in ("MINIMUM", "MAXIMUM") for op in build.ops)
        return
    sizes = {"x#0.0": batch, "x#0.1": length}
    told = [value_of(element, sizes) for element in found]
    assert told == result.reshape(-1).tolist()


def some_op(build: Builder, known: list[Tensor], data: st.DataObject) -> Tensor:
    """One op of shape arithmetic on vectors that are there; one product, so that none overflows."""
    multiplied = any(op.code in ("MUL", "REDUCE_PROD") for op in build.ops)
    one = data.draw(st.sampled_from(known))
    size = (one.shape or ())[0]
    kind = data.draw(st.sampled_from(["binary", "join", "take", "cut", "product"]))
    if kind == "binary":
        same = [t for t in known if t.shape in ((size,), (1,))]
        other = data.draw(st.sampled_from(same))
        codes = ["ADD", "SUB", "MAXIMUM", "MINIMUM", *(["MUL"] * (not multiplied))]
        code = data.draw(st.sampled_from(codes))
        return build.binary(code, one, other)
    if kind == "join" and size < 6:
        return build.concatenate([one, build.indices([data.draw(st.integers(-2, 9))])], 0)
    if kind == "take":
        places = st.lists(st.integers(0, size - 1), min_size=1, max_size=3)
        return build.gather(one, build.indices(data.draw(places)))
    if kind == "cut":
        start = data.draw(st.integers(0, size - 1))
        stop = data.draw(st.integers(start + 1, size))
        ends = map(build.indices, ([start], [stop], [1]))
        return build.op("STRIDED_SLICE", [one, *ends], "INT32", (stop - start,))
    if size > 3 or multiplied:
        return one
    return build.op("REDUCE_PROD", [one, build.indices([0])], "INT32", (1,), keep_dims=True)


def value_of(form: Linear, sizes: dict[str, int]) -> int:
    """The number that a form is; a product of symbols has their names joined by a star."""
    products = ((np.prod([sizes[n] for n in name.split("*")]), f) for name, f in form.factors)
    return form.constant + int(sum(p * f for p, f in products))


@pytest.mark.parametrize("folded", [True, False])
def test_segments_of_a_shape_are_multiplied(folded: bool) -> None:
    """UNSORTED_SEGMENT_PROD of a shape, as products over several axes begin, is read."""
    build, (x,) = Builder("g"), inputs("x", rank=3)
    segments = build.indices([0, 0, 1] if folded else [0, -1, 1])
    code = "UNSORTED_SEGMENT_PROD"
    out = Tensor("p", "INT32", (2,))
    build.ops.append(Op(code, [build.shape(x), segments, build.indices(2)], [out]))
    found = extents(build, [x]).integers(out)
    first = "x#0.0*x#0.1" if folded else "x#0.0"
    assert found == (Linear.symbol(first), Linear(3))
