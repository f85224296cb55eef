"""Errors that a stage finds get the place of the value in the config."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from rnnlite_pipeline.config import load_config, placed
from rnnlite_pipeline.errors import ConfigError, NotConvertible, SourceError, StageError

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
    error = placed(StageError(said, "Did you mean lstm?", ("quantization", "skip", 1)), config)
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


TARGETS = """\
name: m
source: {format: keras, path: m.keras}
targets:
  - litert
  - tflm
  - ethos-u55
variants:
  mcu:
    targets: [tflm]
"""


@pytest.mark.parametrize(
    ("text", "variant", "target", "place"),
    [
        (TARGETS, "", "tflm", "5:5: targets[1]: "),
        (TARGETS, "mcu", "tflm", "9:15: variants.mcu.targets[0]: "),
        (CONFIG, "", "litert", "1:1: targets: "),
        (
            f"{CONFIG}verification: {{runtimes: [tflm]}}\n",
            "",
            "tflm",
            "4:27: verification.runtimes[0]: ",
        ),
    ],
)
def test_a_target_has_the_line_that_names_it(
    write: Write, text: str, variant: str, target: str, place: str
) -> None:
    """In targets, in a variant's, or in verification.runtimes; else the first line."""
    config = load_config(write(text) / variant)
    error = placed(NotConvertible("It is not taken.", key=("targets", target)), config)
    assert isinstance(error, ConfigError)
    assert error.problems[0].startswith(f"{place}It is not taken.")
    assert error.exit_status == 1  # the config is right, but this model cannot be converted so


def test_each_part_of_an_error_has_its_place(write: Write) -> None:
    """Two targets that refuse a model are two problems, in the order of the file."""
    parts = [(("targets", "ethos-u55"), "no WHILE"), (("targets", "tflm"), "no FFT")]
    error = placed(
        NotConvertible("All of it.", "Do this.", parts=parts), load_config(write(TARGETS))
    )
    assert isinstance(error, ConfigError)
    assert [(each.line, each.message) for each in error.details] == [(5, "no FFT"), (6, "no WHILE")]
    assert error.remedy == "Do this."


@pytest.mark.parametrize(("named", "key"), [("path: m.keras", "path"), ("factory: a:b", "factory")])
def test_a_source_error_has_the_place_of_the_source(write: Write, named: str, key: str) -> None:
    """It is the path, or the factory, unless the error names another key of the source."""
    config = load_config(write(f"name: m\nsource:\n  format: keras\n  {named}\n"))
    whole = placed(SourceError("It is damaged."), config)
    other = placed(SourceError("It is jax.", key=("source", "format")), config)
    assert isinstance(whole, ConfigError)
    assert isinstance(other, ConfigError)
    assert (whole.details[0].line, whole.details[0].key) == (4, f"source.{key}")
    assert (other.details[0].line, other.details[0].key) == (3, "source.format")
    assert (whole.exit_status, other.exit_status) == (2, 2)
