"""The drawing of a graph: chains, layers, blocks, and that nothing is too large to draw."""

from __future__ import annotations

import pytest

from rnnlite_pipeline.config import Config
from rnnlite_pipeline.graph.build import make_op
from rnnlite_pipeline.graph.ir import Model, Op, Signature, Subgraph, Tensor
from rnnlite_pipeline.report.evidence import About
from rnnlite_pipeline.report.graph import MOST_BOXES, draw, graphs


def tensor(name: str) -> Tensor:
    """A real value [?, ?, 3]."""
    return Tensor(name, "FLOAT32", (-1, -1, 3))


def model_of(ops: list[Op], x: Tensor, y: Tensor) -> Model:
    """A model of one input and one output."""
    main = Subgraph("main", [x], [y], ops)
    return Model([main], [Signature("serving_default", main, {"x": x}, {"y": y})])


def chained(codes: list[str]) -> Model:
    """Ops one after the other."""
    values = [tensor("x"), *(tensor(f"t{i}") for i in range(len(codes)))]
    options = {"UNIDIRECTIONAL_SEQUENCE_LSTM": {"time_major": False}}
    ops = [
        make_op(c, [values[i]], [values[i + 1]], **options.get(c, {})) for i, c in enumerate(codes)
    ]
    return model_of(ops, values[0], values[-1])


def stacked(count: int) -> Model:
    """Blocks: a loop, a gate and a value of what it puts out, and their product added to that."""
    x = last = tensor("x")
    ops = []
    for k in range(count):
        names = ("lstm/h", "gate/g", "value/v", "add/mul", "add/y")
        h, g, v, p, y = (tensor(f"b{k}_{name}") for name in names)
        ops += [
            Op("WHILE", [last], [h]),
            Op("LOGISTIC", [h], [g]),
            Op("TANH", [h], [v]),
            Op("MUL", [g, v], [p]),
            Op("ADD", [h, p], [y]),
        ]
        last = y
    return model_of(ops, x, last)


def test_a_chain_is_one_box_and_a_recurrence_stands_alone() -> None:
    """Ops that feed only the next are drawn together, up to the loop and after it."""
    drawing, _ = draw(chained(["TRANSPOSE", "WHILE", "RESHAPE", "ADD", "SOFTMAX"]))
    assert drawing.count("<rect") == 5
    assert ">RESHAPE → … → SOFTMAX<" in drawing


@pytest.mark.parametrize("count", [1, 5, 11, 12, 60])
def test_every_graph_is_drawn(count: int) -> None:
    """Of a block or of many, the drawing has boxes to be read, and says how it was folded."""
    drawing, said = draw(stacked(count))
    assert 3 <= drawing.count("<rect") <= MOST_BOXES + 2
    assert ("folded" in said) == (count > 4)


def test_a_larger_graph_is_folded_by_layer_then_by_block() -> None:
    """The finest folding that can be drawn is taken, and what is recurrent is seen as that."""
    _, few = draw(stacked(5))
    drawing, more = draw(stacked(11))
    assert "folded by layer" in few
    assert "folded by block of layers" in more
    assert drawing.count('class="box recurrent"') == 11
    assert ">b0_gate → b0_add<" in drawing


def test_both_directions_are_named() -> None:
    """Each loop has its layer's name; the op that computes both has both names."""
    x, y = tensor("x"), tensor("y")
    loops = [tensor("rows/backward_lstm/while"), tensor("rows/forward_lstm/while")]
    source = model_of([*(Op("WHILE", [x], [h]) for h in loops), Op("ADD", [*loops], [y])], x, y)
    pair = make_op("BIDIRECTIONAL_SEQUENCE_RNN", [x], [tensor("rows/forward_lstm/h")])
    names = ("rows/backward_lstm", "rows/forward_lstm")
    layers = [{"name": name, "scope": "rows/forward_lstm"} for name in names]
    config = Config.model_validate({"name": "m", "source": {"format": "keras", "path": "m.keras"}})
    about = About(config, source, model_of([pair], x, pair.outputs[0]), layers, {})
    drawn = str(graphs(about))
    assert all(f">{name}, a loop of 0 ops<" in drawn for name in names)
    assert ">rows/backward_lstm, rows/forward_lstm, " in drawn
