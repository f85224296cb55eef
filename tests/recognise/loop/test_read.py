"""A WHILE op as equations: its variables, its steps, its lists."""

from __future__ import annotations

from typing import Any

import pytest

from rnnlite_pipeline.algebra.text import render
from rnnlite_pipeline.graph.ir import OPEN, Op, Quantization, Subgraph, Tensor
from rnnlite_pipeline.recognise.loop.loop import STEP, Loop, Unrecognised
from rnnlite_pipeline.recognise.loop.read import is_list, read_loop
from rnnlite_pipeline.recognise.symbolic.values import Rows
from rnnlite_pipeline.shapes.extents import Extents
from rnnlite_pipeline.shapes.linear import Linear
from tests.recognise.author import Author
from tests.recognise.spelling import Spelling
from tests.recognise.strategies import lstm, simple_rnn

COUNT = Linear.symbol(STEP)


def written(*cells: Any, **how: Any) -> tuple[Author, Subgraph]:
    """A loop of some cells and its graph."""
    author = Author(list(cells), Spelling(**how))
    return author, author.model().main


def read(author: Author, main: Subgraph) -> tuple[Loop, dict[str, int]]:
    """The loop as equations, and the number of each variable by its name."""
    (op,) = (op for op in main.ops if op.code == "WHILE")
    return read_loop(op, Extents(main)), {name: k for k, name in enumerate(author.variables)}


def body(main: Subgraph) -> Subgraph:
    """The loop's body."""
    (op,) = (op for op in main.ops if op.code == "WHILE")
    found: Subgraph = op.options["body_subgraph"]
    return found


def test_the_variables_of_a_loop() -> None:
    """What stays, what counts, the states, the sequence and the list, each by its variable."""
    loop, at = read(*written(lstm(0), steps=4, trip="constant", counters=1))
    assert loop.kept == {at["x"]}
    assert loop.counters == {at["count0"]: COUNT}
    assert [s.variable for s in loop.states] == sorted([at["h0"], at["c0"]])
    assert loop.steps == Linear(4)
    assert loop.lengths is None
    (reading,) = loop.readings.values()
    assert (reading.axis, reading.index) == (0, COUNT)
    assert reading.tensor is loop.op.inputs[at["x"]]
    assert list(loop.writings) == [at["list"]]


def test_new_states_are_named_where_they_are_read() -> None:
    """h' is in terms of the new c, and the list holds the new h."""
    loop, at = read(*written(lstm(0)))
    h = next(s for s in loop.states if s.variable == at["h0"])
    c = next(s for s in loop.states if s.variable == at["c0"])
    assert c.after.key in {s.key for s in h.equation.symbols()}
    assert c.after.key not in {s.key for s in c.equation.symbols()}
    item = loop.writings[at["list"]].item
    assert isinstance(item, Rows)
    assert item.form.atom is not None
    assert item.form.atom.key == h.after.key


def test_states_side_by_side_in_one_variable() -> None:
    """Each is a state of its own columns."""
    loop, at = read(*written(lstm(0, units=3), states="c|h"))
    assert [(s.variable, s.start, s.stop) for s in loop.states] == [
        (at["state0"], 0, 3),
        (at["state0"], 3, 6),
    ]


def test_steps_of_an_open_length() -> None:
    """As many as the sequence has; a sequence that runs backwards is read from its end."""
    author, main = written(simple_rnn(), read="backward", write="backward", trip="shape")
    loop, at = read(author, main)
    length = Extents(main).dimension(author.inputs["x"], 0)
    assert not loop.steps.is_constant
    (reading,) = loop.readings.values()
    for index in (reading.index, loop.writings[at["list"]].index):
        assert index == loop.steps - Linear(1) - COUNT
    assert len(length.factors) == len(loop.steps.factors) == 1


def test_a_countdown_has_a_stride() -> None:
    """Its start and stride are known, counted in steps."""
    loop, at = read(*written(simple_rnn(), read="countdown", steps=4, trip="constant"))
    assert loop.counters[at["countdown"]] == Linear(3) - COUNT


def swap(graph: Subgraph, code: str, make: Any) -> None:
    """Changes each op of this code."""
    for op in graph.ops:
        if op.code == code:
            make(op)


def test_a_quantized_weight_is_refused_by_name() -> None:
    """Its integers are no weights."""
    author, main = written(simple_rnn())

    def quantize(op: Op) -> None:
        weights = op.inputs[1]
        assert weights is not None
        weights.quantization = Quantization((0.1,), (0,))

    swap(body(main), "FULLY_CONNECTED", quantize)
    with pytest.raises(Unrecognised, match="which is quantized"):
        read(author, main)


def test_an_op_without_a_rule_is_named() -> None:
    """The reason that a state is unknown is the loop's."""
    author, main = written(simple_rnn())
    swap(body(main), "TANH", lambda op: setattr(op, "code", "CUMSUM"))
    with pytest.raises(Unrecognised, match="the op CUMSUM"):
        read(author, main)


def test_a_condition_on_data_is_refused() -> None:
    """A loop that stops when a number is small has no number of steps."""
    author, main = written(simple_rnn())
    (op,) = (op for op in main.ops if op.code == "WHILE")
    condition: Subgraph = op.options["cond_subgraph"]
    swap(condition, "LESS", lambda op: setattr(op, "code", "EQUAL"))
    with pytest.raises(Unrecognised, match="condition on data"):
        read(author, main)


def test_a_counter_of_changing_stride_is_refused() -> None:
    """It doubles in each step."""
    author, main = written(simple_rnn(), counters=1)
    graph, at = body(main), list(author.variables).index("count0")
    count = graph.inputs[at]
    adds = [op for op in graph.ops if op.outputs[0] is graph.outputs[at]]
    adds[0].inputs = [count, count]
    with pytest.raises(Unrecognised, match="strides that change"):
        read(author, main)


def test_a_list_that_is_written_twice_is_refused() -> None:
    """One item a step is read."""
    author, main = written(simple_rnn())
    graph, at = body(main), list(author.variables).index("list")
    (op,) = (op for op in graph.ops if op.code == "FlexTensorListSetItem")
    again = Tensor("again", "VARIANT", ())
    graph.ops.append(Op(op.code, [op.outputs[0], *op.inputs[1:]], [again], custom=True))
    graph.outputs[at] = again
    with pytest.raises(Unrecognised, match="other than once"):
        read(author, main)


@pytest.mark.parametrize(
    ("dtype", "shape", "listed"),
    [
        ("VARIANT", (), True),
        ("FLOAT32", (OPEN, 2, 3), True),
        ("FLOAT32", (2, 3), False),
        ("INT32", (OPEN, 2, 3), False),
    ],
)
def test_what_is_a_list(dtype: str, shape: tuple[int, ...], listed: bool) -> None:
    """TensorFlow's, and one real tensor of all items."""
    assert is_list(Tensor("t", dtype, shape)) is listed


def test_the_equation_of_a_simple_rnn() -> None:
    """tanh of a matrix on the step and one on the state."""
    loop, _ = read(*written(simple_rnn(units=2)))
    (state,) = loop.states
    assert render(state.equation, 3) in ("tanh(W*x + W*h + b)", "tanh(W*h + W*x + b)")
