"""Steps that are joined one by one and stacked become one op over all steps, or stay."""

from __future__ import annotations

import copy
from collections.abc import Callable

import numpy as np
import pytest

from rnnlite_pipeline.graph.build import Builder, make_op
from rnnlite_pipeline.graph.ir import Model, Signature, Subgraph, Tensor
from rnnlite_pipeline.graph.write import write_model
from rnnlite_pipeline.recognise.unrolled.restack import restack
from rnnlite_pipeline.runtimes.interpreter import Runner

STEPS, BATCH, WIDTH = 4, 2, 3
Steps = list[Tensor]
Join = Callable[[Builder, Steps, Steps], Steps]


def model_of(join: Join, axis: int = 0, unpacked: int = 0) -> Model:
    """Two sequences a and b taken apart, joined step by step, and packed."""
    build, shape = Builder("test"), [BATCH, WIDTH]
    whole = [*shape[:unpacked], STEPS, *shape[unpacked:]]
    a, b = (Tensor(name, "FLOAT32", tuple(whole)) for name in "ab")
    parts = []
    for sequence in (a, b):
        steps = [build.tensor(f"{sequence.name}{k}", "FLOAT32", shape) for k in range(STEPS)]
        build.ops.append(make_op("UNPACK", [sequence], steps, num=STEPS, axis=unpacked))
        parts.append(steps)
    joined = join(build, *parts)
    (batch, *rest) = joined[0].shape or ()
    packed = (STEPS, batch, *rest) if axis == 0 else (batch, STEPS, *rest)
    y = Tensor("y", "FLOAT32", packed)
    build.ops.append(make_op("PACK", joined, [y], values_count=STEPS, axis=axis))
    main = Subgraph("main", [a, b], [y], build.ops)
    return Model([main], [Signature("main", main, {"a": a, "b": b}, {"y": y})])


def concatenated(build: Builder, a: Steps, b: Steps) -> Steps:
    """What static_bidirectional_rnn does: b runs from the end."""
    return [build.concatenate([s, t], 1) for s, t in zip(a, b[::-1], strict=True)]


def scaled(build: Builder, a: Steps, b: Steps) -> Steps:
    """A row that all steps share, and a function."""
    row = build.constant("row", np.arange(WIDTH, dtype=np.float32))
    sums = [build.binary("ADD", s, t) for s, t in zip(a, b, strict=True)]
    return [build.unary("TANH", build.binary("MUL", s, row)) for s in sums]


def out_of_order(build: Builder, a: Steps, b: Steps) -> Steps:
    """Neither order of time."""
    return [build.binary("ADD", s, t) for s, t in zip(a, [b[1], b[0], *b[2:]], strict=True)]


def widening(build: Builder, a: Steps, b: Steps) -> Steps:
    """A shared operand with an axis more than the steps have: it would meet the time axis."""
    cube = build.constant("cube", np.arange(STEPS, dtype=np.float32)[:, None, None])
    return [build.binary("MUL", build.binary("ADD", s, t), cube) for s, t in zip(a, b, strict=True)]


def different(build: Builder, a: Steps, b: Steps) -> Steps:
    """One step is computed otherwise."""
    last = build.binary("SUB", a[-1], b[-1])
    return [*(build.binary("ADD", s, t) for s, t in zip(a[:-1], b, strict=False)), last]


def check(model: Model) -> None:
    """The rewritten model gives what the model gives, to the bit."""
    old = write_model(copy.deepcopy(model))
    rng = np.random.default_rng(0)
    given = {t.name: rng.normal(size=t.shape).astype(np.float32) for t in model.main.inputs}
    restack(model, model.main)
    want, got = (Runner(data).run(given)["y"] for data in (old, write_model(model)))
    np.testing.assert_array_equal(got, want)


@pytest.mark.parametrize("unpacked", [0, 1])
@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("join", [concatenated, scaled])
def test_one_op_over_all_steps(join: Join, axis: int, unpacked: int) -> None:
    """Nothing is taken apart any more, whatever axis is time before and after."""
    model = model_of(join, axis, unpacked)
    check(model)
    codes = [op.code for op in model.main.ops]
    assert not {"PACK", "UNPACK"} & set(codes)
    assert len(set(codes) - {"TRANSPOSE"}) == len([c for c in codes if c != "TRANSPOSE"])


@pytest.mark.parametrize("join", [out_of_order, widening, different])
def test_what_is_not_alike_stays(join: Join) -> None:
    """Steps in no order of time, a shared operand that would meet time, unlike steps."""
    model = model_of(join)
    before = [op.code for op in model.main.ops]
    check(model)
    assert [op.code for op in model.main.ops] == before


@pytest.mark.parametrize("backwards", [False, True])
@pytest.mark.parametrize("axis", [0, 1])
def test_steps_taken_by_slices(axis: int, backwards: bool) -> None:
    """Some steps that slices take, one after the other, are one slice of the sequence."""
    build = Builder("test")
    x = Tensor("x", "FLOAT32", (STEPS, BATCH, WIDTH) if axis == 0 else (BATCH, STEPS, WIDTH))
    taken = [
        build.op(
            "GATHER", [x, build.constant("k", np.array(k, np.int32))], "FLOAT32",
            (BATCH, WIDTH), axis=axis, batch_dims=0,
        )
        for k in range(1, STEPS)
    ]  # fmt: skip
    y = Tensor("y", "FLOAT32", (STEPS - 1, BATCH, WIDTH))
    order = taken[::-1] if backwards else taken
    build.ops.append(make_op("PACK", order, [y], values_count=STEPS - 1, axis=0))
    main = Subgraph("main", [x], [y], build.ops)
    model = Model([main], [Signature("main", main, {"x": x}, {"y": y})])
    check(model)
    assert not {"PACK", "GATHER"} & {op.code for op in main.ops}
