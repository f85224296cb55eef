"""The states of fused ops, and what their layers are called."""

from __future__ import annotations

from rnnlite_pipeline.graph.fused_ops import layer_names, leaking, states_of
from rnnlite_pipeline.graph.ir import Op, Subgraph, Tensor


def rnn(out: str, state: Tensor | None) -> Op:
    """A fused RNN with a state."""
    x, *weights = (Tensor("", "FLOAT32", (1, 1)) for _ in range(4))
    y = Tensor(out, "FLOAT32", (1, 1))
    return Op("UNIDIRECTIONAL_SEQUENCE_RNN", [x, *weights, state], [y])


def variable(name: str = "h") -> Tensor:
    """A variable of the interpreter."""
    return Tensor(name, "FLOAT32", (1, 1), is_variable=True)


def test_only_variables_are_states() -> None:
    """An operand that is left out, or no variable, keeps nothing; nor does another op."""
    h = variable()
    assert [(p.name, t) for p, t in states_of(rnn("y", h)).items()] == [("h", h)]
    assert states_of(rnn("y", None)) == {}
    assert states_of(rnn("y", Tensor("h", "FLOAT32", (1, 1)))) == {}
    assert states_of(Op("TANH", [h], [])) == {}
    assert states_of(Op("UNIDIRECTIONAL_SEQUENCE_RNN", [h], [])) == {}


def test_a_state_that_an_op_writes_does_not_leak() -> None:
    """The other one goes from call to call."""
    written, left = variable("written"), variable("left")
    reset = Op("FILL", [], [written])
    first, second = rnn("a", written), rnn("b", left)
    found = leaking(Subgraph("main", ops=[reset, first, second]))
    assert [(op, place.name, tensor) for op, place, tensor in found] == [(second, "h", left)]


def test_a_layer_is_called_after_the_innermost_scope() -> None:
    """The last of the joined names counts; names of the converter's own are none."""
    ops = [
        rnn("model/a;model/encoder/lstm/while", variable()),
        rnn("arith.constant/x", variable("decoder/state")),
        rnn("tfl.pseudo", variable()),
    ]
    names = layer_names(Subgraph("main", ops=ops))
    assert list(names.values()) == ["model/encoder/lstm", "decoder", "rnn"]


def test_no_name_stands_for_two_layers() -> None:
    """A second one is numbered, and a number that is a name already is not taken."""
    outs = ["rnn_1/y", "rnn/y", "rnn/y", "rnn/y"]
    names = layer_names(Subgraph("main", ops=[rnn(out, variable()) for out in outs]))
    assert list(names.values()) == ["rnn_1", "rnn", "rnn_2", "rnn_3"]
