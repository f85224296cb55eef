"""`dynamic_range`: which ops get int8 weights, and what is said of the others."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from rnnlite_pipeline.graph.build import make_op
from rnnlite_pipeline.graph.ir import Model, Op, Subgraph, Tensor
from rnnlite_pipeline.graph.write import write_model
from rnnlite_pipeline.quantize.dynamic_range import FEWEST, dynamic_range
from rnnlite_pipeline.quantize.outcome import Outcome
from rnnlite_pipeline.quantize.skip import SKIPPED, Skip
from rnnlite_pipeline.runtimes.interpreter import Runner
from tests.quantize.single import Shape, feed, graph, nearness, number, single, weight, whole


def _dense(width: int, kernel: Any = None, bias: Any = None) -> Model:
    """x [2, 8] by a kernel [width, 8]."""
    operands = [(2, 8), weight(width, 8) if kernel is None else kernel, bias]
    return single("FULLY_CONNECTED", operands, [(2, width)])


def _only(model: Model, skip: Skip | None = None) -> Outcome:
    (outcome,) = dynamic_range(model, skip or Skip())
    return outcome


@pytest.mark.parametrize(("count", "became"), [(FEWEST - 8, "float32"), (FEWEST, "int8 weights")])
def test_few_weights_stay_float(count: int, became: str) -> None:
    """One row under the fewest, and exactly so many."""
    outcome = _only(_dense(count // 8))
    assert outcome.became == became
    assert (f"{count} weights; under {FEWEST}" in outcome.reason) == (became == "float32")


@pytest.mark.parametrize(
    ("model", "reason"),
    [
        (lambda: single("ADD", [(2, 9), weight(9)], [(2, 9)]), "takes float operands only"),
        (lambda: _dense(9, (9, 8), weight(9)), "its weights are computed"),
        (lambda: single("GATHER", [(40, 6), weight(2)], [(2, 6)]), "takes float operands only"),
        (
            lambda: single("CONV_3D", [(1, 4, 4, 4, 2), (2, 2, 2, 2, 9), weight(9)],
                           [(1, 4, 4, 4, 9)]),
            "its weights are computed",
        ),
        (lambda: _few_lookups(3), "18 weights; under 64"),
    ],
)  # fmt: skip
def test_what_stays_float_says_why(model: Any, reason: str) -> None:
    """Each op with float constants has one outcome with its reason, and is left as it was."""
    made = model()
    operands = list(made.main.ops[0].inputs)
    outcome = _only(made)
    assert outcome.became == "float32"
    assert reason in outcome.reason
    assert made.main.ops[0].inputs == operands


def _few_lookups(rows: int) -> Model:
    return single("GATHER", [weight(rows, 6), whole([0, 1])], [(2, 6)], axis=0)


def test_an_input_in_integers_is_named() -> None:
    """What was quantized before has no float kernel with int8 weights."""
    model = _dense(9)
    model.main.inputs[0].dtype = "INT8"
    assert _only(model).reason == "its input is INT8"


def test_ops_without_weights_are_not_listed() -> None:
    """Neither an op of two computed values nor one of a single number has an outcome."""
    x, y = (Tensor(n, "FLOAT32", (2, 9)) for n in "xy")
    ops = [make_op("ADD", [x, x], [y]), make_op("MUL", [y, number(2.0)], [x])]
    assert dynamic_range(graph([x], [y], ops), Skip()) == []


def test_a_skipped_layer_keeps_its_weights() -> None:
    """By the name of a constant as well; the reason is the config's."""
    model = _dense(40)
    model.main.ops[0].inputs[1].name = "layer/kernel"  # type: ignore[union-attr]
    outcome = _only(model, Skip(["layer"]))
    assert (outcome.became, outcome.reason) == ("float32", SKIPPED)
    assert model.main.ops[0].inputs[1].dtype == "FLOAT32"  # type: ignore[union-attr]


