"""Errors that a stage finds get the place of the value in the config."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from rnnlite_pipeline.config import load_config, placed
from rnnlite_pipeline.errors import ConfigError, NotConvertible

Write = Callable[[str], Path]

CONFIG = """\
name: m
source: {format: keras, path: m.keras}
quantization: {scheme: dynamic_range, skip: [dense, lstmm]}
"""


@pytest.mark.parametrize("said", ["quantization.skip: the model has no layer", "no such layer"])
def test_the_key_is_said_once(write: Write, said: str) -> None:
    """The line, the column and the key of an item of a list; a key in the message is left out."""
    config = load_config(write(CONFIG))
    error = placed(NotConvertible(said, "Did you mean lstm?", ("quantization", "skip", 1)), config)
    assert isinstance(error, ConfigError)
    assert error.exit_status == 2
    rest = said.removeprefix("quantization.skip: ")
    assert error.problems[0].startswith(f"3:53: quantization.skip[1]: {rest}")
    assert error.remedy == "Did you mean lstm?"


def test_an_error_of_no_key_stays_as_it_is(write: Write) -> None:
    """What is not about the config keeps its exit status."""
    error = NotConvertible("The model cannot be converted.")
    assert placed(error, load_config(write(CONFIG))) is error
    assert error.exit_status == 1
