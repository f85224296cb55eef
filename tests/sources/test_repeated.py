"""Eager code that is called often becomes a graph only where that gives the same."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from rnnlite_pipeline.sources import repeated as module
from rnnlite_pipeline.sources.repeated import repeated
from rnnlite_pipeline.toolchain import load

tf: Any = load("tensorflow")


class Counted:
    """Code that counts how often Python runs it."""

    def __init__(self, body: Any) -> None:
        self.body = body
        self.count = 0

    def __call__(self, tensors: Sequence[Any]) -> Sequence[Any]:
        """Runs it."""
        self.count += 1
        return [self.body(*tensors)]


def _value(run: Any, *numbers: Any) -> Any:
    return run([tf.constant(each, tf.float32) for each in numbers])[0].numpy()


def test_the_second_call_runs_no_python() -> None:
    """A call and a trace run the code; later calls run its graph on their own values."""
    code = Counted(lambda x, y: tf.tanh(x) * y)
    run = repeated(code)
    for number in range(6):
        expected = np.tanh([number, 1]) * 3
        assert np.allclose(_value(run, [number, 1], 3), expected)
    assert code.count == 2


@pytest.mark.parametrize(("short", "count"), [(0, 3), (64, 5)])
def test_each_combination_of_shapes_has_its_own_graph(
    monkeypatch: pytest.MonkeyPatch, short: int, count: int
) -> None:
    """Python may branch by shapes: each is traced anew; a short one at its second call."""
    monkeypatch.setattr(module, "SHORT", short)
    code = Counted(lambda x: x + float(x.shape[0] or 0))
    run = repeated(code)
    for length in (1, 2, 1, 2, 1, 2):
        assert np.array_equal(_value(run, np.zeros(length)), np.full(length, length))
    assert code.count == count


def test_a_shape_that_is_called_once_makes_no_graph() -> None:
    """A graph would take longer than the call."""
    code = Counted(lambda x: x + 1)
    run = repeated(code)
    for length in range(1, 6):
        _value(run, np.zeros(length))
    assert code.count == 2 + 4


def test_a_graph_that_differs_at_some_shapes_is_not_taken_there() -> None:
    """The second call of a short shape is made both ways; calls stay equal to the eager ones."""
    eager = tf.executing_eagerly
    run = repeated(lambda t: [t[0] + (1.0 if eager() or len(t[0]) == 1 else 2.0)])
    for length in (1, 2, 2, 2, 2):
        assert np.array_equal(_value(run, np.zeros(length)), np.ones(length))


def test_random_code_stays_random() -> None:
    """A graph that draws other numbers is not taken."""
    run = repeated(lambda tensors: [tensors[0] + tf.random.normal(())])
    values = {float(_value(run, 0)) for _ in range(5)}
    assert len(values) == 5


def test_python_that_counts_goes_on_counting() -> None:
    """A value of Python that changes from call to call is not frozen into a graph."""
    code: Counted = Counted(lambda x: x + code.count)
    run = repeated(code)
    values = [float(_value(run, 0)) for _ in range(5)]
    assert all(one < two for one, two in itertools.pairwise(values))


def test_code_that_cannot_be_a_graph_stays_eager() -> None:
    """Python that reads values has no graph; the calls go on, and later errors are its own."""
    code = Counted(lambda x: x * 2 if float(x) > 1 else x)
    run = repeated(code)
    assert [float(_value(run, v)) for v in (1, 2, 3, 1)] == [1, 4, 6, 1]


def test_a_shape_that_has_no_graph_runs_eagerly() -> None:
    """Python that reads values at some shapes only; an error is the code's own."""

    def body(x: Any) -> Any:
        return x * float(x[0]) if len(x) > 1 else x * 2

    run = repeated(Counted(body))
    assert [float(_value(run, v)[0]) for v in ([1], [3], [3, 0], [2, 0])] == [2, 6, 9, 4]
    with pytest.raises(TypeError, match="Scalar"):
        _value(run, 1)


def test_what_is_not_finite_proves_nothing() -> None:
    """Two NaNs are no proof; the first finite result is held to a graph."""
    code = Counted(tf.sqrt)
    run = repeated(code)
    for value in (-1, -1, -1):
        assert np.isnan(_value(run, value))
    assert [float(_value(run, v)) for v in (4, 9, 16)] == [2, 3, 4]
    assert code.count == 5


def test_the_number_of_graphs_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Data of many lengths makes no more graphs than the bound."""
    monkeypatch.setattr(module, "GRAPHS", 1)
    code = Counted(lambda x: x + 1)
    run = repeated(code)
    for length in (1, 2) * 4:
        assert np.array_equal(_value(run, np.zeros(length)), np.ones(length))
    assert code.count == 2 + 4
