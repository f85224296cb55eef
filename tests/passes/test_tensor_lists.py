"""TensorLists to tensors."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from rnnlite_pipeline.graph.build import Builder, make_op
from rnnlite_pipeline.graph.ir import OPEN, Model, Op, Subgraph, Tensor
from rnnlite_pipeline.graph.read import read_model
from rnnlite_pipeline.graph.write import write_model
from rnnlite_pipeline.passes.tensor_lists import tensor_lists_to_tensors
from rnnlite_pipeline.runtimes.interpreter import Kernels, Runner

KERNELS: list[Kernels] = ["reference", "default", "no_delegate"]


def scalar(name: str, value: int) -> Tensor:
    """An int32 constant without dimensions."""
    return Tensor.constant(name, np.array(value, np.int32))


def on_list(code: str, inputs: list[Tensor], out: Tensor) -> Op:
    """A TensorList op as the converter writes it."""
    return Op(f"FlexTensorList{code}", [*inputs], [out], custom=True)


def variant(name: str) -> Tensor:
    """A list."""
    return Tensor(name, "VARIANT", ())


class Loop:
    """while i < n: body(i, list, x); the list and x [T, B, F] are carried.

    Attributes:
        body: Appends to this builder; set `written` to the list that the body returns.
    """

    def __init__(self, x: Tensor, steps: Tensor) -> None:
        self.x, self.steps = x, steps
        self.body = Builder("body")
        self.i, self.list, self.inside = self._carried("body")
        self.written = self.list

    def _carried(self, name: str) -> tuple[Tensor, Tensor, Tensor]:
        i = Tensor(f"{name}_i", "INT32", ())
        return i, variant(f"{name}_list"), Tensor(f"{name}_x", self.x.dtype, self.x.shape)

    def set_item(self, item: Tensor, index: Tensor | None = None) -> None:
        """list[index] = item."""
        self.written, before = variant("written"), self.written
        self.body.ops.append(on_list("SetItem", [before, index or self.i, item], self.written))

    def run(self, start: Tensor) -> tuple[Op, list[Subgraph], Tensor]:
        """The WHILE op, its subgraphs, and the list it returns."""
        following = self.body.binary("ADD", self.i, scalar("one", 1))
        outs = [following, self.written, self.inside]
        body = Subgraph("body", [self.i, self.list, self.inside], outs, self.body.ops)
        test, carried = Builder("cond"), self._carried("cond")
        # The number of steps is a constant, or read off x.
        limit = self.steps if self.steps.data else test.reshape(test.dimension(carried[2], 0), [])
        cond = Subgraph("cond", [*carried], [test.binary("LESS", carried[0], limit)], test.ops)
        results = [*self._carried("out")]
        feeds = [scalar("zero", 0), start, self.x]
        op = make_op("WHILE", feeds, results, cond_subgraph=cond, body_subgraph=body)
        return op, [cond, body], results[1]


def looped(
    build: Any, element: list[int] | None, shape: tuple[int, ...] = (OPEN, OPEN, 2)
) -> Model:
    """A model x -> Stack of the list that a loop over x fills as `build(loop)` says."""
    x, main = Tensor("x", "FLOAT32", shape), Builder("main")
    steps = main.reshape(main.dimension(x, 0), [])
    loop = Loop(x, steps)
    build(loop)
    wanted = scalar("element", -1) if element is None else main.indices(element)
    start, y = variant("start"), Tensor("y", "FLOAT32", None)
    op, parts, result = loop.run(start)
    main.ops += [
        on_list("Reserve", [wanted, steps], start),
        op,
        on_list("Stack", [result, wanted], y),
    ]
    return Model([Subgraph("main", [x], [y], main.ops), *parts])


def outputs(model: Model, x: NDArray[Any]) -> list[NDArray[Any]]:
    """What each set of kernels computes, twice in a row, after a round trip."""
    data = write_model(read_model(write_model(model)))
    runners = [Runner(data, k) for k in KERNELS]
    return [y for r in runners for _ in range(2) for y in r.run({"x": x}).values()]


def no_lists(model: Model) -> bool:
    """Whether only builtin ops and plain tensors are left."""
    tensors = (t for s in model.subgraphs for t in s.tensors)
    return not any(op.custom for op in model.ops()) and all(t.dtype != "VARIANT" for t in tensors)


X = np.random.default_rng(0).normal(size=(4, 3, 2)).astype(np.float32)


@pytest.mark.parametrize("element", [[OPEN, 2], None])
def test_written_at_every_step(element: list[int] | None) -> None:
    """A list of open items becomes a tensor whose shape is taken from the loop's operands."""
    model = looped(
        lambda lp: lp.set_item(lp.body.unary("NEG", lp.body.gather(lp.inside, lp.i))), element
    )
    assert tensor_lists_to_tensors(model)

    assert no_lists(model)
    assert [op.code for op in model.main.ops][-2:] == ["FILL", "WHILE"]
    assert "DYNAMIC_UPDATE_SLICE" in [op.code for op in model.ops()]
    for x in (X, X[:1], X[:, :1]):
        assert all(np.array_equal(y, -x) for y in outputs(model, x))


