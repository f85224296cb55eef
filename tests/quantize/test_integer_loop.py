"""Which loops are computed in integers, and what becomes of their conditions."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from rnnlite_pipeline.graph.build import Builder, make_op
from rnnlite_pipeline.graph.ir import Model, Op, Quantization, Subgraph, Tensor
from rnnlite_pipeline.quantize.integer_loop import has_weights, retype, why_not
from rnnlite_pipeline.quantize.numbers import SCHEMES
from rnnlite_pipeline.quantize.ranges import Ranges
from rnnlite_pipeline.quantize.scales import Scales
from rnnlite_pipeline.quantize.skip import SKIPPED, Skip
from tests.quantize.single import graph, number, weight, whole


def _product(x: Tensor, name: str = "layer/product", kernel: Tensor | None = None) -> Op:
    kernel = kernel or weight(3, 3)
    return make_op("FULLY_CONNECTED", [x, kernel, None], [Tensor(name, "FLOAT32", (2, 3))])


def _loop(inner: Callable[[Tensor], Op], asked: str = "k") -> tuple[Model, Op]:
    """A loop over a counter and x; its condition compares one of the two."""
    outside = [whole(0, "start"), Tensor("x", "FLOAT32", (2, 3))]
    (k, x), (last, behind) = (
        (Tensor(f"{name}k", "INT32", ()), Tensor(f"{name}x", "FLOAT32", (2, 3)))
        for name in ("in/", "out/")
    )
    op = inner(x)
    build = Builder("body")
    body = Subgraph("body", [k, x], [build.binary("ADD", k, whole(1)), op.outputs[0]])
    body.ops = [*build.ops, op]
    read = [Tensor("k", "INT32", ()), Tensor("v", "FLOAT32", (2, 3))]
    less, pick = Tensor("less", "BOOL", ()), {"k": (0, whole(3)), "x": (1, number(3.0))}
    slot, end = pick[asked]
    condition = Subgraph("cond", read, [less], [make_op("LESS", [read[slot], end], [less])])
    loop = make_op("WHILE", outside, [last, behind], cond_subgraph=condition, body_subgraph=body)
    model = graph(outside[1:], [behind], [loop])
    model.subgraphs += [condition, body]
    return model, loop


def _why(model: Model, op: Op, names: tuple[str, ...] = (), known: bool = True) -> str:
    seen = {t: (-1.0, 1.0) for each in model.ops() for t in each.outputs} if known else {}
    return why_not(model, op, Scales(model, SCHEMES["int8"], Ranges(seen), {}), Skip(names))


def test_a_loop_with_a_product_is() -> None:
    """Nothing speaks against it."""
    assert _why(*_loop(_product)) == ""


def test_a_loop_without_weights_is_not() -> None:
    """What only adds, or multiplies by what is computed, gains nothing."""
    said = "no product in the loop has constant weights"
    assert _why(*_loop(lambda x: make_op("NEG", [x], [Tensor("y", "FLOAT32", (2, 3))]))) == said
    assert _why(*_loop(lambda x: _product(x, kernel=x))) == said


def test_a_layer_to_skip() -> None:
    """By the name of an op of the body."""
    assert _why(*_loop(_product), names=("layer",)) == SKIPPED


def test_a_condition_that_reads_a_number() -> None:
    """It would compare integers of some scale."""
    assert _why(*_loop(_product, "x")) == "its condition reads a real number"


def test_a_loop_that_was_never_run() -> None:
    """Without a range there is no scale; the reason is the data's."""
    assert "never reached" in _why(*_loop(_product), known=False)


def test_a_body_that_another_op_runs() -> None:
    """A second loop of the same body would find integers where it feeds numbers."""
    model, op = _loop(_product)
    model.main.ops.append(Op("WHILE", op.inputs, list(op.outputs), op.options, op.options_type))
    assert _why(model, op) == "another op runs its body as well"


@pytest.mark.parametrize(
    ("operands", "has"),
    [
        ([weight(3, 3), None], True),
        ([weight(3, 3), weight(3)], True),
        ([weight(3, 3), Tensor("b", "FLOAT32", (3,))], False),
        ([Tensor("w", "FLOAT32", (3, 3)), weight(3)], False),
        ([weight(3, 3)], True),
    ],
)
def test_weights_and_bias_are_constants(operands: list[Tensor | None], has: bool) -> None:
    """A bias may be left out; a computed one has no integer form."""
    x = Tensor("x", "FLOAT32", (2, 3))
    assert has_weights(Op("FULLY_CONNECTED", [x, *operands], [])) == has
    assert not has_weights(Op("ADD", [x, weight(3)], []))
    assert not has_weights(Op("BATCH_MATMUL", [x, weight(3, 3)], []))


def test_the_condition_takes_what_the_loop_carries() -> None:
    """Where the dtype has changed it has the operand's, with its scale; else it is left alone."""
    scale = Quantization((0.5,), (0,))
    inputs = [Tensor("k", "INT32", ()), Tensor("x", "FLOAT32", (2,)), Tensor("z", "FLOAT32", (2,))]
    carried = [whole(0), Tensor("x8", "INT8", (2,), quantization=scale), None]
    retype(Subgraph("cond", inputs), carried)
    assert [(t.dtype, t.quantization) for t in inputs] == [
        ("INT32", None),
        ("INT8", scale),
        ("FLOAT32", None),
    ]
