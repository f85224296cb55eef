"""Which module opens a source, and what becomes of one that takes one batch entry alone."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Mapping
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from rnnlite_pipeline.config import Config
from rnnlite_pipeline.config.source import Source
from rnnlite_pipeline.sources import opening
from rnnlite_pipeline.sources.model import SourceModel, TensorSpec
from rnnlite_pipeline.sources.opening import FORMATS, describe, open_source

Array = np.ndarray[Any, Any]


@pytest.mark.parametrize("module", sorted(set(FORMATS.values())))
def test_every_format_has_a_module(module: str) -> None:
    """The module of a format opens sources; it imports no framework before it is asked to."""
    assert callable(importlib.import_module(module).open_source)


def _config(form: str) -> Config:
    return Config.model_validate(
        {"name": "m", "source": {"format": form, "path": "m"}, "verification": _DATA}
    )


_DATA = {"data": {"random": {"samples": 1}}}


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[Source]:
    """A source of every format that takes a batch of 1 alone; the list of how it was opened."""
    asked: list[Source] = []

    def open_it(config: Config) -> SourceModel:
        asked.append(config.source)
        shape = tuple(config.source.inputs.get("x", (None, 3)))
        return SourceModel((TensorSpec("x", "float32", shape),), (), lambda: None, _one_alone)

    module = ModuleType("one_alone")
    module.open_source = open_it  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "one_alone", module)
    monkeypatch.setattr(opening, "FORMATS", dict.fromkeys(FORMATS, "one_alone"))
    monkeypatch.setattr(opening, "with_states", lambda source: source)
    monkeypatch.setattr(opening, "with_ranges", lambda source: source)
    return asked


def _one_alone(feed: Mapping[str, Array]) -> dict[str, Array]:
    if len(feed["x"]) != 1:
        raise ValueError("a batch of 1, please\nand more words")
    return {}


def test_a_graph_for_one_entry_is_opened_for_one(
    opened: list[Source], capsys: pytest.CaptureFixture[str]
) -> None:
    """A graph that refuses several entries is opened again with its batch closed, and says so."""
    source = open_source(_config("saved_model"))
    assert source.inputs[0].shape == (1, 3)
    assert [dict(each.inputs) for each in opened] == [{}, {"x": (1, 3)}]
    warning = capsys.readouterr().out
    assert warning.startswith("warning: the source takes one batch entry alone")
    assert warning.endswith("a batch of 1, please\n")


def test_a_keras_model_keeps_its_batch(opened: list[Source]) -> None:
    """Layers take any batch, so a Keras file is not asked, and opened once."""
    assert open_source(_config("keras")).inputs[0].shape == (None, 3)
    assert len(opened) == 1


def test_a_description_can_be_compared() -> None:
    """The same interface gives the same JSON; an open dimension is null, a range two numbers."""
    spec = TensorSpec("tokens", "int32", (None, 7))
    source = SourceModel((spec,), (), lambda: None, dict, limits={"tokens": range(9)})
    told = describe(source)
    assert told["inputs"] == [{"name": "tokens", "dtype": "int32", "shape": [None, 7]}]
    assert told["limits"] == {"tokens": [0, 9]}
    assert told == describe(source)
