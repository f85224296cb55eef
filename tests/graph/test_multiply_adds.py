"""Multiply-adds against numbers worked out by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from rnnlite_pipeline.graph.build import make_op
from rnnlite_pipeline.graph.ir import Model, Op, Subgraph, Tensor
from rnnlite_pipeline.graph.multiply_adds import multiply_adds

Shape = tuple[int, ...]


def value(*shape: int) -> Tensor:
    """A computed tensor."""
    return Tensor("value", "FLOAT32", shape)


def weights(*shape: int) -> Tensor:
    """A constant."""
    return Tensor.constant("weights", np.zeros(shape, np.float32))


def counted(*ops: Op) -> tuple[int, int]:
    """(fixed, per step) of a graph of these ops."""
    result = multiply_adds(Model([Subgraph("main", [], [], list(ops))]))
    return result["fixed"], result["per_step"]


def dense(*out: int, features: int = 3) -> Op:
    """A FULLY_CONNECTED with a bias."""
    units = out[-1]
    operands = [value(*out[:-1], features), weights(units, features), weights(units)]
    return make_op("FULLY_CONNECTED", operands, [value(*out)])


@pytest.mark.parametrize(
    ("out", "expected"),
    [
        pytest.param((-1, 4), (3 * 4, 0), id="a call"),
        pytest.param((-1, 5, 4), (5 * 3 * 4, 0), id="five steps"),
        pytest.param((-1, -1, 4), (0, 3 * 4), id="open length"),
        pytest.param((-1, -1, 7, 4), (0, 7 * 3 * 4), id="open length, seven places"),
    ],
)
def test_dense(out: Shape, expected: tuple[int, int]) -> None:
    """A dense layer multiplies its kernel at each place; the bias adds nothing."""
    assert counted(dense(*out)) == expected


def test_batch_matmul() -> None:
    """A product with a constant matrix counts the matrix."""
    product = make_op("BATCH_MATMUL", [value(-1, 3), weights(3, 4)], [value(-1, 4)])
    assert counted(product) == (12, 0)


def test_convolutions() -> None:
    """A convolution multiplies its kernel at each place of its output, a depthwise one its own."""
    conv = make_op("CONV_2D", [value(-1, 8, 8, 3), weights(16, 3, 3, 3)], [value(-1, 6, 6, 16)])
    depthwise = make_op(
        "DEPTHWISE_CONV_2D", [value(-1, 6, 6, 16), weights(1, 3, 3, 16)], [value(-1, 4, 4, 16)]
    )
    assert counted(conv) == (6 * 6 * 16 * 3 * 3 * 3, 0)
    assert counted(depthwise) == (4 * 4 * 3 * 3 * 16, 0)
    assert counted(conv, depthwise) == (6 * 6 * 432 + 16 * 144, 0)


def recurrent(code: str, x: Shape, *shapes: Shape, time_major: bool = False) -> Op:
    """A fused op with these weights; its states are computed."""
    operands = [value(*x), *(weights(*s) for s in shapes), value(-1, 5)]
    return make_op(code, operands, [value(*x[:-1], 5)], time_major=time_major)


LSTM = [*[(5, 3)] * 4, *[(5, 5)] * 4, *[(5,)] * 4]


@pytest.mark.parametrize(
    ("x", "time_major", "expected"),
    [
        pytest.param((-1, 7, 3), False, (7 * 160, 0), id="seven steps"),
        pytest.param((-1, -1, 3), False, (0, 160), id="open"),
        pytest.param((7, -1, 3), True, (7 * 160, 0), id="seven steps, time-major"),
        pytest.param((-1, 1, 3), True, (0, 160), id="open, time-major"),
    ],
)
def test_lstm(x: Shape, time_major: bool, expected: tuple[int, int]) -> None:
    """An LSTM multiplies four kernels and four recurrent kernels in each step."""
    op = recurrent("UNIDIRECTIONAL_SEQUENCE_LSTM", x, *LSTM, time_major=time_major)
    assert counted(op) == expected


@pytest.mark.parametrize(
    ("code", "shapes", "expected"),
    [
        ("UNIDIRECTIONAL_SEQUENCE_RNN", [(5, 3), (5, 5), (5,)], 15 + 25),
        ("BIDIRECTIONAL_SEQUENCE_RNN", [(5, 3), (5, 5), (5,)] * 2, 2 * (15 + 25)),
        ("BIDIRECTIONAL_SEQUENCE_LSTM", LSTM * 2, 2 * 160),
        (
            "UNIDIRECTIONAL_SEQUENCE_LSTM",
            [*[(5, 3)] * 4, *[(5, 2)] * 4, *[(5,)] * 7, (2, 5)],
            4 * 15 + 4 * 10 + 10,
        ),
    ],
    ids=["rnn", "bidirectional rnn", "bidirectional lstm", "peepholes and projection"],
)
def test_recurrences(code: str, shapes: list[Shape], expected: int) -> None:
    """Every recurrent op multiplies its matrices once a step, and no vector."""
    assert counted(recurrent(code, (-1, -1, 3), *shapes)) == (0, expected)


def test_loop() -> None:
    """What a loop's body multiplies counts once a turn, a loop inside it likewise."""

    def loop(*body: Op) -> Op:
        graphs: dict[str, Any] = {
            "cond_subgraph": Subgraph("cond", [], [], [dense(-1, 100)]),
            "body_subgraph": Subgraph("body", [], [], list(body)),
        }
        return make_op("WHILE", [], [], **graphs)

    assert counted(dense(-1, 2), loop(dense(-1, 4), loop(dense(-1, 5)))) == (6, 12 + 15)


def test_other_ops() -> None:
    """Ops without a matrix count nothing."""
    assert counted(make_op("ADD", [value(-1, 3), weights(3)], [value(-1, 3)])) == (0, 0)
