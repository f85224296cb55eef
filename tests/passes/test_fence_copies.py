"""Copies across the border of a delegated part: structure, op codes, numbers, and many calls."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from rnnlite_pipeline.graph.build import Builder, make_op
from rnnlite_pipeline.graph.edit import ensure_signature
from rnnlite_pipeline.graph.ir import OPEN, Model, Quantization, Subgraph, Tensor
from rnnlite_pipeline.graph.variables import State, add, keep
from rnnlite_pipeline.graph.write import write_model
from rnnlite_pipeline.lower import lower
from rnnlite_pipeline.passes.fence_copies import crossing, fence_copies
from rnnlite_pipeline.runtimes.delegated import delegated_parts
from rnnlite_pipeline.runtimes.interpreter import Runner
from tests.lower.cases import KERNELS, Case, random_lstm

Made = Callable[[Builder, Tensor, Tensor], Tensor]

#: Batch and steps, growing in one dimension or the other.
SIZES = ((1, 4), (3, 9), (3, 30), (33, 5))


def dense(build: Builder, x: Tensor, units: int) -> Tensor:
    """What the delegate takes for certain."""
    features = (x.shape or ())[-1]
    weights = np.random.default_rng(units).normal(size=(units, features)).astype(np.float32)
    operands = [x, build.constant("weights", weights), None]
    shape = (*(x.shape or ())[:-1], units)
    return build.op("FULLY_CONNECTED", operands, "FLOAT32", shape, keep_num_dims=True)


def joined(build: Builder, x: Tensor, z: Tensor) -> Tensor:
    """Two inputs of the model, joined and multiplied."""
    return dense(build, build.concatenate([x, z], 2), 5)


def joined_with_a_product(build: Builder, x: Tensor, z: Tensor) -> Tensor:
    """A product, joined with an input of the model."""
    return dense(build, build.concatenate([dense(build, x, 6), z], 2), 5)


def split(build: Builder, x: Tensor, z: Tensor) -> Tensor:
    """An input of the model, split and added up."""
    one, two = build.split(x, 2, 2)
    return build.binary("ADD", build.binary("ADD", one, two), build.binary("MUL", z, z))


def reshaped(build: Builder, x: Tensor, _: Tensor) -> Tensor:
    """An input of the model in another shape, multiplied."""
    return dense(build, build.reshape(build.binary("ADD", x, x), [OPEN, 4]), 5)


def reshaped_at_once(build: Builder, x: Tensor, _: Tensor) -> Tensor:
    """The same with nothing before it."""
    return dense(build, build.reshape(x, [OPEN, 4]), 5)


def flattened(build: Builder, x: Tensor, _: Tensor) -> Tensor:
    """A product that makes a matrix of what it reads."""
    weights = np.random.default_rng(0).normal(size=(5, 4)).astype(np.float32)
    operands = [x, build.constant("weights", weights), None]
    return build.unary("TANH", build.op("FULLY_CONNECTED", operands, "FLOAT32", (OPEN, 5)))


def model_of(made: Made) -> Model:
    """A model of x [B, T, 4] and z [B, T, 2], with a second part behind what the delegate lacks."""
    x, z = (Tensor(n, "FLOAT32", (OPEN, OPEN, w)) for n, w in (("x", 4), ("z", 2)))
    build = Builder("made")
    y = build.unary("NEG", build.reverse(made(build, x, z), 0))
    return Model([Subgraph("main", [x, z], [y], build.ops)])


@pytest.mark.parametrize(
    ("made", "crosses", "codes"),
    [
        (joined, "CONCATENATION", {"CAST": 1, "CONCATENATION": 1}),
        (joined_with_a_product, "CONCATENATION", {"CAST": 2, "CONCATENATION": 1}),
        (split, "SPLIT", {"SPLIT": 0, "SPLIT_V": 1}),
        (reshaped, "", {"RESHAPE": 1, "CAST": 0}),
        (reshaped_at_once, "RESHAPE", {"RESHAPE": 1, "CAST": 1}),
        (flattened, "FULLY_CONNECTED", {"FULLY_CONNECTED": 1, "RESHAPE": 1, "CAST": 0}),
    ],
)
def test_no_copy_crosses_and_the_numbers_stay(
    made: Made, crosses: str, codes: dict[str, int]
) -> None:
    """Only what crosses is rewritten; then nothing crosses, and every kernel gives the same."""
    model = model_of(made)
    before = write_model(model)
    assert [op.code for op in crossing(model)] == [crosses] * bool(crosses)
    assert fence_copies(model) == bool(crosses)
    assert not crossing(model)
    found = [op.code for op in model.ops()]
    assert {code: found.count(code) for code in codes} == codes
    assert not fence_copies(model)
    random = np.random.default_rng(0)
    for kernels in KERNELS:
        old, new = Runner(before, "no_delegate"), Runner(write_model(model), kernels)
        for batch, steps in SIZES:
            shapes = {"x": (batch, steps, 4), "z": (batch, steps, 2)}
            given = {n: random.normal(size=s).astype(np.float32) for n, s in shapes.items()}
            expected = old.run(given)
            for name, array in new.run(given).items():
                np.testing.assert_allclose(array, expected[name], atol=1e-5)


def test_integers_are_fenced_as_well() -> None:
    """A quantized copy that crosses gets a CAST from int8 to int8."""
    scale = Quantization((0.05,), (3,))
    x, z = (Tensor(n, "INT8", (OPEN, 4), quantization=scale) for n in "xz")
    build = Builder("made")
    both, y = (Tensor(n, "INT8", (OPEN, 8), quantization=scale) for n in ("both", "y"))
    build.ops.append(make_op("CONCATENATION", [x, z], [both], axis=1))
    build.ops.append(make_op("ADD", [both, both], [y]))
    y.quantization = Quantization((0.1,), (3,))
    turned = build.reverse(y, 0)
    turned.quantization = y.quantization
    twice = Tensor("twice", "INT8", (OPEN, 8), quantization=Quantization((0.2,), (3,)))
    build.ops.append(make_op("ADD", [turned, turned], [twice]))
    model = Model([Subgraph("main", [x, z], [twice], build.ops)])
    before = write_model(model)
    assert crossing(model)
    assert fence_copies(model)
    assert not crossing(model)
    given = {n: np.arange(k, k + 12, dtype=np.int8).reshape(3, 4) for k, n in ((-5, "x"), (9, "z"))}
    expected = Runner(before, "no_delegate").run(given)["twice"]
    result = Runner(write_model(model), "default").run(given)["twice"]
    np.testing.assert_array_equal(result, expected)


def test_a_model_with_one_part_is_left_alone() -> None:
    """Nothing else could make its workspace grow, so a copy into it stays."""
    x = Tensor("x", "FLOAT32", (OPEN, 4))
    build = Builder("made")
    y = dense(build, build.concatenate([x, x], 1), 5)
    model = Model([Subgraph("main", [x], [y], build.ops)])
    assert not fence_copies(model)
    assert not crossing(model)


def test_a_step_of_a_loop_has_no_copy_across_a_border() -> None:
    """What a loop's body multiplies is read where it stands, and splits stay with the delegate."""
    model = Case((random_lstm(np.random.default_rng(1), 3, 8),), outputs="y").model()
    lower(model, "loop")
    fence_copies(model)
    assert not crossing(model)
    step = model.subgraphs[-1]
    parts = [op.code for part in delegated_parts(step) for op in part.ops]
    assert "FULLY_CONNECTED" in parts
    assert "SPLIT" in parts
    assert "CAST" not in [op.code for op in step.ops]


