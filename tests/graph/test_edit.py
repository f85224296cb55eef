"""Walking and changing a graph."""

from __future__ import annotations

import numpy as np
import pytest

from rnnlite_pipeline.graph import edit
from rnnlite_pipeline.graph.build import Builder, make_op
from rnnlite_pipeline.graph.ir import Model, Signature, Subgraph, Tensor


def chain() -> tuple[Model, Tensor, Tensor, Tensor]:
    """x -> TANH a -> NEG b, with b returned as "y"."""
    x = Tensor("x", "FLOAT32", (2,))
    builder = Builder("g")
    a = builder.unary("TANH", x)
    b = builder.unary("NEG", a)
    main = Subgraph("main", [x], [b], builder.ops)
    return Model([main], [Signature("s", main, {"x": x}, {"y": b})]), x, a, b


def test_producers_and_consumers() -> None:
    """Each computed tensor has its op; each read tensor the ops that read it, once each."""
    model, x, a, b = chain()
    tanh, neg = model.main.ops
    twice = make_op("ADD", [a, a], [Tensor("c", "FLOAT32", (2,))])
    model.main.ops.append(twice)

    assert edit.producers(model.main)[b] is neg
    assert x not in edit.producers(model.main)
    assert edit.consumers(model.main)[x] == [tanh]
    assert edit.consumers(model.main)[a] == [neg, twice]
    assert edit.consumers(model.main)[b] == []


def test_replace_uses_reaches_ops_outputs_and_signatures() -> None:
    """The new tensor is read, returned and named in the signature; an output keeps its name."""
    model, x, a, b = chain()
    model.main.ops[1].outputs[0].name = "probabilities"
    edit.replace_uses(model, model.main, b, a)
    edit.replace_uses(model, model.main, x, b)

    assert model.main.outputs == [a]
    assert model.signatures[0].outputs == {"y": a}
    assert a.name == "probabilities"
    assert model.main.ops[0].inputs == [b]
    assert model.main.inputs == [x]


def test_prune_drops_what_nothing_needs() -> None:
    """Dead ops go, in chains, with their tensors, and with the subgraphs only they ran."""
    model, x, a, b = chain()
    dead = Builder("dead")
    dead.unary("EXP", dead.unary("ABS", a))
    branch = Subgraph("branch")
    model.subgraphs.append(branch)
    condition = Tensor.constant("c", np.asarray(True))
    dead.ops.append(make_op("IF", [condition], [], then_subgraph=branch, else_subgraph=branch))
    model.main.ops += dead.ops
    model.main.tensors = list(edit.tensors(model.main))

    assert edit.prune(model)
    assert [op.code for op in model.main.ops] == ["TANH", "NEG"]
    assert model.main.tensors == [x, a, b]
    assert model.subgraphs == [model.main]
    assert not edit.prune(model)


def test_prune_keeps_side_effects_and_signatures() -> None:
    """An op that writes a variable stays, and so does what only a signature returns."""
    model, x, a, _ = chain()
    state = Tensor("state", "FLOAT32", (2,), is_variable=True)
    write = make_op("ADD", [a, a], [state])
    seen = Builder("seen")
    model.signatures[0].outputs["seen"] = seen.unary("ABS", x)
    model.main.ops += [write, *seen.ops]

    assert not edit.prune(model)
    assert len(model.main.ops) == 4


def test_a_loop_whose_body_writes_a_variable_has_side_effects() -> None:
    """Side effects are found through loops and branches."""
    state = Tensor("state", "FLOAT32", (2,), is_variable=True)
    quiet, loud = Subgraph("quiet"), Subgraph("loud", ops=[make_op("NEG", [state], [state])])

    def branch(target: Subgraph) -> bool:
        op = make_op("IF", [None], [], then_subgraph=quiet, else_subgraph=target)
        return edit.has_side_effects(op)

    assert branch(loud)
    assert not branch(quiet)


def test_callers() -> None:
    """The callers of a subgraph are the ops that run it and where they stand."""
    model, *_ = chain()
    branch = Subgraph("branch")
    op = make_op("IF", [None], [], then_subgraph=branch, else_subgraph=branch)
    model.main.ops.append(op)
    model.subgraphs.append(branch)

    assert edit.callers(model)[branch] == [(model.main, op)] * 2


def test_topological_sort() -> None:
    """Ops come behind what they read, otherwise in their old order; a circle is an error."""
    model, *_ = chain()
    tanh, neg = model.main.ops
    other = make_op("ABS", [model.main.inputs[0]], [Tensor("o", "FLOAT32", (2,))])
    model.main.ops = [other, neg, tanh]
    edit.topological_sort(model.main)
    assert model.main.ops == [other, tanh, neg]

    tanh.inputs = list(neg.outputs)
    with pytest.raises(ValueError, match="depends on itself"):
        edit.topological_sort(model.main)


def test_unique_name() -> None:
    """A taken name gets the first free number."""
    model, _, a, _ = chain()
    a.name = "x_1"

    assert edit.unique_name(model.main, "x") == "x_2"
    assert edit.unique_name(model.main, "z") == "z"


def test_replace_ops() -> None:
    """Each op of the kind gives way to what is written for it; one for which nothing is, stays."""
    model, x, a, b = chain()
    tanh, neg = model.main.ops
    model.main.ops.append(make_op("NEG", [b], [Tensor("c", "FLOAT32", (2,))]))
    kept = model.main.ops[2]
    new = [make_op("ABS", [a], [x]), make_op("NEG", [x], [b])]
    edit.replace_ops(model, "NEG", lambda op: new if op is neg else [])
    assert model.main.ops == [tanh, *new, kept]
