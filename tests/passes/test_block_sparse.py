"""Weights without their zeros: structure, what the delegate takes, numbers, and what is told."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from rnnlite_pipeline.cells.gate import Gate
from rnnlite_pipeline.cells.lstm import Lstm
from rnnlite_pipeline.graph.build import Builder
from rnnlite_pipeline.graph.edit import ensure_signature
from rnnlite_pipeline.graph.ir import OPEN, Model, Subgraph, Tensor
from rnnlite_pipeline.graph.read import read_model
from rnnlite_pipeline.graph.write import write_model
from rnnlite_pipeline.lower import lower
from rnnlite_pipeline.lower.unrolled import unroll
from rnnlite_pipeline.passes.block_sparse import (
    Product,
    block_sparse,
    pays,
    products,
    told_of,
)
from rnnlite_pipeline.passes.fence_copies import fence_copies
from rnnlite_pipeline.passes.memory import check_memory
from rnnlite_pipeline.runtimes.delegated import delegated_parts
from rnnlite_pipeline.runtimes.interpreter import Runner
from tests.lower.cases import Case

UNITS, FEATURES = 128, 8


def pruned(zeros: float = 0.9) -> Lstm:
    """An LSTM whose recurrent weights are zeros, but for some blocks of 1 x 4."""
    rng = np.random.default_rng(2)

    def gate() -> Gate:
        live = np.repeat(rng.random((UNITS, UNITS // 4)) >= zeros, 4, axis=1)
        recurrent = rng.normal(0, 0.3, (UNITS, UNITS)) * live
        kernel = rng.normal(0, 0.3, (UNITS, FEATURES))
        return Gate(kernel, recurrent, rng.normal(size=UNITS))

    return Lstm(gate(), gate(), gate(), gate())


def loops(batch: int, steps: int = 6, *, written_out: bool = False) -> Model:
    """The layer as a loop, or its steps one behind the other, of a batch."""
    case = Case(
        (pruned(),),
        time_major=False,
        batch=abs(batch),
        steps=steps,
        open_batch=batch == OPEN,
        open_steps=False,
        outputs="y",
    )
    model = case.model()
    lower(model, "unrolled" if written_out else "loop")
    if written_out:
        unroll(model, every=True)
    return model


def multiplying(model: Model) -> list[int]:
    """The version of each product by a matrix of the step."""
    return [
        op.version
        for op in model.ops()
        if op.code == "FULLY_CONNECTED" and (op.inputs[1].shape or ())[1:] == (UNITS,)  # type: ignore[union-attr]
    ]


@pytest.mark.parametrize("written_out", [False, True])
def test_a_batch_of_one(written_out: bool) -> None:
    """Loop and steps multiply without zeros, apart from the delegate; numbers and size."""
    model = loops(1, written_out=written_out)
    before = write_model(model)
    found = dict(products(model))
    assert block_sparse(model)
    assert {*multiplying(model)} == {8}
    assert told_of("layer0", found).left_out
    fence_copies(model)
    check_memory(model)
    after = write_model(model)
    assert len(after) < 0.5 * len(before)
    taken = [op for graph in model.subgraphs for part in delegated_parts(graph) for op in part.ops]
    assert all(op.version != 8 for op in taken if op.code == "FULLY_CONNECTED")
    x = np.random.default_rng(1).normal(size=(1, 6, FEATURES)).astype(np.float32)
    (expected,) = Runner(before, "reference").run({"x": x}).values()
    for kernels in ("reference", "default"):
        runner = Runner(after, kernels)
        for _ in range(3):
            (found_there,) = runner.run({"x": x}).values()
            np.testing.assert_allclose(found_there, expected, atol=1e-5)


def test_an_open_batch_keeps_its_zeros() -> None:
    """Several rows at once are faster with them, and the layer says what would change that."""
    model = loops(OPEN)
    found = dict(products(model))
    assert not block_sparse(model)
    assert 8 not in multiplying(model)
    assert "pinned to 1" in told_of("layer0", found).said


def test_a_second_time_changes_nothing() -> None:
    """What is stored sparse stays so, and a file of it is read and written as it was."""
    model = loops(1)
    assert block_sparse(model)
    content = write_model(model)
    assert not block_sparse(model)
    assert write_model(read_model(content)) == content


@pytest.mark.parametrize(
    ("product", "expected"),
    [
        (Product(512, 128, 1, 0.9), True),
        (Product(512, 128, 1, 0.7), False),
        (Product(64, 64, 1, 0.95), False),
        (Product(32, 128, 1, 0.87), False),
        (Product(64, 128, 1, 0.87), True),
        (Product(256, 64, 1, 0.95), True),
        (Product(512, 128, 8, 0.9), False),
        (Product(512, 128, OPEN, 0.8), False),
        (Product(2048, 512, OPEN, 0.7), False),
        (Product(2048, 512, OPEN, 0.9), True),
    ],
)
def test_when_it_pays(product: Product, expected: bool) -> None:
    """Many weights, of which most are zeros, and one row; more zeros for several rows."""
    assert pays(product) is expected
    assert not expected or pays(replace(product, zeros=0.99))


@pytest.mark.parametrize("zeros", [0.0, 1.0])
def test_a_matrix_that_another_op_reads_or_that_is_empty_stays(zeros: float) -> None:
    """A second reader could not read it; without a number it would be no constant."""
    weights = np.full((512, 128), 1.0 - zeros, np.float32)
    weights[1:] = 0.0
    x, build = Tensor("x", "FLOAT32", (1, 128)), Builder("b")
    matrix = build.constant("w", weights)
    y = build.op("FULLY_CONNECTED", [x, matrix, None], "FLOAT32", (1, 512), keep_num_dims=True)
    outputs = [y] if zeros else [y, build.binary("ADD", matrix, x)]
    model = Model([Subgraph("main", [x], outputs, build.ops)])
    ensure_signature(model)
    assert not block_sparse(model)
    assert matrix.sparsity is None
