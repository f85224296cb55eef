"""Ops on constants are computed once, by the runtime's own kernels."""

from __future__ import annotations

import numpy as np
import pytest

import rnnlite_pipeline.lower.constants as module
from rnnlite_pipeline.graph.build import make_op
from rnnlite_pipeline.graph.ir import Op, Quantization, Tensor
from rnnlite_pipeline.lower.constants import Constants
from rnnlite_pipeline.runtimes.interpreter import Kernels, Runner


def constant(*values: float) -> Tensor:
    """A row of numbers."""
    return Tensor.constant("c", np.array(values, np.float32))


def add(activation: str = "NONE") -> Op:
    """A sum of two rows; its operands are given later."""
    out = Tensor("sum", "FLOAT32", (2,))
    operands = [Tensor(n, "FLOAT32", (2,)) for n in "ab"]
    return make_op("ADD", operands, [out], fused_activation_function=activation)


def test_the_result_is_the_kernel_s() -> None:
    """Under the op's own output name, from what it is said to read."""
    (found,) = Constants().results(add("RELU"), [constant(1, -3), constant(2, 1)]) or []
    assert found.name == "sum"
    assert found.array is not None
    assert found.array.tolist() == [3, 0]


def test_what_is_not_constant() -> None:
    """An operand that is computed, none at all, a random op, a custom one."""
    known, row = Constants(), constant(1, 2)
    assert known.results(add(), [row, Tensor("x", "FLOAT32", (2,))]) is None
    assert known.results(add(), []) is None
    random = Op("RANDOM_UNIFORM", [row], [Tensor("r", "FLOAT32", (1,))])
    assert known.results(random, [row]) is None
    assert (
        known.results(Op("Own", [row], [Tensor("r", "FLOAT32", (1,))], custom=True), [row]) is None
    )


def test_what_was_computed_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """Until anything that the result depends on differs."""
    known, given = Constants(), [constant(1, -3), constant(2, 1)]
    known.results(add(), given)
    runs: list[bytes] = []

    def counted(data: bytes, kernels: Kernels) -> Runner:
        runs.append(data)
        return Runner(data, kernels)

    monkeypatch.setattr(module, "Runner", counted)
    known.results(add(), [constant(1, -3), constant(2, 1)])
    assert not runs
    known.results(add(), [constant(1, -3), constant(2, 2)])
    known.results(add("RELU"), given)
    assert len(runs) == 2
    assert module._key(add(), given) != module._key(add(), given[::-1])
    scaled = constant(1, -3)
    scaled.quantization = Quantization((0.5,))
    assert module._key(add(), [scaled, given[1]]) != module._key(add(), given)
