"""Annotated functions on their way round the converter."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from flatbuffers import flexbuffers

from rnnlite_pipeline.composites.record import COMPOSITE, Sample, read_samples, told
from rnnlite_pipeline.errors import NotConvertible
from rnnlite_pipeline.graph.ir import OPEN, Model, Op, Subgraph, Tensor
from rnnlite_pipeline.sources.graphdef import annotated
from rnnlite_pipeline.sources.graphdef.annotated import Annotations
from rnnlite_pipeline.sources.graphdef.detached import without_variables
from rnnlite_pipeline.toolchain import load

UNITS = 2


def function(name: str | None = "lstm_mine", *, mask: bool = False, shape: Any = None) -> Any:
    """A function of the Keras LSTM interface that calls another one, and is called in a layer.

    Args:
        name: What it says it implements.
        mask: Whether it has one operand more, which is another interface.
        shape: What the body makes of x, so that not every length fits.
    """
    tf = load("tensorflow")
    says = {"api_implements": name, "time_major": False, "go_backwards": True} if name else {}
    w = tf.Variable(np.ones((3, 4 * UNITS), np.float32))

    last = tf.function(lambda x: x[:, -1, :UNITS])

    def body(x: Any, h: Any, c: Any, *weights: Any) -> Any:
        x = x if shape is None else tf.reshape(x, shape)
        y = last(x) * tf.reduce_sum(weights[0])
        return y, x[..., :UNITS], y + h, y + c, tf.constant(0.0)

    lstm = tf.function(body, experimental_attributes=says)

    def call(x: Any) -> Any:
        zeros = tf.zeros([tf.shape(x)[0], UNITS])
        weights = [w, tf.ones((UNITS, 4 * UNITS)), tf.ones(4 * UNITS)]
        with tf.name_scope("encoder"):
            results = lstm(x, zeros, zeros, *weights, *([tf.ones(1)] if mask else []))
        return results[0], results[3]

    spec = tf.TensorSpec([None, None, 3], tf.float32, name="x")
    concrete = tf.function(call, input_signature=[spec]).get_concrete_function()
    concrete.kept = w  # a variable must outlive its function
    return concrete


def frozen(concrete: Any) -> tuple[Annotations, Any]:
    """What is known of its annotations, and the function as it goes to the converter."""
    annotations = Annotations(concrete)
    with annotations.kept_apart(concrete):
        plain = without_variables(concrete).function
    return annotations, annotations.numbered(plain)


def converted(call: str, x: tuple[int, ...] = (OPEN, OPEN, 3)) -> Model:
    """What the converter makes of the call, by hand: an op, and a graph of the function's name."""
    build = flexbuffers.Builder()
    with build.Map():
        build.String("config", "0")
    options = bytes(build.Finish())
    states = [Tensor(n, "FLOAT32", (OPEN, UNITS)) for n in "hc"]
    shapes = ((3, 4 * UNITS), (UNITS, 4 * UNITS), (4 * UNITS,))
    weights = [Tensor.constant("w", np.ones(s, np.float32)) for s in shapes]
    results = [Tensor(f"r{k}", "FLOAT32", None) for k in range(5)]
    given = Tensor("x", "FLOAT32", x)
    op = Op(
        "PartitionedCall", [given, *states, *weights], results, custom=True, custom_options=options
    )
    main = Subgraph("main", [given, *states], results[:1], [op])
    body = Subgraph("body", ops=[Op(call, [], [], custom=True)])
    return Model([main, body, Subgraph("other")])


def test_a_call_is_kept_apart_and_numbered() -> None:
    """It is not inlined and carries its number; its function is one that the converter keeps."""
    concrete = function()
    annotations, plain = frozen(concrete)
    assert annotations
    definition = plain.graph.as_graph_def()
    (call,) = [node for node in definition.node if node.op == "PartitionedCall"]
    assert call.attr["config"].s == b"0"
    functions = {each.signature.name: each for each in definition.library.function}
    kept = functions[call.attr["f"].func.name].attr["_implements"].func
    assert kept.attr["tfl_fusable_op"].b
    assert [t.shape.as_list() for t in plain.inputs] == [[None, None, 3]]
    assert len(plain.outputs) == 2


def test_the_graph_is_as_before_once_it_is_frozen() -> None:
    """The function's own graph is changed for a moment only."""
    concrete = function()
    before = concrete.graph.as_graph_def()
    with Annotations(concrete).kept_apart(concrete):
        assert concrete.graph.as_graph_def() != before
    assert concrete.graph.as_graph_def() == before


