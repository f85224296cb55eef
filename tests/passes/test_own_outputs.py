"""No two outputs are one tensor: each can be named, and read, by itself."""

from __future__ import annotations

import numpy as np

from rnnlite_pipeline.graph.edit import ensure_signature
from rnnlite_pipeline.graph.ir import OPEN, Model, Signature, Subgraph, Tensor
from rnnlite_pipeline.graph.write import write_model
from rnnlite_pipeline.passes.own_outputs import own_outputs
from rnnlite_pipeline.runtimes.interpreter import Runner
from tests.passes.sequences import Graph


def named_twice(*shape: int) -> Model:
    """y = -x, given as `last` and as `state`."""
    graph = Graph()
    graph.x.shape = shape
    y = graph.unary("NEG", graph.x)
    main = Subgraph("main", [graph.x], [y, y], graph.ops)
    return Model([main], [Signature("main", main, {"x": graph.x}, {"last": y, "state": y})])


def test_a_tensor_with_two_names_becomes_two() -> None:
    """The second output is a copy that has its name, by an op that accelerators take."""
    model = named_twice(OPEN, 4)
    before, (signature,) = model.main.outputs[0], model.signatures
    assert own_outputs(model)
    assert model.main.outputs == list(signature.outputs.values())
    assert model.main.outputs[0] is before
    assert (model.main.outputs[1].name, model.main.ops[-1].code) == ("state", "RESHAPE")
    x = np.arange(8, dtype=np.float32).reshape(2, 4)
    for kernels in ("reference", "default"):
        found = Runner(write_model(model), kernels).run({"x": x})
        np.testing.assert_array_equal(found["last"], -x)
        np.testing.assert_array_equal(found["state"], -x)
    assert not own_outputs(model)


def test_shapes_that_a_reshape_cannot_say_are_cast() -> None:
    """Two open dimensions, and a scalar, are copied by a CAST."""
    for shape in ((OPEN, OPEN, 4), ()):
        model = named_twice(*shape)
        assert own_outputs(model)
        assert model.main.ops[-1].code == "CAST"
        x = np.ones([2 if size == OPEN else size for size in shape], np.float32)
        np.testing.assert_array_equal(Runner(write_model(model)).run({"x": x})["state"], -x)


def test_an_input_that_is_an_output_too_is_copied() -> None:
    """What is handed through has a tensor of its own; single outputs stay as they are."""
    x = Tensor("x", "FLOAT32", (1, 4))
    model = Model([Subgraph("main", [x], [x], [])])
    ensure_signature(model)
    assert own_outputs(model)
    assert model.main.outputs[0] is not x
    graph = Graph()
    assert not own_outputs(graph.model(graph.unary("NEG", graph.x)))
