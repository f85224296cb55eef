"""A source's concrete function becomes one canonical file: names, copies, repeatable bytes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from rnnlite_pipeline.errors import NotConvertible
from rnnlite_pipeline.graph.ir import OPEN, Model, Op, Signature, Subgraph, Tensor
from rnnlite_pipeline.graph.read import read_model
from rnnlite_pipeline.runtimes.interpreter import Runner
from rnnlite_pipeline.sources import to_tflite as module
from rnnlite_pipeline.sources.formats.concrete_function import source_model
from rnnlite_pipeline.sources.graphdef.assigned import with_states
from rnnlite_pipeline.sources.model import SourceModel, TensorSpec
from rnnlite_pipeline.sources.to_tflite import SIGNATURE, to_tflite
from rnnlite_pipeline.toolchain import load

ONE = np.array([[1, 2]], np.float32)


def tensor(name: str, **more: Any) -> Tensor:
    """A tensor [2]."""
    return Tensor(name, more.pop("dtype", "FLOAT32"), more.pop("shape", (2,)), **more)


def source(inputs: list[str], outputs: list[str], shape: tuple[int | None, ...] = (None,)) -> Any:
    """A source of this interface."""
    specs = [[TensorSpec(n, "float32", shape) for n in side] for side in (inputs, outputs)]
    return SourceModel(tuple(specs[0]), tuple(specs[1]), lambda: None, lambda _: {})


def test_a_file_is_itself() -> None:
    """What is a .tflite file already is not traced."""
    given = SourceModel((), (), lambda: 1 / 0, lambda _: {}, content=b"TFL3")
    assert to_tflite(given) == b"TFL3"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("error: 'tf.Bincount' op is neither a custom op nor a flex op", "the op Bincount"),
        ("tf.Abs: x\ntf.Bmm: y\ntf.Abs: z", "the op Abs, Bmm"),
        ("custom op 'Own' has no kernel", "the op Own"),
        ("failed to legalize 'vhlo.custom_call_v1' op", "the op custom_call"),
        ('loc(fused["Unique:", "a/unique"]): cannot', 'the op Unique ("a/unique")'),
        ('loc(callsite("Rank:"("a/rank") at "b")): no', 'the op Rank ("a/rank")'),
        ("out of memory", "the model"),
    ],
)
def test_what_the_converter_refuses(text: str, said: str) -> None:
    """The ops that its text names, else those that it points at."""
    assert module._refused(text) == said


def test_names_lose_what_tracing_added() -> None:
    """Calls of functions, loops of control flow v1, and the framework's own scope."""
    names = {
        "model/lstm/while": "lstm/while",
        "StatefulPartitionedCall/model/PartitionedCall_1/y": "y",
        "rnn/while/LoopCond": "rnn/while",
        "rnn/LoopCond7": "rnn7",
        "models/x": "models/x",
        "LoopConditions": "LoopConditions",
    }
    tensors = [tensor(name) for name in names]
    module._name_ops(Model([Subgraph("main", tensors=tensors)]), "model")
    assert [t.name for t in tensors] == list(names.values())


def test_outputs_that_are_one_tensor_are_copies() -> None:
    """An input, a constant, a state and an output that was named before are put out as copies."""
    x, h, y = tensor("arg"), tensor("state"), tensor("result")
    one = Tensor.constant("one", np.array([1, 1], np.float32))
    main = Subgraph("main", [x, h], [y, x, one, y, h])
    model = Model([main])
    main.inputs.remove(h)  # a state stands apart
    module._name_interface(model, source(["x"], ["a", "b", "c", "d", "e"]), [h])
    assert [t.name for t in main.outputs] == ["a", "b", "c", "d", "e"]
    assert len(set(main.outputs)) == 5
    assert [op.code for op in main.ops] == ["CAST"] * 4
    assert [op.inputs[0] for op in main.ops] == [x, one, y, h]
    assert (h.name, x.name, x.shape) == ("state", "x", (OPEN,))
    (signature,) = model.signatures
    assert (signature.key, list(signature.inputs)) == (SIGNATURE, ["x"])
    assert signature.outputs == dict(zip("abcde", main.outputs, strict=True))


def test_variables_of_a_loop_that_exchange_their_values() -> None:
    """Each that becomes what another was is a copy of it; what is handed on stays itself."""
    a, b, c = tensor("a"), tensor("b", dtype="INT32"), tensor("c", dtype="VARIANT")
    kept, new = tensor("kept"), tensor("new")
    body = Subgraph("body", [a, b, c, kept, tensor("d")], [b, a, kept, kept, new])
    cond = Subgraph("cond")
    options = {"body_subgraph": body, "cond_subgraph": cond}
    model = Model([Subgraph("main", ops=[Op("WHILE", [], [], options), Op("ADD", [], [])]), body])
    module._copy_exchanged(model)
    first, second, third, fourth, fifth = body.outputs
    assert (fourth, fifth) == (kept, new)
    assert [op.inputs[0] for op in body.ops] == [b, a, kept]
    assert [op.outputs[0] for op in body.ops] == [first, second, third]
    assert (first.dtype, second.dtype) == ("INT32", "FLOAT32")


