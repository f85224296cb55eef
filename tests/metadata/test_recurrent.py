"""What a caller must know about a model's state."""

from __future__ import annotations

import json
from typing import get_args

import pytest

from rnnlite_pipeline.graph.ir import Model, Op, Subgraph, Tensor
from rnnlite_pipeline.metadata.recurrent import (
    HOW_TO_RESET,
    State,
    as_bytes,
    recurrent_facts,
    state_policy,
)

X, Y = Tensor("x", "FLOAT32", (1, 2)), Tensor("y", "FLOAT32", (1, 2))
STATE = Tensor("state", "FLOAT32", (1, 2), is_variable=True)
FUSED = Op("UNIDIRECTIONAL_SEQUENCE_LSTM", [X, None, STATE], [Y])
FILL = Op("FILL", [X], [STATE])


def model_of(*ops: Op) -> Model:
    """A model of these ops."""
    return Model([Subgraph("main", [X], [Y], list(ops))])


@pytest.mark.parametrize(
    ("ops", "state"),
    [
        ([Op("TANH", [X], [Y])], "none"),
        ([Op("WHILE", [X], [Y])], "reset"),
        ([FILL, FUSED], "reset"),
        ([FUSED], "persist"),
        ([Op("WHILE", [X], [Y]), Op("ASSIGN_VARIABLE", [X, Y], [])], "persist"),
    ],
)
def test_the_policy_is_read_off_the_graph(ops: list[Op], state: State) -> None:
    """A variable that nothing writes keeps its value; one written at every call does not."""
    assert state_policy(model_of(*ops)) == state
    assert state_policy(model_of(*ops), "explicit") == "explicit"
    assert recurrent_facts(model_of(*ops), [], "source")["reset"] == HOW_TO_RESET[state]


def test_every_policy_says_how_a_sequence_starts() -> None:
    """There is no state without a sentence."""
    assert HOW_TO_RESET.keys() == set(get_args(State))


def test_the_facts_of_a_layer() -> None:
    """What is recorded of it, no more; its units are the width of its last state."""
    layer = {"name": "l", "cell": "LSTM", "states": [8, 4], "private": 1}
    facts = recurrent_facts(model_of(FUSED), [layer, {"op": "WHILE"}], "source")
    assert facts["layers"] == [{"name": "l", "cell": "LSTM", "units": 4}, {"op": "WHILE"}]


def test_the_same_facts_are_the_same_bytes() -> None:
    """In UTF-8, sorted, without blanks."""
    assert as_bytes({"b": "é", "a": 1}) == '{"a":1,"b":"é"}'.encode()
    assert json.loads(as_bytes({"a": [None]})) == {"a": [None]}
