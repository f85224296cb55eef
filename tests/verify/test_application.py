"""A model as an application runs it: real numbers for integers, and states between calls."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import numpy as np

from rnnlite_pipeline.graph.ir import Model, Quantization, Signature, Subgraph, Tensor
from rnnlite_pipeline.graph.variables import State
from rnnlite_pipeline.state import Description
from rnnlite_pipeline.verify.application import AnyRunner, RealRunner, Started

Array = np.ndarray[Any, Any]


class Counting:
    """Gives its inputs back, a state plus one, and counts how often it was reset."""

    kernels, note, resets = "default", "", 0

    def __init__(self) -> None:
        self.fed: list[dict[str, Array]] = []

    def run(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        """The inputs under other names; the state has grown by one."""
        self.fed.append(dict(inputs))
        named = {name.removesuffix("_in"): array for name, array in inputs.items()}
        return {f"{name}_out": array + (name == "h") for name, array in named.items()}

    def reset(self) -> None:
        """Counted."""
        self.resets += 1


def _model(**quantized: Quantization) -> Model:
    """A signature of x in and x_out, of int8 where a name is quantized."""
    ports = {
        name: Tensor(name, "INT8", (2,), quantization=quantized[name])
        if name in quantized
        else Tensor(name, "FLOAT32", (2,))
        for name in ("x", "x_out")
    }
    main = Subgraph("main", [ports["x"]], [ports["x_out"]])
    signature = Signature("serving", main, {"x": ports["x"]}, {"x_out": ports["x_out"]})
    return Model([main], [signature])


def test_real_numbers_for_integers() -> None:
    """Floats are stored as (real / scale) + zero point, results are read back by their own."""
    inner = Counting()
    model = _model(x=Quantization((0.5,), (3,)), x_out=Quantization((2.0,), (-1,)))
    runner = RealRunner(cast(AnyRunner, inner), model)
    (result,) = runner.run({"x": np.array([1.0, 1000.0], np.float32)}).values()
    assert inner.fed[0]["x"].tolist() == [5, 127]
    assert inner.fed[0]["x"].dtype == np.int8
    assert result.tolist() == [12.0, 256.0]
    plain = RealRunner(cast(AnyRunner, inner), model, plain=True)
    assert plain.run({"x": np.array([5, 6], np.int8)})["x_out"].tolist() == [5, 6]
    assert plain.arena_bytes == 0


def test_explicit_states_are_passed_on() -> None:
    """Each call gets the states that the one before left; `run` starts from the first ones."""
    inner = Counting()
    state = State("h", np.array([[7.0]], np.float32))
    started = Started(inner, Description("explicit", (state,), {"x": 0}))
    x = np.zeros((4, 3, 1), np.float32)
    assert set(started.run({"x": x})) == {"x_out"}
    started.resume({"x": x})
    started.run({"x": x})
    assert [feed["h_in"].tolist() for feed in inner.fed] == [[[7.0]] * 3, [[8.0]] * 3, [[7.0]] * 3]


def test_states_that_the_model_keeps() -> None:
    """Under `persist`, `run` resets the model first and `resume` does not."""
    inner = Counting()
    started = Started(inner, Description("persist"))
    started.run({})
    started.resume({})
    assert inner.resets == 1