@pytest.mark.parametrize(
    ("name", "mask"), [(None, False), ("memory_cell", False), ("lstm_mine", True)]
)
def test_functions_that_nobody_takes_at_their_word(
    name: str | None, mask: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    """They are inlined and read; of a name that is known, the log says what is wrong with it."""
    annotations, plain = frozen(function(name, mask=mask))
    assert not annotations
    assert not [op for op in plain.graph.get_operations() if "PartitionedCall" in op.type]
    assert ("7 operands and 5 results are not the interface" in capsys.readouterr().out) == mask


def test_the_call_becomes_an_op_with_samples() -> None:
    """It says what its function says; the function has been run, and its graph is gone."""
    annotations, plain = frozen(function())
    name = next(
        n.attr["f"].func.name for n in plain.graph.as_graph_def().node if n.op == "PartitionedCall"
    ).removesuffix("_numbered")
    model = converted(name)
    annotations.placed(model)
    (op,) = model.main.ops
    assert op.code == COMPOSITE
    found = told(op)
    assert (found.call, found.layer, found.name) == (0, "encoder", "lstm_mine")
    assert found.attributes == {"time_major": False, "go_backwards": True}
    (samples,) = read_samples(model).values()
    for sample in samples:
        x = sample.operands[0]
        assert x is not None
        np.testing.assert_allclose(sample.results[0], x[:, -1, :2] * 24, rtol=1e-6)
    assert [s.name for s in model.subgraphs] == ["main"]
    assert [t.shape for t in op.outputs] == [
        (OPEN, UNITS), (OPEN, OPEN, UNITS), (OPEN, UNITS), (OPEN, UNITS), ()
    ]  # fmt: skip


def test_draws_that_do_not_fit_are_left_out() -> None:
    """Operands that contradict each other are no sample, as long as some fit."""
    annotations, plain = frozen(function(shape=[1, -1, 3]))
    calls = [n for n in plain.graph.as_graph_def().node if n.op == "PartitionedCall"]
    model = converted(calls[0].attr["f"].func.name.removesuffix("_numbered"))
    annotations.placed(model)
    (samples,) = read_samples(model).values()
    assert samples


def test_a_function_that_runs_on_no_draw() -> None:
    """TensorFlow's reason is in the error, and what to change."""
    annotations, plain = frozen(function(shape=[5, 7, 3]))
    calls = [n for n in plain.graph.as_graph_def().node if n.op == "PartitionedCall"]
    model = converted(calls[0].attr["f"].func.name.removesuffix("_numbered"))
    with pytest.raises(
        NotConvertible, match=r'"lstm_mine" cannot be run.*: .*\n.*only one dimension'
    ):
        annotations.placed(model)


def attribute(**value: Any) -> Any:
    """An AttrValue."""
    return load("tensorflow").compat.v1.AttrValue(**value)


def test_attributes_are_values_of_json() -> None:
    """Bytes are text; what a converter can say nothing of is None."""
    found = [
        annotated._value(each)
        for each in (
            attribute(i=7),
            attribute(f=0.5),
            attribute(b=True),
            attribute(s=b"a\xff"),
            attribute(list={"s": [b"a", b"b"]}),
            attribute(list={"i": [1, 2]}),
            attribute(list={}),
            attribute(type=1),
        )
    ]
    assert found == [7, 0.5, True, "a\ufffd", ["a", "b"], [1, 2], [], None]


@pytest.mark.parametrize(
    ("node", "layer"),
    [
        ("model/lstm/PartitionedCall", "model/lstm"),
        ("StatefulPartitionedCall/model/lstm_1/PartitionedCall_2", "model/lstm_1"),
        ("StatefulPartitionedCall_3/PartitionedCall", ""),
        ("lstm", ""),
        ("PartitionedCaller/x", "PartitionedCaller"),
    ],
)
def test_the_layer_of_a_call(node: str, layer: str) -> None:
    """Its scope, without what calls of functions add."""
    assert annotated._layer(node) == layer


def test_dimensions_that_have_one_length_in_every_sample_are_closed() -> None:
    """Known ones stay; one sample alone closes nothing."""

    def close(shape: Any, *lengths: tuple[int, ...]) -> Any:
        tensor = Tensor("r", "FLOAT32", shape)
        samples = [Sample((), (np.zeros(s),), ()) for s in lengths]
        annotated._close([tensor], samples)
        return tensor.shape

    assert close((OPEN, OPEN), (9, 3), (4, 3)) == (OPEN, 3)
    assert close(None, (9, 3), (4, 3)) == (OPEN, 3)
    assert close((7, OPEN), (9, 3), (4, 3)) == (7, 3)
    assert close((OPEN, OPEN), (9, 3)) == (OPEN, OPEN)
    assert close((), (), ()) == ()


def test_another_op_of_the_converter() -> None:
    """Only a call that was numbered is one."""
    assert annotated._number(Op("ADD", [], [])) is None
    assert annotated._number(Op("PartitionedCall", [], [])) is None
    build = flexbuffers.Builder()
    with build.Map():
        build.String("config", "")
    empty = Op("PartitionedCall", [], [], custom_options=bytes(build.Finish()))
    assert annotated._number(empty) is None
