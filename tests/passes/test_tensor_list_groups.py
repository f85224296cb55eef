"""The TensorLists of a graph: which values hold one, and what is known of its items."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from rnnlite_pipeline.graph.build import make_op
from rnnlite_pipeline.graph.ir import OPEN, Model, Op, Signature, Subgraph, Tensor
from rnnlite_pipeline.passes.tensor_list_groups import (
    FROM_TENSOR,
    GET,
    LENGTH,
    RESERVE,
    SET,
    STACK,
    operand,
    tensor_lists,
)

Shape = tuple[int, ...]

#: The attribute of a SetItem by which its list grows.
GROWS = b"resize_if_index_out_of_bounds\x12\x02(\x01"


def _list(name: str) -> Tensor:
    return Tensor(name, "VARIANT", ())


def _real(name: str, shape: Shape | None, dtype: str = "FLOAT32") -> Tensor:
    return Tensor(name, dtype, shape)


def _whole(value: Any) -> Tensor:
    return Tensor.constant("whole", np.asarray(value, np.int32))


def _op(code: str, inputs: list[Tensor | None], out: Tensor, options: bytes = b"") -> Op:
    return Op(code, inputs, [out], custom=True, custom_options=options)


def _reserve(out: Tensor, shape: Any = (OPEN, 4), count: Any = 5) -> Op:
    places = [v if isinstance(v, Tensor) else _whole(v) for v in (shape, count)]
    return _op(RESERVE, [*places], out)


def _filled(**how: Any) -> tuple[Model, Tensor]:
    """A list that is made, written once and stacked."""
    made, written = _list("made"), _list("written")
    item = how.get("item", _real("item", (2, OPEN)))
    stacked = how.get("stacked", _real("stacked", (OPEN, OPEN, 4)))
    ops = [
        how.get("first", _reserve(made)),
        _op(SET, [made, _whole(0), item], written, how.get("options", b"")),
        _op(STACK, [written, _whole([-1, 4])], stacked),
    ]
    return Model([Subgraph("main", [item], [stacked], ops)]), made


def test_a_list_and_what_is_known_of_it() -> None:
    """Its tensors, its ops, and its item from all of them: what one does not know another does."""
    model, made = _filled()
    (found,) = tensor_lists(model)
    assert [t.name for t in found.tensors] == ["made", "written"]
    assert found.tensors[0] is made
    assert [op.code for _, op in found.ops] == [RESERVE, SET, STACK]
    assert (found.dtype, found.item, found.length) == ("FLOAT32", (2, 4), 5)
    assert found.why_not == ""


def test_a_graph_without_lists() -> None:
    """There is none."""
    assert tensor_lists(Model([Subgraph("main")])) == []


def test_two_lists_are_two() -> None:
    """Each with its own item."""
    one, _ = _filled()
    two, _ = _filled(item=_real("other", (3,)), first=_reserve(_list("made"), (3,), 1),
                     stacked=_real("s", (1, 3)))  # fmt: skip
    made = two.main.ops[0].outputs[0]
    two.main.ops[1].inputs[0] = made
    model = Model([Subgraph("main", ops=[*one.main.ops, *two.main.ops])])
    assert [(each.item, each.length) for each in tensor_lists(model)] == [((2, 4), 5), ((3,), 1)]


@pytest.mark.parametrize(
    ("count", "options", "length"),
    [(5, b"", 5), (0, b"", 0), (_real("n", (), "INT32"), b"", OPEN), (5, GROWS, OPEN)],
)
def test_the_length(count: Any, options: bytes, length: int) -> None:
    """A constant; open where it is computed, or where a SetItem makes the list longer."""
    first = _reserve(_list("made"), count=count)
    model, _ = _filled(first=first, options=options)
    model.main.ops[1].inputs[0] = first.outputs[0]
    assert tensor_lists(model)[0].length == length


@pytest.mark.parametrize(("shape", "length"), [((7, 2, 4), 7), ((OPEN, 2, 4), OPEN), (None, OPEN)])
def test_a_list_of_a_tensor(shape: Shape | None, length: int) -> None:
    """Its items are the tensor's, along the first axis."""
    made, taken = _list("made"), _real("taken", (2, 4))
    ops = [
        _op(FROM_TENSOR, [_real("x", shape), _whole([2, 4])], made),
        _op(GET, [made, _whole(0), _whole([2, 4])], taken),
    ]
    (found,) = tensor_lists(Model([Subgraph("main", ops=ops)]))
    assert (found.item, found.length) == ((2, 4), length)


