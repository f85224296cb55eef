"""How the interpreters of a comparison are opened, and how the reference is rounded."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest

from rnnlite_pipeline.compare import opened
from rnnlite_pipeline.compare.opened import Opened
from rnnlite_pipeline.compare.roundings import rounded_file
from rnnlite_pipeline.graph.build import Builder
from rnnlite_pipeline.graph.extract import standing_alone
from rnnlite_pipeline.graph.ir import OPEN, Model, Tensor
from rnnlite_pipeline.graph.read import read_model
from rnnlite_pipeline.graph.write import write_located
from rnnlite_pipeline.runtimes.interpreter import Runner

MATRIX = np.random.default_rng(0).normal(size=(3, 4)).astype(np.float32)


@pytest.fixture
def dense() -> Model:
    """A product W x, then a GATHER whose index is a constant as well."""
    build = Builder("dense")
    x = Tensor("x", "FLOAT32", (OPEN, 4))
    weights = Tensor.constant("w", MATRIX)
    y = build.op("FULLY_CONNECTED", [x, weights, None], "FLOAT32", (OPEN, 3))
    z = build.gather(y, build.indices([2, 0]), axis=1)
    return standing_alone([x], [z], build.ops)


def test_only_float_weights_of_a_file_are_rounded(dense: Model) -> None:
    """A file's float constants move by one in the last place; its integers stay."""
    content, places = write_located(dense)

    moved = read_model(rounded_file(io.BytesIO(content), places, seed=1))

    arrays = [t.array for op in moved.main.ops for t in op.inputs if t and t.array is not None]
    (weights,) = (a for a in arrays if a.dtype == np.float32)
    bits = weights.view(np.int32) - MATRIX.view(np.int32)
    assert set(np.abs(bits).ravel()) == {1}
    assert [2, 0] in [a.tolist() for a in arrays]


@pytest.mark.parametrize(("keeps", "opens"), [(True, 1), (False, 3)])
def test_interpreters_of_large_models_are_not_kept(
    dense: Model, monkeypatch: pytest.MonkeyPatch, keeps: bool, opens: int
) -> None:
    """A small model is opened once, a large one for each use, with the same results."""
    count: list[Any] = []

    def counting(*words: Any) -> Any:
        count.append(words)
        return Runner(*words)

    monkeypatch.setattr(opened, "Runner", counting)
    pair, x = Opened(dense, dense, keeps=keeps), np.ones((2, 4), np.float32)

    results = [pair.old([{"input_0": x}])[0]["output_0"] for _ in range(3)]

    assert len(count) == opens
    for result in results:
        np.testing.assert_allclose(result, (x @ MATRIX.T)[:, [2, 0]], rtol=1e-5)