def test_many_interpreters_agree() -> None:
    """Loops behind a CONCATENATION give one result, in each call of each interpreter."""
    model = _sized_late()
    fence_copies(model)
    assert _wrong(model, interpreters=200) == 0


@pytest.mark.slow
def test_without_fences_some_interpreters_are_wrong() -> None:
    """The fault is real: the same model without fences is wrong in some interpreters."""
    assert _wrong(_sized_late(), interpreters=1000) > 0


def _wrong(model: Model, interpreters: int) -> int:
    """How many interpreters differ from the kernels without a delegate, in three calls each."""
    content, random = write_model(model), np.random.default_rng(0)
    expected, wrong = Runner(content, "no_delegate"), 0
    for _ in range(interpreters):
        heap = [np.ones(int(n)) for n in random.integers(1, 30_000, 10)]
        del heap[::2]
        runner, apart = Runner(content, "default"), 0.0
        for _ in range(3):
            widths = {"x": 4, "z": 2}
            given = {n: random.normal(size=(1, 1, w)).astype(np.float32) for n, w in widths.items()}
            results, right = runner.run(given), expected.run(given)
            apart = max([apart, *(np.abs(a - right[n]).max() for n, a in results.items())])
        wrong += apart > 1e-3
    return wrong


def _sized_late() -> Model:
    """Two loops over x and z joined, with parts behind them that are planned when it runs.

    Each RESHAPE to a scalar has an operand for the shape, as converters write it.
    """
    random = np.random.default_rng(1)
    x, z = (Tensor(n, "FLOAT32", (OPEN, OPEN, w)) for n, w in (("x", 4), ("z", 2)))
    build = Builder("made")
    y = build.concatenate([x, z], 2)
    for features, units in ((6, 24), (24, 8)):
        layer = Case((random_lstm(random, features, units),), outputs="y").model().main
        for op in layer.ops:
            op.inputs = [y if t is layer.inputs[0] else t for t in op.inputs]
        build.ops += layer.ops
        whole = map(build.indices, ([0] * 3, [-1] * 3))
        y = build.op("SLICE", [layer.outputs[0], *whole], "FLOAT32", (OPEN, OPEN, units))
    y = dense(build, y, 32)
    model = Model([Subgraph("main", [x, z], [y], build.ops)])
    lower(model, "loop")
    for op in model.ops():
        if op.code == "RESHAPE" and len(op.inputs) == 1:
            op.inputs.append(build.indices([]))
    return model


def test_a_variable_itself_is_not_fenced() -> None:
    """What a call reads of a variable may be; its handle is no tensor that a CAST takes."""
    x, before = Tensor("x", "FLOAT32", (1, 4)), Tensor("before", "FLOAT32", (1, 5))
    build = Builder("made")
    after = build.unary("TANH", dense(build, build.concatenate([x, before], 1), 5))
    y = build.unary("NEG", build.reverse(after, 0))
    model = Model([Subgraph("main", [x], [y], build.ops)])
    ensure_signature(model)
    state = State("state", np.full((1, 5), 0.5, np.float32))
    add(model, state, before, after)
    keep(model, [state])
    old = Runner(write_model(model), "no_delegate")
    assert fence_copies(model)
    fenced = [op.inputs[0] for op in model.ops() if op.code == "CAST"]
    assert fenced
    assert all(tensor is not None and tensor.dtype == "FLOAT32" for tensor in fenced)
    given = {"x": np.ones((1, 4), np.float32)}
    new = Runner(write_model(model), "default")
    for _ in range(2):
        np.testing.assert_allclose(
            next(iter(new.run(given).values())), next(iter(old.run(given).values())), atol=1e-6
        )