def test_lists_of_two_lengths_have_none() -> None:
    """Branches that make lists of their own, of which one is taken."""
    condition, outside = _real("c", (), "BOOL"), _list("outside")
    branches = []
    for name, count in (("then", 3), ("else", 4)):
        made = _list(f"{name}_made")
        branches.append(Subgraph(name, [], [made], [_reserve(made, count=count)]))
    op = make_op("IF", [condition], [outside],
                 then_subgraph=branches[0], else_subgraph=branches[1])  # fmt: skip
    stack = _op(STACK, [outside, _whole([-1, 4])], _real("s", (OPEN, 2, 4)))
    (found,) = tensor_lists(Model([Subgraph("main", [condition], [], [op, stack]), *branches]))
    assert {t.name for t in found.tensors} == {"then_made", "else_made", "outside"}
    assert found.length == OPEN
    assert len(found.ops) == 4


def test_a_list_that_a_loop_carries_is_one() -> None:
    """Before, within, in the condition, and behind."""
    before, inside, after, asked, behind = map(_list, ("b", "i", "a", "c", "e"))
    item = _real("item", (2, 4))
    body = Subgraph("body", [inside], [after], [_op(SET, [inside, _whole(0), item], after)])
    loop = make_op("WHILE", [before], [behind],
                   cond_subgraph=Subgraph("cond", [asked]), body_subgraph=body)  # fmt: skip
    main = Subgraph("main", ops=[_reserve(before), loop])
    (found,) = tensor_lists(Model([main, body]))
    assert {t.name for t in found.tensors} == {"b", "i", "a", "c", "e"}
    assert [subgraph.name for subgraph, _ in found.ops] == ["main", "main", "body"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda m: m.main.ops.append(_op("Own", [m.main.ops[0].outputs[0]], _real("y", ()))),
         "The list 'made' is used by Own."),
        (lambda m: m.main.outputs.append(m.main.ops[1].outputs[0]), "is an input or an output"),
        (lambda m: m.main.inputs.append(m.main.ops[0].outputs[0]), "is an input or an output"),
        (lambda m: m.main.ops[1].inputs.pop(), f"is used by {SET}"),
        (lambda m: m.main.ops[1].inputs.__setitem__(1, None), f"is used by {SET}"),
    ],
)  # fmt: skip
def test_what_cannot_be_a_tensor_says_why(change: Any, said: str) -> None:
    """Another op, a port of the model, or an op that leaves out what it needs."""
    model, _ = _filled()
    change(model)
    (found,) = tensor_lists(model)
    assert said in found.why_not
    assert found.item is None


@pytest.mark.parametrize(
    "how",
    [
        {"item": _real("item", (2, 4, 1))},
        {"item": _real("item", (2, 4), "INT32")},
        {"item": _real("item", (2, 4), "STRING"), "stacked": _real("s", (5, 2, 4), "STRING")},
        {"item": _real("item", None), "stacked": _real("s", None),
         "first": _reserve(_list("made"), _real("shape", (2,), "INT32"))},
    ],
)  # fmt: skip
def test_items_that_are_not_known(how: dict[str, Any]) -> None:
    """Two ranks, two dtypes, text, or nothing that says a shape."""
    model, _ = _filled(**how)
    if "first" in how:
        model.main.ops[1].inputs[0] = how["first"].outputs[0]
    (found,) = tensor_lists(model)
    assert "are not known" in found.why_not


def test_the_length_of_a_list_says_nothing_of_its_items() -> None:
    """It is one of the ops that have a form on tensors."""
    model, made = _filled()
    model.main.ops.append(_op(LENGTH, [made], _real("n", (), "INT32")))
    (found,) = tensor_lists(model)
    assert (found.why_not, found.item) == ("", (2, 4))


def test_a_list_of_another_signature_is_a_port_too() -> None:
    """Whoever calls it gives a list."""
    model, made = _filled()
    other = Subgraph("other", [made], [])
    model.subgraphs.append(other)
    model.signatures.append(Signature("other", other, {"l": made}, {}))
    assert "an input or an output" in tensor_lists(model)[0].why_not


def test_an_operand_that_is_left_out() -> None:
    """The error names the op and the place."""
    item = _real("item", (2,))
    assert operand(Op("ADD", [item, None], []), 0) is item
    with pytest.raises(ValueError, match="has no input 1"):
        operand(Op("ADD", [item, None], []), 1)
