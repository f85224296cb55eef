"""Weights that went round the converter become what it makes of constants."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from rnnlite_pipeline.graph.build import Builder, make_op
from rnnlite_pipeline.graph.extract import extract
from rnnlite_pipeline.graph.ir import OPEN, Model, Op, Subgraph, Tensor
from rnnlite_pipeline.graph.write import write_model
from rnnlite_pipeline.runtimes.interpreter import Runner
from rnnlite_pipeline.sources.attached import attach

Array = np.ndarray[Any, Any]
Made = Callable[[Builder, Tensor, Tensor], Tensor]

RANDOM = np.random.default_rng(0)
W = RANDOM.normal(size=(3, 4)).astype(np.float32)
X = RANDOM.normal(size=(2, 3)).astype(np.float32)


def attached(make: Made, x: Array = X, w: Array = W, rank: bool = True) -> Model:
    """The model of x and w with w attached, which gives the same as before.

    Args:
        make: y of both.
        x: The input.
        w: The weight.
        rank: Whether the rank of x is known.
    """
    build = Builder("m")
    given = Tensor("x", "FLOAT32", (OPEN, *x.shape[1:]) if rank else None)
    weight = Tensor("w", "FLOAT32", w.shape)
    y = make(build, given, weight)
    model = extract({"x": given, "w": weight}, {"y": y}, build.ops)
    wanted = None
    if rank:
        wanted = Runner(write_model(model), "reference").run({"x": x, "w": w})["y"]
    weights = [w]
    attach(model, weights)
    assert weights == []
    assert model.main.inputs == [given]
    model.signatures[0].inputs = {"x": given}
    if wanted is not None:
        found = Runner(write_model(model), "reference").run({"x": x})["y"]
        np.testing.assert_allclose(found, wanted, atol=1e-6)
    return model


def codes(model: Model) -> list[str]:
    """The ops of every graph."""
    return [op.code for op in model.ops()]


def product(build: Builder, x: Tensor, w: Tensor, **options: Any) -> Tensor:
    """x times w."""
    turned = options.get("adj_y", False)
    units = (w.shape or ())[0 if turned else -1]
    shape = (*(x.shape or ())[:-1], units)
    return build.op("BATCH_MATMUL", [x, w], "FLOAT32", shape, **options)


def test_a_product() -> None:
    """It is a FULLY_CONNECTED with the transposed matrix, and w is in the file once."""
    model = attached(product)
    assert codes(model) == ["FULLY_CONNECTED"]
    (op,) = model.main.ops
    assert op.inputs[1] is not None
    np.testing.assert_array_equal(op.inputs[1].array, W.T)
    assert write_model(model).count(W.T.tobytes()) == 1
    assert write_model(model).count(W.tobytes()) == 0


def test_a_product_with_the_transposed_matrix() -> None:
    """The matrix stands as it is, [outputs, inputs]."""
    model = attached(lambda build, x, w: product(build, x, w, adj_y=True), w=W.T.copy())
    assert codes(model) == ["FULLY_CONNECTED"]
    assert write_model(model).count(W.T.tobytes()) == 1


def test_a_transpose() -> None:
    """Of both axes, it is made once and for all; of none, it is no transpose."""
    turned = attached(lambda build, _, w: build.transpose(w, [1, 0]))
    assert codes(turned) == []
    same = attached(lambda build, _, w: build.transpose(w, [0, 1]))
    assert codes(same) == ["TRANSPOSE"]


def test_what_else_reads_it() -> None:
    """A sum, rows of it, and a product with itself read the constant as it is."""

    def make(build: Builder, x: Tensor, w: Tensor) -> Tensor:
        rows = build.gather(w, build.indices([0, 2]))
        square = build.op("BATCH_MATMUL", [w, w], "FLOAT32", (4, 4), adj_x=True)
        part = build.binary("ADD", rows, build.part(square, 0, 0, 2))
        return build.binary("ADD", product(build, x, w), part)

    model = attached(make)
    assert sorted(codes(model)) == [
        "ADD", "ADD", "BATCH_MATMUL", "FULLY_CONNECTED", "GATHER", "STRIDED_SLICE"
    ]  # fmt: skip


def test_weights_on_the_left_and_stacks_of_them() -> None:
    """They are no layer: the product stays."""

    def left(build: Builder, x: Tensor, w: Tensor) -> Tensor:
        return build.op("BATCH_MATMUL", [w, x], "FLOAT32", (4, 3))

    assert codes(attached(left, w=W.T[:, :2].copy())) == ["BATCH_MATMUL"]
    stack = RANDOM.normal(size=(2, 3, 4)).astype(np.float32)
    x = RANDOM.normal(size=(2, 5, 3)).astype(np.float32)
    assert codes(attached(product, x, stack)) == ["BATCH_MATMUL"]


def test_axes_before_the_last_are_kept() -> None:
    """A product over a sequence gives a sequence; so it does where the rank is not known."""
    x = RANDOM.normal(size=(2, 5, 3)).astype(np.float32)
    (op,) = attached(product, x).main.ops
    assert op.options["keep_num_dims"] is True
    (op,) = attached(product, x, rank=False).main.ops
    assert op.options["keep_num_dims"] is True
    (op,) = attached(product).main.ops
    assert op.options["keep_num_dims"] is False


def biased(shape: tuple[int, ...], activation: str = "NONE", *, twice: bool = False) -> Made:
    """A product and a constant of this shape, with what follows the sum."""

    def make(build: Builder, x: Tensor, w: Tensor) -> Tensor:
        y = product(build, x, w)
        bias = build.constant("b", np.full(shape, 0.5, np.float32))
        total = build.binary("ADD", bias, y)
        build.ops[-1].options["fused_activation_function"] = activation
        return build.binary("MUL", total, y) if twice else total

    return make


def test_a_bias() -> None:
    """A vector that alone is added is the product's bias, with the activation of the sum."""
    model = attached(biased((4,), "RELU"))
    (op,) = model.main.ops
    assert op.inputs[2] is not None
    assert op.options["fused_activation_function"] == "RELU"


