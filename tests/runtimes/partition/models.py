"""Models with ops that LiteRT lacks, as the tests of partitioned models need them."""

from __future__ import annotations

import numpy as np

from rnnlite_pipeline.graph.build import Builder
from rnnlite_pipeline.graph.ir import OPEN, Model, Op, Signature, Subgraph, Tensor
from rnnlite_pipeline.graph.variables import State, add, keep


def custom(build: Builder, code: str, *inputs: Tensor, options: bytes = b"") -> Tensor:
    """A custom op of one result, shaped as its first operand."""
    y = build.tensor(code, inputs[0].dtype, inputs[0].shape)
    build.ops.append(Op(code, [*inputs], [y], custom=True, custom_options=options))
    return y


def model(build: Builder, x: Tensor, y: Tensor) -> Model:
    """The model of what was built."""
    main = Subgraph("main", [x], [y], build.ops)
    return Model([main], [Signature("serving_default", main, {"x": x}, {"y": y})])


def vector(name: str = "x") -> Tensor:
    """An input of two numbers."""
    return Tensor(name, "FLOAT32", (1, 2))


def counting(through: bool = False) -> Model:
    """Adds its input to a state before an Erfinv, and the result to another state behind it.

    With `through`, the first state's next value is behind the Erfinv as well.
    """
    x, build = vector(), Builder("g")
    before, after = vector("a"), vector("b")
    first = build.binary("ADD", x, before)
    middle = custom(build, "Erfinv", first)
    second = build.binary("ADD", middle, after)
    made = model(build, x, second)
    states = [State(name, np.full((1, 2), 0.1, np.float32)) for name in ("one", "two")]
    add(made, states[0], before, middle if through else first)
    add(made, states[1], after, second)
    keep(made, states)
    return made


def unknown(factor: float) -> Model:
    """y = MyOp(factor * x) + x, batch open."""
    x, build = Tensor("x", "FLOAT32", (OPEN, 3)), Builder("g")
    scaled = build.binary("MUL", x, build.constant("factor", np.array(factor, np.float32)))
    return model(build, x, build.binary("ADD", custom(build, "MyOp", scaled), x))