def test_what_is_not_written_is_zero() -> None:
    """An item that the loop never sets reads as zeros, as in TensorFlow."""
    model = looped(
        lambda lp: lp.set_item(lp.body.gather(lp.inside, lp.i), scalar("first", 0)), None
    )
    tensor_lists_to_tensors(model)

    expected = np.concatenate([X[-1:], np.zeros_like(X[1:])])
    assert all(np.array_equal(y, expected) for y in outputs(model, X))


def test_unknown_shape_rule_is_run_in_front_of_the_loop() -> None:
    """Where an op's shape rule is unknown, a copy of the slice gives the item's shape."""

    def tiled(loop: Loop) -> None:
        item = loop.body.gather(loop.inside, loop.i)
        twice = loop.body.indices([2, 1])
        loop.set_item(loop.body.op("TILE", [item, twice], "FLOAT32", (OPEN, 2)))

    model = looped(tiled, [OPEN, 2])
    tensor_lists_to_tensors(model)

    assert "TILE" in [op.code for op in model.main.ops]
    assert all(np.array_equal(y, np.tile(X, (1, 2, 1))) for y in outputs(model, X))


def test_broadcast_of_two_open_sizes() -> None:
    """Of two open sizes that are broadcast, the item has the one that is not 1."""

    def joined(loop: Loop) -> None:
        item = loop.body.gather(loop.inside, loop.i)
        across = loop.body.transpose(item, [1, 0])
        loop.set_item(loop.body.binary("ADD", item, across))

    model = looped(joined, [OPEN, OPEN], (OPEN, OPEN, OPEN))
    tensor_lists_to_tensors(model)

    for x in (X[:, :1], X[:, :2]):
        expected = x + x.transpose(0, 2, 1)
        assert all(np.array_equal(y, expected) for y in outputs(model, x))


def filled_model() -> Model:
    """A list made of x, its item 1 replaced by item 0, then stacked."""
    x, y = Tensor("x", "FLOAT32", (OPEN, OPEN, 2)), Tensor("y", "FLOAT32", None)
    full, changed = variant("full"), variant("changed")
    item, shape = (
        Tensor("item", "FLOAT32", (OPEN, 2)),
        Tensor.constant("s", np.array([-1, 2], np.int32)),
    )
    length = Tensor("length", "INT32", ())
    ops = [
        on_list("FromTensor", [x, shape], full),
        on_list("GetItem", [full, scalar("zero", 0), shape], item),
        on_list("SetItem", [full, scalar("one", 1), item], changed),
        on_list("Stack", [changed, shape], y),
        on_list("Length", [full], length),
    ]
    return Model([Subgraph("main", [x], [y, length], ops)])


def test_a_list_that_enters_filled() -> None:
    """FromTensor and Stack are the tensor itself; GetItem, SetItem and Length work on it."""
    model = filled_model()
    tensor_lists_to_tensors(model)
    expected = np.concatenate([X[:1], X[:1], X[2:]])
    got = outputs(model, X)

    assert no_lists(model)
    assert all(np.array_equal(y, expected) for y in got[::2])
    assert {int(n) for n in got[1::2]} == {4}


