"""What is written of a graph."""

from __future__ import annotations

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as tfl

from rnnlite_pipeline.graph.build import make_op
from rnnlite_pipeline.graph.ir import Model, Op, Quantization, Subgraph, Tensor
from rnnlite_pipeline.graph.read import read_model
from rnnlite_pipeline.graph.write import write_model
from tests.graph.written_files import exotic, loop_model, pack


def test_written_bytes_are_a_function_of_the_model() -> None:
    """Equal models give equal bytes, and a written file is a fixed point."""
    data = write_model(loop_model())

    assert data == write_model(loop_model())
    assert data == write_model(read_model(data))


def test_a_pass_wins_over_the_files_spelling() -> None:
    """A shape or quantization changed after reading is written, not the one the file had."""
    model = read_model(pack(exotic()))
    seven, blocks = model.main.tensors[1], model.main.tensors[5]
    seven.shape, blocks.quantization = (4, 2), Quantization((0.5,), (1,))

    again = read_model(write_model(model)).main.tensors
    assert again[1].shape == (4, 2)
    assert again[5].quantization == Quantization((0.5,), (1,))


def test_buffers() -> None:
    """Buffer 0 is empty, equal constants share one, data begin at multiples of 16 bytes."""
    a, b, c = (
        Tensor.constant(n, np.arange(9, dtype=np.int8) + k)
        for n, k in zip("abc", (7, 7, 70), strict=True)
    )
    data = write_model(Model([Subgraph("main", outputs=[a, b, c])]))
    root = tfl.Model.GetRootAs(data, 0)

    assert [root.Buffers(i).DataLength() for i in range(root.BuffersLength())] == [0, 9, 9]
    assert all(data.index(t.data) % 16 == 0 for t in (a, c) if t.data)


def test_operator_codes_are_shared_by_code_and_version() -> None:
    """Ops of one code and version have one operator code; new codes keep off the int8 field."""
    x = Tensor("x", "FLOAT32", (2,))
    outs = [Tensor(str(i), "FLOAT32", (2,)) for i in range(4)]
    ops = [
        make_op("TANH", [x], [outs[0]]),
        make_op("TANH", [x], [outs[1]]),
        Op("TANH", [x], [outs[2]], version=2),
        make_op("GELU", [x], [outs[3]]),
    ]
    root = tfl.Model.GetRootAs(write_model(Model([Subgraph("main", [x], outs, ops)])), 0)

    codes = [root.OperatorCodes(i) for i in range(root.OperatorCodesLength())]
    assert [(c.BuiltinCode(), c.DeprecatedBuiltinCode(), c.Version()) for c in codes] == [
        (28, 28, 1),
        (28, 28, 2),
        (150, 127, 1),
    ]


def test_a_graph_that_is_not_one_is_a_programming_error() -> None:
    """An option that the table has not, or a code that is no builtin op, is not written."""
    x = Tensor("x", "FLOAT32", (2,))
    for op in (Op("TANH", [x], [], {"a": 1}), Op("NO_SUCH", [x], [])):
        with pytest.raises(ValueError, match=r"no options_type|not a builtin"):
            write_model(Model([Subgraph("main", [x], [], [op])]))
    bad = Op("PACK", [x], [], {"axis": 0, "a": 1}, "PackOptions")
    with pytest.raises(ValueError, match="PackOptions has no field a"):
        write_model(Model([Subgraph("main", [x], [], [bad])]))
