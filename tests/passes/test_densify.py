"""Constants that are stored sparse, made whole: structure, op codes, and whole conversions."""

from __future__ import annotations

import numpy as np
import pytest

from rnnlite_pipeline.graph.build import make_op
from rnnlite_pipeline.graph.ir import SPARSITY, Model, Tensor
from rnnlite_pipeline.graph.read import read_model
from rnnlite_pipeline.graph.sparse import encoded
from rnnlite_pipeline.graph.write import write_model
from rnnlite_pipeline.passes.densify import densify, sparse_constants
from rnnlite_pipeline.passes.manager import run
from rnnlite_pipeline.runtimes.interpreter import Runner
from rnnlite_pipeline.stages.conversion import CONVERSION
from tests.lower.cases import random_lstm
from tests.passes.golden_models import stored_sparse
from tests.passes.sequences import context
from tests.recognise.author import Author
from tests.recognise.spelling import Spelling


def test_a_product_and_a_densified_constant() -> None:
    """Products read whole matrices, and the delegate takes the version of each."""
    model = stored_sparse()
    content = write_model(model)
    assert densify(model)
    assert not list(sparse_constants(model))
    versions = [op.version for op in model.ops() if op.code == "FULLY_CONNECTED"]
    assert versions == [1, 5, 1]
    assert all(op.code != "DENSIFY" for op in model.ops())
    x = {"x": np.random.default_rng(0).normal(size=(2, 5, 3)).astype(np.float32)}
    (before,) = Runner(content, "reference").run(x).values()
    (after,) = Runner(write_model(model), "reference").run(x).values()
    np.testing.assert_array_equal(after, before)


def test_nothing_to_do() -> None:
    """A graph without sparse constants is as it was."""
    model = stored_sparse()
    densify(model)
    assert not densify(model)


@pytest.mark.parametrize("how", ["product", "DENSIFY"])
def test_a_loop_with_sparse_weights_is_read(how: str) -> None:
    """A source whose step has sparse weights becomes what it becomes with its zeros."""
    results = []
    for stores in (False, True):
        model = Author([random_lstm(np.random.default_rng(3), 4, 8)], Spelling()).model()
        assert not stores or _stored_sparse(model, how)
        model, known = read_model(write_model(model)), context()
        run(CONVERSION, model, known)
        assert [layer.op for layer in known.layers] == ["UNIDIRECTIONAL_SEQUENCE_LSTM"]
        x = np.random.default_rng(1).normal(size=(2, 5, 4)).astype(np.float32)
        results.append(Runner(write_model(model), "reference").run({"x": x}))
    for name, value in results[0].items():
        np.testing.assert_array_equal(results[1][name], value)


def _stored_sparse(model: Model, how: str) -> int:
    """Stores the matrices of each product of the model sparse; returns how many there are."""
    count = 0
    for graph in model.subgraphs:
        for op in [op for op in graph.ops if op.code == "FULLY_CONNECTED"]:
            matrix = op.inputs[1]
            if matrix is None or matrix.array is None or matrix.array.shape[1] % 4:
                continue
            array, count = matrix.array, count + 1
            sparse = Tensor(f"sparse_{count}", "FLOAT32", matrix.shape)
            sparse.data, sparse.extra[SPARSITY] = encoded(array, 4)
            op.inputs[1] = sparse
            if how == "product":
                op.version = 8
                continue
            whole = Tensor(f"whole_{count}", "FLOAT32", matrix.shape)
            graph.ops.insert(graph.ops.index(op), make_op("DENSIFY", [sparse], [whole]))
            op.inputs[1] = whole
    return count