def test_an_item_that_is_read_has_the_shape_of_an_item() -> None:
    """TensorFlow 1 does not say it where the last step is read; what reads the item knows it."""
    model = looped(lambda lp: lp.set_item(lp.body.gather(lp.inside, lp.i)), [OPEN, 2])
    stack, last = model.main.ops[-1], Tensor("last", "FLOAT32", None)
    listed, wanted = stack.inputs
    assert listed is not None
    assert wanted is not None
    model.main.ops[-1] = on_list("GetItem", [listed, scalar("place", 0), wanted], last)
    model.main.outputs = [last]
    assert tensor_lists_to_tensors(model)
    assert last.shape == (OPEN, 2)
    assert all(np.array_equal(y, X[0]) for y in outputs(model, X))


def test_a_list_passed_through_untouched() -> None:
    """A list that the loop only carries comes out as it went in."""
    model = looped(lambda _: None, [3, 2])
    model.main.ops[-1].outputs[0].shape = (OPEN, 3, 2)
    tensor_lists_to_tensors(model)

    assert no_lists(model)
    assert all(np.array_equal(y, np.zeros((4, 3, 2))) for y in outputs(model, X))


def pushed(model: Model) -> None:
    """Lets an op touch the list that has no form on tensors."""
    body = model.subgraphs[2]
    body.ops.append(on_list("PushBack", [body.inputs[1]], variant("pushed")))


def returned(model: Model) -> None:
    """Lets the model return the list itself."""
    model.main.outputs.append(model.main.ops[-2].outputs[1])


def unwritten(model: Model) -> None:
    """Takes away what is written, so that nothing tells the open size."""
    body = model.subgraphs[2]
    body.ops = [op for op in body.ops if "SetItem" not in op.code]
    body.outputs[1] = body.inputs[1]
    model.main.ops[-1].outputs[0].shape = (OPEN, OPEN, 2)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (pushed, "used by FlexTensorListPushBack"),
        (returned, "an input or an output of the model"),
        (unwritten, "is not known before its loop"),
    ],
)
def test_what_cannot_be_done_stays_with_a_reason(change: Any, says: str) -> None:
    """A list that cannot become a tensor is left as it was, and the reason names it."""
    model = looped(lambda lp: lp.set_item(lp.body.gather(lp.inside, lp.i)), [OPEN, 2])
    change(model)
    before = [op.code for op in model.ops()]
    why_not: list[str] = []

    assert not tensor_lists_to_tensors(model, why_not)
    assert [op.code for op in model.ops()] == before
    assert why_not
    assert all(says in reason for reason in why_not)


@pytest.fixture(scope="module")
def converted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with real conversions and TensorFlow's own outputs."""
    folder = tmp_path_factory.mktemp("lists")
    script = Path(__file__).with_name("keras_loops.py")
    done = subprocess.run(
        [sys.executable, script, folder], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return folder


@pytest.mark.parametrize("name", ["keras", "hand"])
def test_real_loops_compute_what_tensorflow_does(converted: Path, name: str) -> None:
    """Keras 3 layers and hand-written loops run on every kernel set, for every batch and length."""
    original = (converted / f"{name}.tflite").read_bytes()
    model, why_not = read_model(original), list[str]()
    assert write_model(read_model(write_model(model))) == write_model(model)

    assert tensor_lists_to_tensors(model, why_not)
    assert (no_lists(model), why_not) == (True, [])
    arrays = dict(np.load(converted / f"{name}.npz"))
    data = write_model(model)
    for kernels in KERNELS:
        runner = Runner(data, kernels)
        (entry,) = runner.inputs
        for case in {key.split(":")[0] for key in arrays}:
            for _ in range(2):
                got = list(runner.run({entry: arrays[f"{case}:x"]}).values())
                for i, y in enumerate(got):
                    np.testing.assert_allclose(y, arrays[f"{case}:{i}"], rtol=0, atol=1e-6)
