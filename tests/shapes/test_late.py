"""What is sized when a model runs, as the interpreter itself sees it, op by op."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from rnnlite_pipeline.graph.build import Builder
from rnnlite_pipeline.graph.ir import OPEN, Model, Op, Subgraph, Tensor
from rnnlite_pipeline.graph.schema import enum_values
from rnnlite_pipeline.graph.write import write_model
from rnnlite_pipeline.runtimes.interpreter import Kernels, Runner
from rnnlite_pipeline.shapes.late import EVALUATED, late_ops
from tests.graph.op_samples import SAMPLES, Known, Sizes, X, body_and_condition

KERNELS: tuple[Kernels, ...] = ("reference", "default", "no_delegate")

#: What opens every dimension to a size other than 1.
LENGTH = 3


def planned(model: Model, kernels: Kernels) -> bool:
    """Whether the interpreter sizes the last output of a model while it prepares it."""
    runner = Runner(write_model(model), kernels)
    last = list(runner.outputs.values())[-1]
    sizes = {
        name: tuple(LENGTH if d == OPEN else d for d in port.shape)
        for name, port in runner.inputs.items()
    }
    return runner.is_planned(last.name, sizes)


def probed(fed: list[Tensor], outputs: list[Tensor], build: Builder) -> Model:
    """A model of the builder's ops; its last output, a CAST, is sized only if those before are."""
    types = enum_values("TensorType")
    probes = [
        build.op(
            "CAST",
            [out],
            "INT32",
            out.shape,
            in_data_type=types[out.dtype],
            out_data_type=types["INT32"],
        )
        for out in outputs
    ]
    return Model([Subgraph("main", fed, probes, build.ops)])


@pytest.mark.parametrize("known", ["constant", "early", "late"])
@pytest.mark.parametrize("code", sorted(SAMPLES))
def test_every_op_is_sized_when_the_rule_says(code: str, known: Known) -> None:
    """The rule says of each op what the interpreter does with it, on every set of kernels."""
    build = Builder("sample")
    sizes = Sizes(build, known)
    outputs = SAMPLES[code](sizes)
    model = probed(sizes.fed, outputs, build)
    for kernels in KERNELS:
        assert planned(model, kernels) != bool(late_ops(model.main)), kernels


def dimension(build: Builder, x: Tensor) -> Tensor:
    """B of x, INT32 [1]."""
    return build.dimension(x, 0)


def two(build: Builder) -> Tensor:
    """The constant [2]."""
    return build.indices([2])


Arithmetic = Callable[[Builder, Tensor], Tensor]

#: A shape of one element, computed of x [B, T, 4] by the op of the name.
SHAPES: dict[str, Arithmetic] = {
    "ADD": lambda b, x: b.binary("ADD", dimension(b, x), two(b)),
    "BROADCAST_ARGS": lambda b, x: b.op(
        "BROADCAST_ARGS", [dimension(b, x), b.indices([1])], "INT32", [1]
    ),
    "BROADCAST_TO": lambda b, x: b.op(
        "BROADCAST_TO", [dimension(b, x), b.indices([1])], "INT32", [1]
    ),
    "CAST": lambda b, x: b.op(
        "CAST", [dimension(b, x)], "INT32", [1], in_data_type=2, out_data_type=2
    ),
    "CONCATENATION": lambda b, x: b.concatenate([dimension(b, x), two(b)], 0),
    "EXPAND_DIMS": lambda b, x: b.expand_dims(b.gather(b.shape(x), b.indices(0)), 0),
    "FLOOR_DIV": lambda b, x: b.binary("FLOOR_DIV", dimension(b, x), two(b)),
    "GATHER": lambda b, x: b.gather(b.shape(x), b.indices([0])),
    "MAXIMUM": lambda b, x: b.binary("MAXIMUM", dimension(b, x), two(b)),
    "MUL": lambda b, x: b.binary("MUL", dimension(b, x), two(b)),
    "PACK": lambda b, x: b.op(
        "PACK", [b.gather(b.shape(x), b.indices(0))], "INT32", [1], values_count=1
    ),
    "RANGE": lambda b, x: b.shape(
        b.op(
            "RANGE",
            [b.indices(0), b.gather(b.shape(x), b.indices(0)), b.indices(1)],
            "INT32",
            [OPEN],
        )
    ),
    "RANK": lambda b, x: b.reshape(b.op("RANK", [x], "INT32", []), [1]),
    "REDUCE_MAX": lambda b, x: b.op(
        "REDUCE_MAX", [b.shape(x), b.indices([0])], "INT32", [1], keep_dims=True
    ),
    "REDUCE_PROD": lambda b, x: b.op(
        "REDUCE_PROD", [b.shape(x), b.indices([0])], "INT32", [1], keep_dims=True
    ),
    "RESHAPE": lambda b, x: b.reshape(dimension(b, x), [1]),
    "RESHAPE to a scalar": lambda b, x: b.shape(
        b.op(
            "RANGE",
            [b.indices(0), b.reshape(dimension(b, x), []), b.indices(1)],
            "INT32",
            [OPEN],
        )
    ),
    "RESHAPE to an empty constant": lambda b, x: b.shape(
        b.op(
            "RANGE",
            [
                b.indices(0),
                b.op("RESHAPE", [dimension(b, x), b.indices([])], "INT32", [], new_shape=[]),
                b.indices(1),
            ],
            "INT32",
            [OPEN],
        )
    ),
    "SHAPE": lambda b, x: b.shape(x),
    "SLICE": lambda b, x: b.op("SLICE", [b.shape(x), b.indices([0]), b.indices([1])], "INT32", [1]),
    "SQUEEZE": lambda b, x: b.op(
        "SQUEEZE",
        [b.gather(b.shape(x), b.constant("i", np.zeros((1, 1), np.int32)))],
        "INT32",
        [1],
        squeeze_dims=[0],
    ),
    "STRIDED_SLICE": dimension,
    "SUB": lambda b, x: b.binary("SUB", dimension(b, x), b.indices([0])),
    "SUM": lambda b, x: b.op("SUM", [b.shape(x), b.indices([0])], "INT32", [1], keep_dims=True),
    "TILE": lambda b, x: b.op("TILE", [dimension(b, x), b.indices([1])], "INT32", [1]),
    "TRANSPOSE": lambda b, x: b.op("TRANSPOSE", [dimension(b, x), b.indices([0])], "INT32", [1]),
}