def test_a_state_that_is_a_list_is_not_copied() -> None:
    """Only tensors of numbers can be cast."""
    a, b = tensor("a", dtype="VARIANT"), tensor("b", dtype="VARIANT")
    body = Subgraph("body", [a, b], [b, a])
    model = Model([Subgraph("main", ops=[Op("WHILE", [], [], {"body_subgraph": body})]), body])
    module._copy_exchanged(model)
    assert body.outputs == [b, a]
    assert body.ops == []


def test_states_are_taken_from_the_end_of_the_interface() -> None:
    """What each starts and ends as, in order; the rest is the source's own."""
    x, h, c = (tensor(n) for n in "xhc")
    y, after_h, after_c = (tensor(n) for n in ("y", "h'", "c'"))
    model = Model([Subgraph("main", [x, h, c], [y, after_h, after_c])])
    zeros = np.zeros(2, np.float32)
    given = SourceModel(
        (TensorSpec("x", "float32", (2,)),), (TensorSpec("y", "float32", (2,)),),
        lambda: None, lambda _: {}, states=(("h", zeros), ("c", zeros)),
    )  # fmt: skip
    states = module._with_states(model, given)
    assert {s.name: pair for s, pair in states.items()} == {"h": (h, after_h), "c": (c, after_c)}
    assert (model.main.inputs, model.main.outputs) == ([x], [y])


def test_graphs_of_a_loop_are_named_after_it() -> None:
    """Not by a counter of the process."""
    body, cond = Subgraph("while_body_123"), Subgraph("while_cond_124")
    options = {"body_subgraph": body, "cond_subgraph": cond, "number": 1}
    loop = Op("WHILE", [], [tensor("lstm/while")], options)
    module._make_repeatable(Model([Subgraph("main", ops=[loop]), body, cond]))
    assert (body.name, cond.name) == ("lstm/while/body", "lstm/while/cond")


def traced(call: Any) -> SourceModel:
    """A tf.function of x [1, 2] as a source."""
    tf = load("tensorflow")
    signature = [tf.TensorSpec([1, 2], tf.float32, name="x")]
    return with_states(source_model(tf.function(call, input_signature=signature), "f", {}))


def test_outputs_that_are_a_state() -> None:
    """What the variable was before and is afterwards: outputs of their own, call after call."""
    kept = load("tensorflow").Variable(10 * ONE, name="memory")

    def call(x: Any) -> Any:
        before = kept.read_value()
        kept.assign(before + x)
        return {"before": before, "after": kept.read_value()}

    content = to_tflite(traced(call))
    assert {t.name for t in read_model(content).main.outputs} == {"after", "before"}
    runner = Runner(content, "reference")
    for count in range(3):
        found = runner.run({"x": ONE})
        np.testing.assert_array_equal(found["before"], (10 + count) * ONE)
        np.testing.assert_array_equal(found["after"], (11 + count) * ONE)


def test_an_op_that_tflite_lacks() -> None:
    """It is a Flex op, or a custom op of TensorFlow's name; the bytes are the same each time."""
    tf = load("tensorflow")
    given = traced(lambda x: tf.roll(x, tf.cast(x[0, 0], tf.int32), axis=1))
    codes = [op.code for op in read_model(to_tflite(given)).ops()]
    assert "FlexRoll" in codes
    custom = to_tflite(given, as_custom=True)
    assert "Roll" in [op.code for op in read_model(custom).ops()]
    assert custom == to_tflite(given, as_custom=True)


def test_what_the_converter_cannot_do(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its error is one of ours, with the op that it names."""
    tf = load("tensorflow")

    def fail(_: Any) -> bytes:
        raise RuntimeError("'tf.Foo' op is neither a custom op nor a flex op")

    monkeypatch.setattr(tf.lite.TFLiteConverter, "from_concrete_functions", _Failing(fail))
    with pytest.raises(NotConvertible, match=r"converter refuses the op Foo\.\n.*in the log"):
        to_tflite(traced(lambda x: 2.0 * x))


class _Failing:
    """A converter that raises."""

    def __init__(self, convert: Any) -> None:
        self._convert = convert
        self.target_spec: Any = type("Spec", (), {})()

    def __call__(self, _: Any) -> Any:
        return self

    def convert(self) -> bytes:
        """Raises."""
        return bytes(self._convert(self))


def test_other_signatures_are_not_touched() -> None:
    """The interface is that of the main graph, under one name."""
    x = tensor("arg")
    model = Model([Subgraph("main", [x], [tensor("r")])])
    model.signatures = [Signature("old", model.main, {}, {})]
    module._name_interface(model, source(["x"], ["y"]))
    assert [s.key for s in model.signatures] == [SIGNATURE]
