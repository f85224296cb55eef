"""Where a size comes from: each rule is held to the shapes that the interpreter computes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from rnnlite_pipeline.graph.build import Builder, make_op
from rnnlite_pipeline.graph.ir import NUMPY, OPEN, Model, Signature, Subgraph, Tensor
from rnnlite_pipeline.graph.ops import BROADCAST, SAME_SHAPE
from rnnlite_pipeline.graph.write import write_model
from rnnlite_pipeline.runtimes.interpreter import Runner
from rnnlite_pipeline.shapes.dimensions import sources
from tests.graph.op_samples import SAMPLES, Sizes

#: Sizes of open dimensions, by axis.
OPENED = (2, 3, 5)

#: Ops with a rule of their own, of which there is a sample.
_RULED = """
BATCH_MATMUL CONCATENATION CONV_2D EXPAND_DIMS FULLY_CONNECTED GATHER MAX_POOL_2D MEAN
REDUCE_ANY SELECT SPLIT SPLIT_V SQUEEZE STRIDED_SLICE TRANSPOSE
"""
RULED = _RULED.split()

#: Of these nothing is said where an operand's shape is another than the sample's.
LIKE_THEIR_OPERANDS = sorted(SAMPLES.keys() & (BROADCAST | SAME_SHAPE) - {"WHILE"})


def size(tensor: Tensor, axis: int) -> int:
    """What the sample runs with."""
    assert tensor.shape is not None
    return OPENED[axis] if tensor.shape[axis] == OPEN else tensor.shape[axis]


@pytest.mark.parametrize("code", [*RULED, *LIKE_THEIR_OPERANDS])
def test_a_size_is_that_of_its_sources(code: str) -> None:
    """Every size that a rule gives is the one that the op has when it runs."""
    build = Builder("sample")
    sizes = Sizes(build, "constant")
    made = SAMPLES[code](sizes)
    main = Subgraph("main", sizes.fed, made, build.ops)
    named = {t.name: t for t in sizes.fed}, {f"y{k}": t for k, t in enumerate(made)}
    model = Model([main], [Signature("run", main, *named)])
    arrays = {
        t.name: np.ones([size(t, axis) for axis in range(len(t.shape or ()))], NUMPY[t.dtype])
        for t in sizes.fed
    }
    known = 0
    for number, result in enumerate(Runner(write_model(model), "reference").run(arrays).values()):
        for axis in range(result.ndim):
            found = sources(build.ops[-1], number, axis)
            if found is not None:
                known += 1
                assert ({size(*place) for place in found} or {1}) == {result.shape[axis]}
    assert known


def tensor(*shape: int) -> Tensor:
    """A tensor of real numbers."""
    return Tensor("t", "FLOAT32", shape)


def axes(*numbers: int) -> Tensor:
    """A constant of axes."""
    return Tensor.constant("axes", np.array(numbers, np.int32))


@pytest.mark.parametrize(
    ("code", "inputs", "rank", "options", "want"),
    [
        ("ADD", [tensor(7, 1, 3), tensor(5, 3)], 3, {}, [[(0, 0)], [(1, 0)], [(0, 2), (1, 1)]]),
        ("GATHER", [tensor(7, 8, 9), tensor(5)], 3, {"axis": -2}, [(0, 0), (1, 0), (0, 2)]),
        ("GATHER", [tensor(7, 8), tensor(5, 6)], 3, {"axis": 0}, [(1, 0), (1, 1), (0, 1)]),
        ("GATHER_ND", [tensor(7, 8, 9), tensor(5, 2)], 2, {}, [(1, 0), (0, 2)]),
        ("TRANSPOSE", [tensor(7, 8, 9), axes(2, 0, 1)], 3, {}, [(0, 2), (0, 0), (0, 1)]),
        ("EXPAND_DIMS", [tensor(7, 8), axes(-1)], 3, {}, [(0, 0), (0, 1), []]),
        ("SQUEEZE", [tensor(1, 7, 1, 8)], 2, {"squeeze_dims": [0, -2]}, [(0, 1), (0, 3)]),
        ("SUM", [tensor(7, 8, 9), axes(-2)], 2, {"keep_dims": False}, [(0, 0), (0, 2)]),
        ("SUM", [tensor(7, 8, 9), axes(-2)], 3, {"keep_dims": True}, [(0, 0), [], (0, 2)]),
        ("CONCATENATION", [tensor(7, 8), tensor(7, 9)], 2, {"axis": -1}, [(0, 0), None]),
        ("SPLIT", [axes(1), tensor(7, 8)], 2, {}, [(1, 0), None]),
        ("SELECT", [tensor(7), tensor(7, 8), tensor(7, 8)], 2, {}, [(1, 0), (1, 1)]),
        (
            "BATCH_MATMUL",
            [tensor(7, 8, 9), tensor(7, 6, 8)],
            3,
            {"adj_x": True, "adj_y": True},
            [[(0, 0), (1, 0)], (0, 2), (1, 1)],
        ),
        ("UNIDIRECTIONAL_SEQUENCE_RNN", [tensor(7, 8, 9)], 3, {}, [(0, 0), (0, 1), None]),
        ("WHERE", [tensor(7)], 2, {}, [None, None]),
        ("FlexTensorListGetItem", [tensor(7, 8, 9), axes(0)], 2, {}, [(0, 1), (0, 2)]),
        ("FlexTensorListSetItem", [tensor(7, 8), axes(0), tensor(6)], 2, {}, [(0, 0), (2, 0)]),
    ],
)
def test_axes_are_told_apart(
    code: str, inputs: list[Tensor], rank: int, options: dict[str, Any], want: list[Any]
) -> None:
    """Each axis of the output comes from the right axis of the right operand, or is not known."""
    made = make_op("ADD", [*inputs], [tensor(*[OPEN] * rank)])
    made.code, made.options = code, {"batch_dims": 0} | options
    for axis, expected in enumerate(want):
        found = sources(made, 0, axis)
        places = [expected] if isinstance(expected, tuple) else expected
        assert found == (None if places is None else [(inputs[k], a) for k, a in places]), axis