def test_a_weight_is_stored_once_for_each_kind_of_scale() -> None:
    """Two products of one kernel share its integers; a lookup of it has one scale of its own."""
    kernel, x = weight(20, 8), Tensor("x", "FLOAT32", (2, 8))
    results = [Tensor(f"y{k}", "FLOAT32", shape) for k, shape in enumerate(((2, 20),) * 2)]
    ops = [make_op("FULLY_CONNECTED", [x, kernel, None], [y]) for y in results]
    rows = Tensor("rows", "FLOAT32", (2, 8))
    ops.append(make_op("GATHER", [kernel, whole([1, 3])], [rows], axis=0))
    model = graph([x], [*results, rows], ops)
    assert {o.became for o in dynamic_range(model, Skip())} == {"int8 weights"}
    first, second = (op.inputs[1] for op in model.main.ops[:2])
    third = model.main.ops[2].inputs[0]
    assert first is second
    assert first is not None
    assert third is not None
    assert (len(first.quantization.scale), len(third.quantization.scale)) == (20, 1)  # type: ignore[union-attr]


@pytest.mark.parametrize("asymmetric", [True, False])
def test_the_input_s_rounding_is_the_caller_s(asymmetric: bool) -> None:
    """Where a kernel has the choice, its option says so, and the op version with it."""
    model = single("BATCH_MATMUL", [(2, 5, 8), weight(8, 16)], [(2, 5, 16)])
    (outcome,) = dynamic_range(model, Skip(), asymmetric)
    (op,) = model.main.ops
    assert outcome.became == "int8 weights"
    assert (op.options["asymmetric_quantize_inputs"], op.version) == (
        asymmetric,
        4 if asymmetric else 1,
    )


def test_weights_in_the_body_of_a_loop() -> None:
    """They are in int8 as well, and the outcome names the loop."""
    model = _counting(weight(8, 8, scale=0.2))
    outcome = _only(model)
    assert (outcome.became, outcome.inside) == ("int8 weights", "body")
    assert nearness(_counting(weight(8, 8, scale=0.2)), model) > 30


def _counting(kernel: Tensor) -> Model:
    """Three times x = x @ kernel, in a loop."""

    def ports(tag: str) -> list[Tensor]:
        shapes = (("INT32", ()), ("FLOAT32", (2, 8)))
        return [Tensor(f"{tag}{k}", dtype, shape) for k, (dtype, shape) in enumerate(shapes)]

    inside, after, asked, outside = map(ports, ("in", "after", "asked", "out"))
    body = Subgraph("body", inside, after, [
        make_op("ADD", [inside[0], whole(1)], [after[0]]),
        make_op("FULLY_CONNECTED", [inside[1], kernel, None], [after[1]]),
    ])  # fmt: skip
    less = Tensor("less", "BOOL", ())
    condition = Subgraph("cond", asked, [less], [make_op("LESS", [asked[0], whole(3)], [less])])
    x, start = Tensor("x", "FLOAT32", (2, 8)), whole(0, "start")
    loop = make_op("WHILE", [start, x], outside, cond_subgraph=condition, body_subgraph=body)
    model = graph([x], outside[1:], [loop])
    model.subgraphs += [condition, body]
    return model


@pytest.mark.parametrize("shape", [(2, 2, 6), ()])
def test_rows_looked_up_are_made_float_at_every_rank(shape: Shape) -> None:
    """A single row too: the float tensor is what the GATHER's readers read as before."""
    index = np.zeros(shape[:-1], np.int32) + 3
    model = single("GATHER", [weight(40, 6), whole(index)], [(*index.shape, 6)], axis=0)
    x = Tensor("x", "FLOAT32", (1,))
    model.main.inputs, model.signatures[0].inputs = [x], {"x": x}
    (want,) = Runner(write_model(model)).run(feed(model, 0)).values()
    assert _only(model).became == "int8 weights"
    codes = [op.code for op in model.main.ops]
    assert codes == ["GATHER", "DEQUANTIZE"]
    (found,) = Runner(write_model(model)).run(feed(model, 0)).values()
    np.testing.assert_allclose(found, want, atol=0.01)


def test_a_model_of_constants_alone_is_not_touched() -> None:
    """A custom op with float constants is listed as what takes float operands only."""
    x, y = (Tensor(n, "FLOAT32", (2, 9)) for n in "xy")
    model = graph([x], [y], [Op("Own", [x, weight(9)], [y], custom=True)])
    assert "float operands only" in _only(model).reason
