"""JAX's gathers as builtin ops, held to NumPy."""

from __future__ import annotations

import numpy as np
import pytest

from rnnlite_pipeline.graph.build import make_op
from rnnlite_pipeline.graph.ir import OPEN, Model, Signature, Subgraph, Tensor
from rnnlite_pipeline.graph.write import write_model
from rnnlite_pipeline.runtimes.interpreter import Runner
from rnnlite_pipeline.sources.graphdef.stablehlo_gathers import gathers_to_builtin

X = np.arange(24, dtype=np.float32).reshape(2, 4, 3)


def gather(indexed: list[int], offsets: list[int], sizes: list[int], shape: list[int]) -> Model:
    """A STABLEHLO_GATHER of x [B, 4, 3] at places [N, indices], as the only op."""
    x = Tensor("x", "FLOAT32", (OPEN, 4, 3))
    places = Tensor("places", "INT32", (OPEN, len(indexed)))
    y = Tensor("y", "FLOAT32", tuple(shape))
    options = {
        "offset_dims": offsets,
        "collapsed_slice_dims": sorted(indexed),
        "start_index_map": indexed,
        "index_vector_dim": 1,
        "slice_sizes": sizes,
        "indices_are_sorted": False,
    }
    main = Subgraph("main", [x, places], [y], [make_op("STABLEHLO_GATHER", [x, places], [y])])
    main.ops[0].options |= options
    inputs = {"x": x, "places": places}
    return Model([main], [Signature("run", main, inputs, {"y": y})])


@pytest.mark.parametrize("kernels", ["reference", "default"])
def test_single_places_are_read_and_clamped(kernels: str) -> None:
    """Each entry at its own step; what lies outside reads the first or the last one."""
    model = gather([0, 1], [1], [1, 1, 3], [OPEN, 3])
    gathers_to_builtin(model)
    assert [op.code for op in model.main.ops][-1] == "GATHER_ND"
    runner = Runner(write_model(model), kernels)  # type: ignore[arg-type]
    for places in ([[0, 1], [1, 3], [1, 0]], [[1, 9], [-2, 2]]):
        given = np.array(places, np.int32)
        inside = np.clip(given, 0, [1, 3])
        found = runner.run({"x": X, "places": given})["y"]
        np.testing.assert_array_equal(found, X[inside[:, 0], inside[:, 1]])


def test_indices_in_another_order_and_the_result_s_axes() -> None:
    """The operand's axes stand as the indices count, and the result's as it is asked for."""
    model = gather([2, 0], [0], [1, 4, 1], [4, OPEN])
    gathers_to_builtin(model)
    codes = [op.code for op in model.main.ops]
    assert codes[0] == codes[-1] == "TRANSPOSE"
    given = np.array([[2, 1], [0, 0], [1, 1]], np.int32)
    found = Runner(write_model(model), "reference").run({"x": X, "places": given})["y"]
    np.testing.assert_array_equal(found, X[given[:, 1], :, given[:, 0]].T)


@pytest.mark.parametrize("sizes", [[1, 2, 3], [1, 1, 2]])
def test_slices_stay(sizes: list[int]) -> None:
    """A gather of parts of an axis is none of single places."""
    model = gather([0, 1], [1], sizes, [OPEN, sizes[2]])
    if sizes[1] == 2:
        model.main.ops[0].options["collapsed_slice_dims"] = [0]
    gathers_to_builtin(model)
    assert [op.code for op in model.main.ops] == ["STABLEHLO_GATHER"]
