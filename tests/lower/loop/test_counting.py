"""Counting loops as WHILE ops, run by the interpreter."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from rnnlite_pipeline.graph.ir import Model, Signature, Subgraph, Tensor
from rnnlite_pipeline.graph.write import write_model
from rnnlite_pipeline.lower.emit import Emitter
from rnnlite_pipeline.lower.loop.counting import Integer, counting_loop, scalar
from rnnlite_pipeline.runtimes.interpreter import Runner


def visited(start: int, end: int, stride: int, *, backwards: bool, computed: bool) -> list[int]:
    """The counts of a loop in their order, as digits of a number in base 100."""
    emit = Emitter("test")
    given = {n: Tensor(n, "INT32", ()) for n in ("start", "end", "stride", "base")}
    whole = {"start": start, "end": end, "stride": stride, "base": 100}

    def value(name: str) -> Integer:
        return given[name] if computed else whole[name]

    def turn(
        inner: Emitter, count: Tensor, carried: list[Tensor], same: Sequence[Integer]
    ) -> list[Tensor]:
        shifted = inner.binary("MUL", carried[0], scalar(inner, same[0]))
        one = inner.binary("ADD", shifted, inner.binary("ADD", count, inner.indices(1)))
        return [one]

    zero = emit.constant("zero", np.array(0, np.int32))
    (result,) = counting_loop(
        emit,
        "loop",
        (value("start"), value("end")),
        value("stride"),
        backwards=backwards,
        carried=[zero],
        same=[value("base")],
        body=turn,
    )
    y = Tensor("y", "INT32", ())
    emit.ops[-1].outputs = [y if t is result else t for t in emit.ops[-1].outputs]
    loop = emit.ops[-1].options
    graphs = [loop["cond_subgraph"], loop["body_subgraph"]]
    inputs = given if computed else {}
    main = Subgraph("main", [*inputs.values()], [y], emit.ops)
    model = Model([main, *graphs], [Signature("main", main, inputs, {"y": y})])
    arrays = {n: np.array(whole[n], np.int32) for n in inputs}
    number = int(Runner(write_model(model)).run(arrays)["y"])
    found: list[int] = []
    while number:
        number, digit = divmod(number, 100)
        found.insert(0, digit - 1)
    return found


@pytest.mark.parametrize("computed", [False, True])
@pytest.mark.parametrize(
    ("start", "end", "stride"), [(0, 3, 1), (0, 6, 2), (0, 5, 2), (2, 7, 2), (0, 1, 1), (0, 1, 4)]
)
def test_a_loop_counts_as_range_does(start: int, end: int, stride: int, computed: bool) -> None:
    """Forwards, and backwards from the last multiple of the stride below the end."""
    counts = list(range(start, end, stride))
    for backwards in (False, True):
        found = visited(start, end, stride, backwards=backwards, computed=computed)
        assert found == (counts[::-1] if backwards else counts)


def test_a_scalar() -> None:
    """Of a number, of a scalar, and of a vector of one element."""
    emit = Emitter("test")
    number = scalar(emit, 7).array
    assert number is not None
    assert number.tolist() == 7
    one = Tensor("n", "INT32", ())
    assert scalar(emit, one) is one
    assert scalar(emit, Tensor("n", "INT32", (1,))).shape == ()
