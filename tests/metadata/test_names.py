"""The names that a model's inputs and outputs are known by."""

from __future__ import annotations

from rnnlite_pipeline.graph.ir import Model, Signature, Subgraph, Tensor
from rnnlite_pipeline.metadata.names import named_tensors


def tensors(*names: str) -> list[Tensor]:
    """Tensors with these names of their own."""
    return [Tensor(name, "FLOAT32", (1,)) for name in names]


def test_the_names_of_the_signature_in_the_order_of_the_graph() -> None:
    """Not in the order of the signature."""
    a, b = tensors("serving_a:0", "serving_b:0")
    main = Subgraph("main", [a, b])
    model = Model([main], [Signature("run", main, {"b": b, "a": a}, {})])
    assert list(named_tensors(model, "inputs").items()) == [("a", a), ("b", b)]


def test_without_a_signature_a_tensor_has_its_own_name() -> None:
    """Also where the one that there is names another graph."""
    (y,) = tensors("Identity")
    model = Model([Subgraph("main", [], [y])], [Signature("run", Subgraph("other"), {}, {})])
    assert named_tensors(model, "outputs") == {"Identity": y}


def test_no_tensor_is_lost_where_names_stand_twice() -> None:
    """The second one has its place behind the name, even where that is a name as well."""
    given = tensors("a_2", "a", "a")
    found = named_tensors(Model([Subgraph("main", given)]), "inputs")
    assert list(found.values()) == given
    assert list(found)[:2] == ["a_2", "a"]
