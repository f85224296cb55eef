"""Which ops are computed in integers: each reason that one is not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from rnnlite_pipeline.graph.build import Builder, make_op
from rnnlite_pipeline.graph.extract import with_called
from rnnlite_pipeline.graph.ir import Model, Signature, Subgraph, Tensor
from rnnlite_pipeline.quantize.full_integer import rewrite
from rnnlite_pipeline.quantize.ranges import Ranges, measure
from rnnlite_pipeline.quantize.skip import SKIPPED, Skip
from tests.lower.cases import Case, random_lstm
from tests.quantize.author import model_of
from tests.quantize.single import graph, number, weight, whole

X = (2, 6, 8)

Write = Callable[[Builder, Tensor], Tensor]


def _graph(write: Write) -> Model:
    """What is written of x [2, 6, 8], and a product of x beside it: a model of integers."""
    build, x = Builder("g"), Tensor("x", "FLOAT32", X)
    y = write(build, x)
    beside = [x, weight(8, 8), None]
    z = build.op("FULLY_CONNECTED", beside, "FLOAT32", X, "z", keep_num_dims=True)
    y.name = "y"
    return graph([x], [y, z], build.ops)


def _reasons(
    model: Model, feeds: list[Any] | None = None, skip: Skip | None = None
) -> dict[str, str]:
    """Of each op that stays float, why."""
    rng = np.random.default_rng(0)
    given = feeds or [rng.normal(size=X) for _ in range(3)]
    name = next(iter(model.signatures[0].inputs))
    ranges = measure(model, ({name: np.asarray(x, np.float32)} for x in given))
    outcomes = rewrite(model, "int8", ranges, skip or Skip())
    return {o.op: o.reason for o in outcomes if o.became == "float32" or o.reason}


def _wild(scale: float) -> list[Any]:
    """The first four columns are so much larger."""
    rng = np.random.default_rng(0)
    return [rng.normal(size=X) * ([scale] * 4 + [1.0] * 4) for _ in range(3)]


def test_an_op_between_floats_stays_float() -> None:
    """What follows an op without an integer form is not made of integers again."""
    model = _graph(lambda build, x: build.unary("NEG", build.unary("EXP", x)))
    assert _reasons(model) == {"EXP": "it has no integer form", "NEG": "it has no integer form"}
    model = _graph(lambda build, x: build.unary("TANH", build.unary("EXP", x)))
    assert _reasons(model)["TANH"] == "it stands between float ops"


def test_an_op_of_an_input_or_a_table_is_computed_in_integers() -> None:
    """TANH of x is; so is what looks rows of a constant up."""
    assert _reasons(_graph(lambda build, x: build.unary("TANH", x))) == {}
    rows = whole([0, 2, 5], "rows")
    assert _reasons(_graph(lambda build, _: build.gather(weight(9, 8), rows))) == {}


def test_a_skipped_op_comes_before_every_other_reason() -> None:
    """Its form does not matter then."""
    model = _graph(lambda build, x: build.unary("EXP", x))
    assert _reasons(model, skip=Skip(["y"])) == {"EXP": SKIPPED}


def test_an_activation_that_no_kernel_clamps() -> None:
    """A TANH fused into a product has no integer form."""
    model = _graph(lambda build, x: build.binary("ADD", x, x))
    model.main.ops[0].options["fused_activation_function"] = "TANH"
    seen = [t for op in model.main.ops for t in op.outputs]
    ranges = Ranges(dict.fromkeys([*model.main.inputs, *seen], (-1.0, 1.0)))
    first, second = rewrite(model, "int8", ranges, Skip())
    assert (first.op, first.reason) == ("ADD", "its activation has no integer form")
    assert second.became == "int8"


def test_weights_that_are_computed() -> None:
    """A product of two computed values has no integer form here."""

    def write(build: Builder, x: Tensor) -> Tensor:
        first = build.reshape(x, (12, 8))
        return build.op("FULLY_CONNECTED", [first, first, None], "FLOAT32", (12, 12))

    assert _reasons(_graph(write))["FULLY_CONNECTED"] == "its weights are computed"


def test_what_float_ops_alone_read_is_not_rounded() -> None:
    """A comparison of a part of x is of x itself; if the part is returned too, it is integers."""

    def write(build: Builder, x: Tensor) -> Tensor:
        part = build.reshape(x, (12, 8))
        return build.op("CAST", [build.binary("GREATER", part, number(0.0))], "FLOAT32", (12, 8))

    assert _reasons(_graph(write))["RESHAPE"] == "only float ops read it"
    model = _graph(write)
    part = next(op.outputs[0] for op in model.main.ops if op.code == "RESHAPE")
    model.main.outputs.append(part)
    model.signatures[0].outputs["part"] = part
    assert "RESHAPE" not in _reasons(model)


@pytest.mark.parametrize(("scale", "float_"), [(3.0, False), (400.0, True)])
def test_a_part_with_a_much_smaller_range(scale: float, float_: bool) -> None:
    """Its own columns of x, read before x is rounded in the scale of the others."""

    def write(build: Builder, x: Tensor) -> Tensor:
        return build.part(x, 2, 4, 8)

    said = _reasons(_graph(write), _wild(scale)).get("STRIDED_SLICE", "")
    assert said == ("its range is less than 1/4 of what it is a part of" if float_ else "")


@pytest.mark.parametrize("code", ["SELECT_V2", "MINIMUM", "RELU6"])
def test_what_clips_or_chooses_is_a_part(code: str) -> None:
    """Of x that reaches from 0 to 400 the rest is near 1."""
    even = Tensor.constant("small", np.arange(8) > 3)

    def write(build: Builder, x: Tensor) -> Tensor:
        if code == "SELECT_V2":
            return build.op(code, [even, x, number(0.5)], "FLOAT32", X)
        return build.unary(code, x) if code == "RELU6" else build.binary(code, x, number(1.0))

    feeds = [np.abs(x) for x in _wild(400.0)]
    assert "less than 1/4" in _reasons(_graph(write), feeds)[code]


def test_one_end_that_is_clipped_off_is_no_part_for_another_reader() -> None:
    """Of a value that is clipped at its other end by one reader, another one reads the rest."""

    def write(build: Builder, x: Tensor) -> Tensor:
        upper = build.binary("MINIMUM", x, number(1.0))
        lower = build.binary("MAXIMUM", upper, number(-1.0))
        return build.binary("ADD", lower, upper)

    assert "MINIMUM" not in _reasons(_graph(write), _wild(400.0))


@pytest.mark.parametrize("value", [np.inf, np.nan])
def test_values_that_are_not_finite(value: float) -> None:
    """A constant, and what is computed of it; the product beside it is in integers."""
    mask = Tensor.constant("mask", np.arange(8) > 3)

    def write(build: Builder, x: Tensor) -> Tensor:
        masked = build.op("SELECT_V2", [mask, x, number(value)], "FLOAT32", X)
        return build.op("SOFTMAX", [masked], "FLOAT32", X, beta=1.0)

    reasons = _reasons(_graph(write))
    assert reasons.pop("SELECT_V2") == "its values are not finite"
    if value == np.inf:
        reasons.pop("SOFTMAX")
    assert set(reasons) <= {"SOFTMAX"}


def test_an_output_that_is_not_finite_is_no_output_in_integers() -> None:
    """A float output may be; its op stays float."""
    model = _graph(lambda build, x: build.binary("ADD", x, number(np.inf)))
    assert _reasons(model) == {"ADD": "its values are not finite"}


def test_a_fill_outside_a_loop_stays_float() -> None:
    """DYNAMIC_UPDATE_SLICE computes in integers only where the whole is in integers already."""

    def write(build: Builder, x: Tensor) -> Tensor:
        whole_ = build.unary("EXP", x)
        return build.update(whole_, build.part(x, 1, 0, 1), build.indices([0, 0, 0]))

    assert _reasons(_graph(write))["DYNAMIC_UPDATE_SLICE"] == "it stands between float ops"


def test_a_fused_lstm_in_a_loop_stays_float() -> None:
    """What it keeps to itself is measured in the main graph alone."""
    closed: dict[str, Any] = {"open_batch": False, "open_steps": False, "batch": 2, "steps": 4}
    cell = random_lstm(np.random.default_rng(0), 5, 5)
    inner = model_of(Case((cell,), outputs="y", **closed))
    body = inner.main
    x, y = body.inputs[0], body.outputs[0]
    build, k = Builder("body"), Tensor("k", "INT32", ())
    body.name, body.inputs = "body", [k, x]
    body.outputs = [build.binary("ADD", k, whole(1)), y]
    body.ops += build.ops
    fed, result = Tensor("x", "FLOAT32", x.shape), Tensor("result", "FLOAT32", x.shape)
    asked, unread = Tensor("k", "INT32", ()), Tensor("unread", "FLOAT32", x.shape)
    less = Tensor("less", "BOOL", ())
    ops = [make_op("LESS", [asked, whole(2)], [less])]
    condition = Subgraph("cond", [asked, unread], [less], ops)
    loop = make_op("WHILE", [whole(0), fed], [Tensor("last", "INT32", ()), result],
                   cond_subgraph=condition, body_subgraph=body)  # fmt: skip
    product = make_op("FULLY_CONNECTED", [y, weight(5, 5), None],
                      [Tensor("product", "FLOAT32", x.shape)], keep_num_dims=True)  # fmt: skip
    body.ops.append(product)
    body.outputs[1] = product.outputs[0]
    main = Subgraph("main", [fed], [result], [loop])
    model = Model(with_called([main]), [Signature("m", main, {"x": fed}, {"y": result})])
    seen = [t for op in body.ops for t in op.outputs if t.dtype == "FLOAT32"]
    ranges = Ranges(dict.fromkeys([fed, x, result, *seen], (-1.0, 1.0)))
    outcomes = rewrite(model, "int8", ranges, Skip())
    (said,) = (o for o in outcomes if o.op == "UNIDIRECTIONAL_SEQUENCE_LSTM")
    assert (said.became, said.reason) == ("int8 weights", "it stands in a loop")


def test_a_single_number_is_no_table() -> None:
    """An op of two constants is not near the model's inputs."""
    y = Tensor("y", "FLOAT32", ())
    op = make_op("ADD", [number(1.0), number(2.0)], [y])
    model = graph([Tensor("x", "FLOAT32", X)], [y], [op])
    assert _reasons(model) == {"ADD": "it stands between float ops"}
