"""Pools over volumes as pools over images."""

from __future__ import annotations

import numpy as np
import pytest

from rnnlite_pipeline.graph.ir import OPEN, Model, Op, Subgraph, Tensor
from rnnlite_pipeline.graph.write import write_model
from rnnlite_pipeline.runtimes.interpreter import Runner
from rnnlite_pipeline.sources.graphdef import flex
from rnnlite_pipeline.sources.graphdef.pools_3d import pools_to_builtin
from rnnlite_pipeline.toolchain import load

X = np.random.default_rng(0).normal(size=(2, 5, 6, 7, 3)).astype(np.float32)


def pool(
    kind: str, shape: tuple[int, ...], window: list[int], stride: list[int], padding: str
) -> Model:
    """One FlexMaxPool3D or FlexAvgPool3D of an input of this shape."""
    node = load("tensorflow").compat.v1.NodeDef(name="y", op=kind)
    node.attr["ksize"].list.i.extend([1, *window, 1])
    node.attr["strides"].list.i.extend([1, *stride, 1])
    node.attr["padding"].s = padding.encode()
    x, y = Tensor("x", "FLOAT32", shape), Tensor("y", "FLOAT32", None)
    options = flex.options_of(kind.encode(), node)
    op = Op(f"Flex{kind}", [x], [y], custom=True, custom_options=options)
    return Model([Subgraph("main", [x], [y], [op])])


@pytest.mark.parametrize("shape", [X.shape, (OPEN, *X.shape[1:]), (OPEN, OPEN, *X.shape[2:])])
@pytest.mark.parametrize("padding", ["SAME", "VALID"])
@pytest.mark.parametrize("kind", ["MaxPool3D", "AvgPool3D"])
def test_a_pool_over_volumes(kind: str, padding: str, shape: tuple[int, ...]) -> None:
    """It computes what TensorFlow does, whatever is open, for windows, strides and padding."""
    raw = load("tensorflow").raw_ops
    for window, stride in (([1, 2, 2], [1, 2, 2]), ([2, 3, 2], [2, 2, 3]), ([3, 1, 1], [2, 1, 1])):
        model = pool(kind, shape, window, stride, padding)
        pools_to_builtin(model)
        assert not any(op.custom for op in model.ops())
        found = Runner(write_model(model), "reference").run({"x": X})["y"]
        expected = getattr(raw, kind)(
            input=X, ksize=[1, *window, 1], strides=[1, *stride, 1], padding=padding
        )
        assert np.allclose(found, expected, atol=1e-6)


def test_a_pool_over_open_images() -> None:
    """Where the images are open, it stays for `convert` to name."""
    model = pool("MaxPool3D", (1, 5, OPEN, 7, 3), [1, 2, 2], [1, 2, 2], "SAME")
    pools_to_builtin(model)
    assert [op.code for op in model.ops()] == ["FlexMaxPool3D"]
