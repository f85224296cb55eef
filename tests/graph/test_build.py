"""New ops."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from rnnlite_pipeline.graph.build import Builder, broadcast, make_op, options_type, version_of
from rnnlite_pipeline.graph.ir import OPEN, Model, Subgraph, Tensor
from rnnlite_pipeline.graph.write import write_model
from rnnlite_pipeline.runtimes.interpreter import Kernels, Runner

X = np.arange(24, dtype=np.float32).reshape(2, 3, 4)


@pytest.mark.parametrize(
    ("code", "table"),
    [
        ("WHILE", "WhileOptions"),
        ("FULLY_CONNECTED", "FullyConnectedOptions"),
        ("BATCH_MATMUL", "BatchMatMulOptions"),
        ("MAXIMUM", "MaximumMinimumOptions"),
        ("L2_NORMALIZATION", "L2NormOptions"),
        ("UNIDIRECTIONAL_SEQUENCE_LSTM", "UnidirectionalSequenceLSTMOptions"),
        ("BIDIRECTIONAL_SEQUENCE_RNN", "BidirectionalSequenceRNNOptions"),
        ("UNIDIRECTIONAL_SEQUENCE_RNN", "SequenceRNNOptions"),
        ("DYNAMIC_UPDATE_SLICE", "DynamicUpdateSliceOptions"),
        ("TANH", None),
        ("LOGISTIC", None),
    ],
)
def test_options_type(code: str, table: str | None) -> None:
    """The options table follows from the op's code."""
    assert options_type(code) == table


def test_options_have_the_schemas_defaults() -> None:
    """What is not given has its default; what the table has not is refused."""
    x = Tensor("x", "FLOAT32", (2,))
    op = make_op("ADD", [x, x], [x])
    assert op.options["fused_activation_function"] == "NONE"
    with pytest.raises(ValueError, match="no option axis"):
        make_op("ADD", [x, x], [x], axis=1)
    with pytest.raises(ValueError, match="not a builtin"):
        make_op("ADDD", [x, x], [x])


def test_versions() -> None:
    """The version is the lowest that takes the dtype; BROADCAST_TO never had a version 1."""
    assert version_of("FULLY_CONNECTED", "FLOAT32") == 1
    assert version_of("BROADCAST_TO", "FLOAT32") == 2
    assert version_of("REVERSE_V2", "BOOL") == 2


def test_broadcast() -> None:
    """Closed sizes win over open ones, and an open one may be anything against 1."""
    assert broadcast((2, 1), (3,)) == (2, 3)
    assert broadcast((OPEN, 4), (4,)) == (OPEN, 4)
    assert broadcast((OPEN, 1), (5, OPEN)) == (5, OPEN)
    assert broadcast(None, (1,)) is None


Make = Callable[[Builder, Tensor], Tensor]

CASES: dict[str, tuple[Make, NDArray[Any]]] = {
    "unary": (lambda b, x: b.unary("NEG", x), -X),
    "binary": (
        lambda b, x: b.binary("MUL", x, b.constant("two", np.array([2], np.float32))),
        X * 2,
    ),
    "less": (
        lambda b, x: b.binary("LESS", x, b.constant("five", np.array([5], np.float32))),
        X < 5,
    ),
    "shape": (lambda b, x: b.shape(x), np.array(X.shape, np.int32)),
    "open dimension": (lambda b, x: b.dimension(x, 1), np.array([3], np.int32)),
    "reshape": (lambda b, x: b.reshape(x, [OPEN, 4]), X.reshape(-1, 4)),
    "dynamic reshape": (
        lambda b, x: b.reshape(x, b.shape(b.transpose(x, [1, 0, 2]))),
        X.reshape(3, 2, 4),
    ),
    "transpose": (lambda b, x: b.transpose(x, [1, 2, 0]), X.transpose(1, 2, 0)),
    "reverse": (lambda b, x: b.reverse(x, 1), X[:, ::-1]),
    "expand_dims": (lambda b, x: b.expand_dims(x, 1), X[:, None]),
    "concatenate": (lambda b, x: b.concatenate([x, x], 2), np.concatenate([X, X], 2)),
    "split": (lambda b, x: b.split(x, 2, 2)[1], X[..., 2:]),
    "gather": (lambda b, x: b.gather(x, b.indices(2), 1), X[:, 2]),
    "fill": (
        lambda b, x: b.fill(b.shape(x), b.constant("one", np.asarray(1, np.int32)), (OPEN,) * 3),
        np.ones_like(X, np.int32),
    ),
    "update": (
        lambda b, x: b.update(x, b.constant("u", -X[:1, :1]), b.indices([1, 2, 0])),
        np.concatenate([X[:1], np.concatenate([X[1:, :2], -X[:1, :1]], 1)]),
    ),
}


@pytest.mark.parametrize("kernels", ["reference", "default"])
@pytest.mark.parametrize("case", CASES)
def test_built_ops_run(case: str, kernels: Kernels) -> None:
    """Each helper's op computes its meaning, in the dtype and shape that were inferred."""
    make, expected = CASES[case]
    x, builder = Tensor("x", "FLOAT32", (OPEN, OPEN, 4)), Builder("b")
    out = make(builder, x)
    model = write_model(Model([Subgraph("main", [x], [out], builder.ops)]))
    (got,) = Runner(model, kernels).run({"x": X}).values()

    assert np.array_equal(got, expected)
    assert got.dtype == expected.dtype
    assert out.shape is not None
    assert len(out.shape) == got.ndim
    assert all(d in (OPEN, n) for d, n in zip(out.shape, got.shape, strict=True))
