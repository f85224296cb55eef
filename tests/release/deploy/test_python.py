"""The Python module: what it is called with, and the states that it starts from."""

from __future__ import annotations

import ast

import numpy as np
import pytest

from rnnlite_pipeline.release.deploy import python
from rnnlite_pipeline.release.deploy.python import python_module
from tests.release.deploy.ports import deployment, port


@pytest.mark.parametrize(
    ("name", "call"),
    [
        ("x", "model(x=code)"),
        ("serving_default_x:0", "model(**{'serving_default_x:0': code})"),
        ("class", "model(**{'class': code})"),
        ("größe", "model(größe=code)"),
    ],
)
def test_the_example_can_be_copied(name: str, call: str) -> None:
    """A name that is no keyword argument in Python is given in a dictionary."""
    text = python_module(deployment(inputs=(port(name, identifier="code"),)))
    (line,) = (line.strip() for line in text.splitlines() if "outputs = model(" in line)
    assert line == f"outputs = {call}"
    ast.parse(line)
    ast.parse(text)


@pytest.mark.parametrize(
    "first",
    [np.zeros((1, 3)), np.full((2, 3), 0.5), np.array([[1.0, -2.0]]), np.arange(6.0).reshape(2, 3)],
)
def test_a_first_state_is_written_as_its_value(first: np.ndarray) -> None:
    """Short where it is one number throughout, and the same array when it is read."""
    text = python._start(first)
    np.testing.assert_array_equal(np.array(eval(text)), first)
    assert ("*" in text) == (len(set(first.flat)) == 1)
