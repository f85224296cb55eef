"""Loops as people write them are read as the layers they are, and compute what they computed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from rnnlite_pipeline.graph.write import write_model
from rnnlite_pipeline.runtimes.interpreter import Runner
from rnnlite_pipeline.sources.formats.concrete_function import source_model
from rnnlite_pipeline.sources.model import SourceModel
from rnnlite_pipeline.toolchain import load
from tests.random_models.held import hold
from tests.recognise import loops_by_hand as by_hand

LSTM, RNN = "UNIDIRECTIONAL_SEQUENCE_LSTM", "UNIDIRECTIONAL_SEQUENCE_RNN"

#: A loop, and what each of its layers is and becomes.
LOOPS: list[tuple[Callable[..., by_hand.Written], list[tuple[str, str]]]] = [
    (by_hand.gru_by_sigmoids, [("GRU", "WHILE")]),
    (by_hand.gru_with_negated_candidate, [("GRU", "WHILE")]),
    (by_hand.rnn_with_minus, [("SimpleRNN", RNN)]),
    (by_hand.backward_scan, [("LSTM", LSTM)]),
    (by_hand.scan_without_initializer, [("SimpleRNN", RNN)]),
    (by_hand.first_step_apart, [("LSTM", LSTM)]),
    (by_hand.every_other_frame, [("LSTM", LSTM)]),
    (by_hand.frames_in_pairs, [("LSTM", LSTM)]),
    (by_hand.counts_by_two, [("LSTM", LSTM)]),
    (by_hand.step_before_beside, [("LSTM", LSTM)]),
    (by_hand.step_after_beside, [("LSTM", LSTM)]),
    (by_hand.layer_a_step_behind, [("LSTM", LSTM), ("LSTM", LSTM)]),
    (by_hand.unread_sums, [("LSTM", LSTM)]),
    (by_hand.one_hot_tokens, [("LSTM", LSTM)]),
    (by_hand.no_padding, [("LSTM", LSTM)]),
    (by_hand.step_with_packed_states, [("LSTM", LSTM), ("LSTM", LSTM)]),
    (by_hand.step_with_joined_states, [("LSTM", LSTM), ("LSTM", LSTM)]),
]


def source(write: Callable[..., by_hand.Written]) -> SourceModel:
    """The model that a function writes."""
    tf: Any = load("tensorflow")
    weights = by_hand.Weights(tf)
    function, inputs = write(tf, weights)
    specs = [tf.TensorSpec(shape, dtype, name) for name, (shape, dtype) in inputs.items()]
    weights.owner.function = tf.function(function, input_signature=specs)
    return source_model(weights.owner.function, "by_hand", {})


@pytest.mark.parametrize(("write", "layers"), LOOPS, ids=lambda v: getattr(v, "__name__", ""))
def test_loop_by_hand(write: Callable[..., by_hand.Written], layers: list[tuple[str, str]]) -> None:
    """The loop is read as the layers it is, whose numbers are the source's."""
    found = hold(source(write), [write.__name__]).layers
    read = [(layer.recurrence.cell.kind if layer.recurrence else "", layer.op) for layer in found]
    assert read == layers, [layer.reason for layer in found]


@pytest.mark.parametrize("write", [by_hand.scan_without_initializer, by_hand.first_step_apart])
def test_no_step_of_a_loop_behind_a_first_item(write: Callable[..., by_hand.Written]) -> None:
    """A sequence of one item runs no step of a loop of T - 1, between longer ones."""
    model = source(write)
    found = hold(model, [write.__name__])
    for kernels in ("reference", "default"):
        runner = Runner(write_model(found.model), kernels)
        for length in (1, 4, 1, 2):
            x = np.random.default_rng(length).normal(size=(2, length, by_hand.FEATURES))
            arrays = {"x": x.astype(np.float32)}
            result = runner.run(arrays)
            for name, expected in model.run(arrays).items():
                np.testing.assert_allclose(result[name], expected, rtol=0, atol=1e-6)
