"""What the inputs and outputs of a TensorFlow 1 graph may be."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rnnlite_pipeline.errors import SourceError
from rnnlite_pipeline.sources.proposal import Proposal, propose
from rnnlite_pipeline.toolchain import load
from tests.random_models.tf1_models import graph_of


def proposed(folder: Path, write: Callable[[Any], Any]) -> Proposal:
    """What is proposed for a graph that a function writes with TensorFlow 1."""
    v1 = load("tensorflow").compat.v1
    with graph_of(version=1) as graph:
        write(v1)
    path = folder / "g.pb"
    path.write_bytes(graph.as_graph_def().SerializeToString())
    return propose(path)


def test_a_plain_graph(tmp_path: Path) -> None:
    """Its placeholders are inputs with their shapes, and what nobody reads is an output."""

    def write(v1: Any) -> None:
        x = v1.placeholder(v1.float32, [None, 5, 3], "x")
        tokens = v1.placeholder(v1.int32, [None], "tokens")
        v1.identity(v1.reduce_sum(x, 1) + v1.cast(tokens, v1.float32)[:, None], "y")
        v1.argmax(x, 2, name="classes")

    found = proposed(tmp_path, write)
    assert found == Proposal({"x": [None, 5, 3], "tokens": [None]}, ["y", "classes"], {})
    assert found.as_source() == {"inputs": found.inputs, "outputs": found.outputs}


def test_switches_are_constants(tmp_path: Path) -> None:
    """A bool and a single number have the value of inference, if other placeholders are left."""

    def write(v1: Any) -> None:
        x = v1.placeholder(v1.float32, [None, 3], "x")
        keep = v1.placeholder(v1.float32, [], "keep_prob")
        unranked = v1.placeholder(v1.float32, name="dropout_rate")
        training = v1.placeholder(v1.bool, [], "training")
        size = v1.placeholder(v1.int32, [], "size")
        y = v1.cond(training, lambda: x * keep, lambda: x)
        v1.multiply(y * unranked, v1.cast(size, v1.float32), name="y")

    found = proposed(tmp_path, write)
    assert found.inputs == {"x": [None, 3], "size": []}
    assert found.constants == {"keep_prob": 1.0, "dropout_rate": 0.0, "training": False}
    assert found.outputs == ["y"]


def test_a_single_number_alone_is_an_input(tmp_path: Path) -> None:
    """A model needs one."""
    found = proposed(tmp_path, lambda v1: v1.exp(v1.placeholder(v1.float32, [], "x"), name="y"))
    assert found == Proposal({"x": []}, ["y"], {})


def test_what_trains_is_no_part_of_the_model(tmp_path: Path) -> None:
    """Gradients, summaries, steps of an optimizer and what has no value are passed over."""

    def write(v1: Any) -> None:
        x = v1.placeholder(v1.float32, [None, 3], "x")
        y = v1.tanh(x, name="y")
        v1.negative(y, name="gradients/neg")
        v1.negative(y, name="Adam/update")
        v1.negative(y, name="outer/train_op/neg")
        v1.summary.histogram("h", y)
        v1.Print(y, [y])
        v1.strings.as_string(y)

    assert proposed(tmp_path, write).outputs == ["y"]


def test_the_model_ends_where_labels_come_in(tmp_path: Path) -> None:
    """Where only single numbers are left, as losses are, it is the tensor before."""

    def write(v1: Any) -> None:
        x = v1.placeholder(v1.float32, [None, 3], "x")
        labels = v1.placeholder(v1.float32, [None, 3], "labels")
        scores = v1.tanh(v1.exp(x), name="scores")
        v1.reduce_mean(v1.square(scores - labels), name="loss")

    assert proposed(tmp_path, write) == Proposal({"x": [None, 3]}, ["scores"], {})


def test_a_single_number_that_is_the_result(tmp_path: Path) -> None:
    """Where nothing else comes in before it, it is the output."""

    def write(v1: Any) -> None:
        v1.reduce_sum(v1.placeholder(v1.float32, [4], "x"), name="y")

    assert proposed(tmp_path, write).outputs == ["y"]


def test_sizes_are_no_outputs(tmp_path: Path) -> None:
    """What depends on a placeholder's size alone says nothing of it."""

    def write(v1: Any) -> None:
        x = v1.placeholder(v1.float32, [None, 3], "x")
        v1.zeros([v1.shape(x)[0], 2], name="state")
        v1.tanh(x, name="y")

    assert proposed(tmp_path, write).outputs == ["y"]


@pytest.mark.parametrize("also", [True, False])
def test_last_states_of_a_loop(tmp_path: Path, also: bool) -> None:
    """They count where there is nothing else."""

    def write(v1: Any) -> None:
        x = v1.placeholder(v1.float32, [None, 3], "x")
        step: Any = lambda k, y, z: (k + 1, y + x, z * 2.0)  # noqa: E731
        _, y, _ = v1.while_loop(lambda k, *_: k < 3, step, (0, x, x))
        if also:
            v1.identity(y, "y")

    found = proposed(tmp_path, write).outputs
    assert found == ["y"] if also else {name.rpartition("/")[2] for name in found} >= {"Exit_1"}


def test_a_graph_without_placeholders(tmp_path: Path) -> None:
    """There is nothing to propose, and the error says what to write."""
    with pytest.raises(SourceError, match=r"g.pb depends on a placeholder.*\n.*source.outputs"):
        proposed(tmp_path, lambda v1: v1.tanh(v1.constant([1.0]), name="y"))
