"""Splits into single columns: structure, op codes, numbers, and inputs that grow."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from rnnlite_pipeline.graph.build import Builder, make_op
from rnnlite_pipeline.graph.ir import OPEN, Model, Signature, Subgraph, Tensor
from rnnlite_pipeline.graph.write import write_model
from rnnlite_pipeline.lower import lower
from rnnlite_pipeline.runtime import Runner
from rnnlite_pipeline.transform.split_to_slices import split_to_slices
from tests.lower.cases import KERNELS, Case, random_lstm

#: Batch and steps, growing in one dimension or the other.
SIZES = ((1, 4), (3, 9), (3, 30), (33, 5))


def split(shape: Sequence[int], axis: int, parts: int) -> Model:
    """A model of one SPLIT."""
    x = Tensor("x", "FLOAT32", tuple(shape))
    narrow = list(shape)
    narrow[axis] //= parts
    outputs = [Tensor(f"y{k}", "FLOAT32", tuple(narrow)) for k in range(parts)]
    where = Tensor.constant("axis", np.array(axis, np.int32))
    op = make_op("SPLIT", [where, x], outputs, num_splits=parts)
    main = Subgraph("main", [x], outputs, [op])
    return Model([main], [Signature("main", main, {"x": x}, {t.name: t for t in outputs})])


@pytest.mark.parametrize(
    ("shape", "axis", "parts", "rewritten"),
    [
        ((OPEN, 4), 1, 4, True),
        ((OPEN, 4), -1, 4, True),
        ((OPEN, 3, 1), 1, 3, True),
        ((OPEN, 8), 1, 4, False),
        ((OPEN, 3, 2), 1, 3, False),
    ],
)
def test_only_single_columns_become_slices(
    shape: tuple[int, ...], axis: int, parts: int, rewritten: bool
) -> None:
    """A part of one number is a STRIDED_SLICE; the numbers are the split's on all kernels."""
    model, before = split(shape, axis, parts), write_model(split(shape, axis, parts))
    assert split_to_slices(model) == rewritten
    assert {op.code for op in model.ops()} == {"STRIDED_SLICE" if rewritten else "SPLIT"}
    assert not split_to_slices(model)
    sizes = [5 if d == OPEN else d for d in shape]
    given = {"x": np.random.default_rng(0).normal(size=sizes).astype(np.float32)}
    for kernels in KERNELS:
        expected = Runner(before, kernels).run(given)
        results = Runner(write_model(model), kernels).run(given)
        for name, array in expected.items():
            np.testing.assert_array_equal(results[name], array)


def test_a_narrow_loop_is_right_when_its_inputs_grow() -> None:
    """An LSTM of one unit with delegated ops behind it, on a heap that is never the same."""
    model = Case((random_lstm(np.random.default_rng(1), 3, 1, peephole=True),), outputs="y").model()
    lower(model, "loop")
    build, y = Builder("behind"), model.main.outputs[0]
    for k in range(4):  # each needs memory of the delegate's own
        y, before = Tensor(f"behind/{k}", "FLOAT32", y.shape), y
        build.ops.append(make_op("TANH", [before], [y]))
    model.main.ops += build.ops
    model.main.outputs = [y]
    model.signatures = [
        Signature("main", model.main, {"x": model.main.inputs[0]}, {"y": model.main.outputs[0]})
    ]
    content, rng = write_model(model), np.random.default_rng(0)
    expected = Runner(content, "reference")
    heap: list[np.ndarray] = []
    for _ in range(40):
        heap.append(np.full(rng.integers(1_000, 200_000), 7.0, np.float32))
        if len(heap) > 20:
            heap.pop(rng.integers(20))
        runner = Runner(content, "default")
        for batch, steps in SIZES:
            given = {"x": rng.normal(size=(batch, steps, 3)).astype(np.float32)}
            results, right = runner.run(given)["y"], expected.run(given)["y"]
            np.testing.assert_allclose(results, right, atol=1e-5)