@pytest.mark.parametrize(
    "make", [biased((1,)), biased((2, 4)), biased((1, 4)), biased((4,), twice=True)]
)
def test_what_is_no_bias(make: Made) -> None:
    """Another shape, or a product that is read without the sum: the sum stays."""
    assert "ADD" in codes(attached(make))


def test_a_product_doubled() -> None:
    """A sum of the product with itself has no bias."""

    def make(build: Builder, x: Tensor, w: Tensor) -> Tensor:
        y = product(build, x, w)
        return build.binary("ADD", y, y)

    assert codes(attached(make)) == ["FULLY_CONNECTED", "ADD"]


def looped(change: bool) -> Made:
    """y = relu(y times w), three times, in a loop that hands w on, or changes it."""

    def make(build: Builder, x: Tensor, w: Tensor) -> Tensor:
        cond, body = Builder("cond"), Builder("body")
        kinds = (("k", "INT32", ()), ("y", "FLOAT32", x.shape), ("w", "FLOAT32", w.shape))
        tested = [Tensor(*kind) for kind in kinds]
        count, y, own = (Tensor(*kind) for kind in kinds)
        less = cond.binary("LESS", tested[0], cond.indices(3))
        more = body.binary("ADD", count, body.indices(1))
        new = body.unary("RELU", product(body, y, own))
        after = body.unary("NEG", own) if change else own
        graphs = {
            "cond_subgraph": Subgraph("cond", tested, [less], cond.ops),
            "body_subgraph": Subgraph("body", [count, y, own], [more, new, after], body.ops),
        }
        zero = build.indices(0)
        outs = [Tensor(*kind) for kind in kinds]
        build.ops.append(make_op("WHILE", [zero, x, w], outs, **graphs))
        return build.binary("ADD", outs[1], product(build, outs[1], outs[2]))

    return make


SQUARE = W[:, :3].copy()


def test_a_loop_that_hands_it_on() -> None:
    """It is a constant of the body, no operand of the loop, and the same behind the loop."""
    model = attached(looped(False), w=SQUARE)
    (loop,) = [op for op in model.main.ops if op.code == "WHILE"]
    assert len(loop.inputs) == len(loop.outputs) == 2
    assert codes(model).count("FULLY_CONNECTED") == 2
    for name in ("cond_subgraph", "body_subgraph"):
        assert len(loop.options[name].inputs) == 2


def test_a_loop_that_changes_it() -> None:
    """It is where the loop starts from."""
    model = attached(looped(True), w=SQUARE)
    (loop,) = [op for op in model.main.ops if op.code == "WHILE"]
    assert len(loop.inputs) == 3
    assert loop.inputs[2] is not None
    np.testing.assert_array_equal(loop.inputs[2].array, SQUARE)


def test_several_weights_in_order() -> None:
    """Each of the last inputs gets its own; one that nothing reads leaves no trace."""
    names = ("x", "a", "b", "c")
    x, a, b, c = (Tensor(n, "FLOAT32", (2,)) for n in names)
    y = Tensor("y", "FLOAT32", (2,))
    op = Op("SUB", [a, b], [y], {"fused_activation_function": "NONE"}, "SubOptions")
    model = Model([Subgraph("main", [x, a, b, c], [y], [op], [x, a, b, c, y])])
    attach(
        model,
        [np.array([1, 2], np.float32), np.array([3, 4], np.float32), np.array([5, 6], np.float32)],
    )
    assert model.main.inputs == [x]
    np.testing.assert_array_equal(a.array, [1, 2])
    np.testing.assert_array_equal(b.array, [3, 4])
    assert c not in model.main.tensors


def test_an_output_of_the_model() -> None:
    """A weight that is put out is a constant."""
    x, a = (Tensor(n, "FLOAT32", (2,)) for n in "xa")
    model = Model([Subgraph("main", [x, a], [a])])
    attach(model, [np.array([1, 2], np.float32)])
    np.testing.assert_array_equal(model.main.outputs[0].array, [1, 2])