@pytest.mark.parametrize("name", sorted(SHAPES))
def test_shape_arithmetic_is_evaluated_early_by_the_ops_that_the_rule_names(name: str) -> None:
    """A FILL of a computed shape is sized early exactly where the rule says so."""
    build = Builder("shape")
    x = Tensor("x", "FLOAT32", X)
    shape = SHAPES[name](build, x)
    rank = (shape.shape or (1,))[0]
    zero = build.constant("zero", np.zeros((), np.float32))
    filled = build.fill(shape, zero, (OPEN,) * (3 if rank == OPEN else rank))
    model = probed([x], [filled], build)
    for kernels in KERNELS:
        assert planned(model, kernels) != bool(late_ops(model.main)), kernels


def test_the_samples_use_every_op_that_is_evaluated_early() -> None:
    """Nothing is said to be evaluated early that is not held against the interpreter."""
    assert set(EVALUATED) <= set(SHAPES)


def grown(build: Builder, x: Tensor) -> Tensor:
    """One more step each turn."""
    step = build.op(
        "STRIDED_SLICE",
        [x, *map(build.indices, ([0, 0, 0], [0, 1, 0], [1, 1, 1]))],
        "FLOAT32",
        (OPEN, 1, 4),
        begin_mask=5,
        end_mask=5,
    )
    return build.concatenate([x, step], 1)


def kept(build: Builder, x: Tensor) -> Tensor:
    """The size it had, by an op that is sized by its operand."""
    return build.unary("TANH", build.transpose(build.transpose(x, (1, 0, 2)), (1, 0, 2)))


def reshaped_late(build: Builder, x: Tensor) -> Tensor:
    """The size it had, by a shape that is computed."""
    return build.op(
        "RESHAPE", [x, build.binary("ADD", build.shape(x), build.indices([0]))], "FLOAT32", X
    )


@pytest.mark.parametrize(("turn", "late"), [(grown, True), (kept, False), (reshaped_late, True)])
def test_loops_are_sized_late_where_their_bodies_are(
    turn: Callable[[Builder, Tensor], Tensor], late: bool
) -> None:
    """A WHILE is sized when it runs if its body is, or if a turn changes a size."""
    x = Tensor("x", "FLOAT32", X)
    loop = body_and_condition(x, turn)
    build = Builder("after")
    build.ops.append(loop)
    model = probed([x], loop.outputs[1:], build)
    model.subgraphs += [loop.options["cond_subgraph"], loop.options["body_subgraph"]]
    assert bool(late_ops(model.main)) == late
    for kernels in KERNELS:
        assert planned(model, kernels) != late, kernels


def test_custom_ops_are_taken_for_late() -> None:
    """Nothing is known of the size that a custom op makes."""
    assert late_ops(Subgraph("main", ops=[Op("mine", [], [], custom=True)]))
