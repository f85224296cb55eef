"""A part of a model as a model of its own."""

from __future__ import annotations

import numpy as np

from rnnlite_pipeline.graph.build import Builder
from rnnlite_pipeline.graph.check import faults
from rnnlite_pipeline.graph.extract import (
    extract,
    of_graph,
    of_signature,
    standing_alone,
    with_called,
)
from rnnlite_pipeline.graph.ir import Model, Signature, Subgraph, Tensor
from rnnlite_pipeline.graph.write import write_model
from rnnlite_pipeline.runtimes.interpreter import Runner
from tests.graph.test_check import model, op_of


def test_a_graph_comes_with_all_that_it_runs() -> None:
    """Loops' graphs stand behind it once each, whoever else runs them."""
    whole = model()
    main, cond, body = whole.subgraphs
    assert with_called([main]) == [main, cond, body]
    body.ops.append(op_of(whole, "WHILE"))
    assert with_called([body, main]) == [body, main, cond]
    assert of_graph(main).subgraphs == [main, cond, body]


def test_ops_alone_compute_what_they_do_in_the_whole() -> None:
    """The part is a valid model; dead ops are not in it, and its objects are the whole's."""
    whole = model()
    tanh = op_of(whole, "TANH")
    part = standing_alone(tanh.inputs[:1], tanh.outputs, [tanh, op_of(whole, "TRANSPOSE")])  # type: ignore[arg-type]
    assert part.main.ops == [tanh]
    assert not faults(part)
    x = np.full((2, 4), 0.5, np.float32)
    (found,) = Runner(write_model(part), "reference").run({"input_0": x}).values()
    np.testing.assert_allclose(found, np.tanh(x), rtol=1e-6)


def test_a_loop_alone_has_its_graphs() -> None:
    """A WHILE that is cut out runs, and counts to three."""
    whole = model()
    loop = op_of(whole, "WHILE")
    part = extract({}, {"count": loop.outputs[0]}, [loop])
    assert not faults(part)
    assert Runner(write_model(part), "reference").run({})["count"] == 3


def test_an_output_of_two_names_is_one_value() -> None:
    """The signature has both names, the graph one output."""
    build, x = Builder("n"), Tensor("x", "FLOAT32", (1,))
    y = build.unary("NEG", x)
    part = extract({"x": x}, {"a": y, "b": y}, build.ops)
    assert part.main.outputs == [y]
    assert list(part.signatures[0].outputs) == ["a", "b"]


def test_other_signatures_stay_with_their_graphs() -> None:
    """A part with a variable keeps the signature that resets it."""
    reset = Subgraph("reset")
    part = extract({}, {}, [], [Signature("reset", reset, {}, {})])
    assert part.subgraphs[1:] == [reset]
    assert [s.key for s in part.signatures] == ["serving_default", "reset"]


def test_a_signature_as_a_model() -> None:
    """Its graph is the main one, and it the only signature."""
    one, other = Subgraph("one"), Subgraph("other")
    keys = [Signature(s.name, s, {}, {}) for s in (one, other)]
    view = of_signature(Model([one, other], keys), keys[1])
    assert (view.main, view.signatures) == (other, [keys[1]])
