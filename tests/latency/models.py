"""Models to cut into parts: each with a way of its own to hold together."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from rnnlite_pipeline.graph.build import Builder
from rnnlite_pipeline.graph.ir import Model, Signature, Subgraph, Tensor
from rnnlite_pipeline.graph.variables import State, add, keep
from rnnlite_pipeline.lower import lower
from tests.lower.cases import Case, random_lstm, random_rnn
from tests.quantize.author import model_of, quantized

RNG = np.random.default_rng(0)
LSTM = random_lstm(RNG, 3, 4)


def dense(widths: list[int]) -> Model:
    """A row of dense layers, a TANH first."""
    build = Builder("dense")
    x = Tensor("x", "FLOAT32", (1, widths[0]))
    y = build.unary("TANH", x)
    for before, after in pairwise(widths):
        kernel = RNG.normal(0, before**-0.5, (after, before)).astype(np.float32)
        operands = [y, build.constant("kernel", kernel), None]
        y = build.op("FULLY_CONNECTED", operands, "FLOAT32", (1, after))
    main = Subgraph("main", [x], [y], build.ops)
    return Model([main], [Signature("serving_default", main, {"x": x}, {"y": y})])


def looped() -> Model:
    """A recurrence as a loop, its batch and its steps open."""
    model = Case((LSTM,), time_major=False).model()
    lower(model, "loop")
    named = {tensor.name: tensor for tensor in model.main.outputs}
    model.signatures = [Signature("main", model.main, {"x": model.main.inputs[0]}, named)]
    return model


def kept() -> Model:
    """A sum that the runtime keeps from call to call."""
    build, before = Builder("sum"), Tensor("before", "FLOAT32", (1, 2))
    x = Tensor("x", "FLOAT32", (1, 2))
    y = build.unary("TANH", build.op("ADD", [before, x], "FLOAT32", (1, 2)))
    main = Subgraph("main", [x], [y], build.ops)
    model = Model([main], [Signature("serving_default", main, {"x": x}, {"y": y})])
    state = State("sum", np.full((1, 2), 0.5, np.float32))
    add(model, state, before, y)
    keep(model, [state])
    return model


MODELS = {
    "LSTM": lambda: model_of(Case((LSTM,)), classes=5),
    "final states": lambda: model_of(Case((LSTM,), outputs="finals", initial=("row", "input"))),
    "two directions": lambda: model_of(Case((LSTM, LSTM), outputs="finals")),
    "RNN": lambda: model_of(Case((random_rnn(RNG, 3, 4),), reverse=True, time_major=False)),
    "float16": lambda: quantized(model_of(Case((LSTM,)), 400), "float16")[0],
    "int8": lambda: quantized(model_of(Case((LSTM,)), 5), "int8")[0],
    "loop": looped,
    "variable": kept,
}
