"""Running a model."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from rnnlite_pipeline.errors import StageError
from rnnlite_pipeline.graph.build import Builder, make_op
from rnnlite_pipeline.graph.ir import OPEN, Model, Op, Signature, Subgraph, Tensor
from rnnlite_pipeline.graph.write import write_model
from rnnlite_pipeline.runtimes.interpreter import Kernels, Runner

ALL: list[Kernels] = ["reference", "default", "no_delegate"]


def doubling(signature: bool = True) -> bytes:
    """y = 2 x, x [open, 3]; the tensors are called otherwise than the signature names."""
    x, builder = Tensor("serving_x:0", "FLOAT32", (OPEN, 3)), Builder("g")
    y = builder.binary("ADD", x, x)
    main = Subgraph("main", [x], [y], builder.ops)
    signatures = [Signature("serving_default", main, {"x": x}, {"y": y})] if signature else []
    return write_model(Model([main], signatures))


@pytest.mark.parametrize("kernels", ALL)
def test_runs_by_signature_name_at_any_batch(kernels: Kernels) -> None:
    """Arrays go in and out by the signature's names, whatever the batch, from call to call."""
    runner = Runner(doubling(), kernels)
    for batch in (1, 3, 1):
        x = np.random.default_rng(batch).normal(size=(batch, 3)).astype(np.float32)
        assert np.array_equal(runner.run({"x": x})["y"], 2 * x)
    assert runner.inputs["x"].shape == (-1, 3)
    assert runner.outputs["y"].dtype == np.float32


def test_tensor_names_without_a_signature() -> None:
    """A model without a signature is run by its tensors' names."""
    runner = Runner(doubling(signature=False))

    assert list(runner.run({"serving_x:0": np.ones((1, 3), np.float32)})) == ["g/add"]


def test_outputs_are_copies() -> None:
    """An output is not overwritten by the next call."""
    runner = Runner(doubling())
    first = runner.run({"x": np.ones((1, 3), np.float32)})["y"]
    runner.run({"x": np.zeros((1, 3), np.float32)})

    assert first.tolist() == [[2, 2, 2]]


@pytest.mark.parametrize("kernels", ALL)
def test_variables_are_kept_between_calls_of_one_shape(kernels: Kernels) -> None:
    """A state that leaks from call to call is seen: equal shapes do not reset variables."""
    x = Tensor("x", "FLOAT32", (1, 2, 1))
    one = [Tensor.constant(f"w{i}", np.ones((1, 1), np.float32)) for i in range(2)]
    bias = Tensor.constant("b", np.zeros(1, np.float32))
    state = Tensor("state", "FLOAT32", (1, 1), is_variable=True)
    y = Tensor("y", "FLOAT32", (1, 2, 1))
    rnn = make_op(
        "UNIDIRECTIONAL_SEQUENCE_RNN",
        [x, *one, bias, state],
        [y],
        fused_activation_function="RELU",
    )
    runner = Runner(write_model(Model([Subgraph("main", [x], [y], [rnn])])), kernels)
    ones = np.ones((1, 2, 1), np.float32)

    assert [runner.run({"x": ones})["y"].ravel().tolist() for _ in range(2)] == [[1, 2], [3, 4]]


@pytest.mark.parametrize(
    ("inputs", "says"),
    [
        ({"z": np.ones((1, 3), np.float32)}, r"inputs are \['x'\]; it was given \['z'\]"),
        ({"x": np.ones((1, 3))}, "takes float32; it was given float64"),
        ({"x": np.ones(3, np.float32)}, r"has the shape \[-1, 3\]"),
    ],
)
def test_wrong_inputs(inputs: dict[str, NDArray[Any]], says: str) -> None:
    """A wrong name, dtype or rank is refused in the user's terms."""
    with pytest.raises(StageError, match=says):
        Runner(doubling()).run(inputs)


def test_an_op_the_runtime_lacks() -> None:
    """A custom op that the runtime has not is an error that names it."""
    x, y = Tensor("x", "FLOAT32", (1,)), Tensor("y", "FLOAT32", (1,))
    model = write_model(Model([Subgraph("main", [x], [y], [Op("MyOp", [x], [y], custom=True)])]))
    with pytest.raises(StageError, match="MyOp"):
        Runner(model).run({"x": np.ones(1, np.float32)})


def test_a_file_that_is_no_model() -> None:
    """Bytes that are no model are refused."""
    with pytest.raises(StageError, match="cannot load"):
        Runner(b"not a model")
