"""Keras 3 models built at random, each converted and held to what Keras computes."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from rnnlite_pipeline.sources.formats.keras import source_model
from rnnlite_pipeline.sources.model import SourceModel
from rnnlite_pipeline.toolchain import load
from tests.random_models.held import hold
from tests.random_models.keras_cells import AnyCellAuthor, models_of_any_cell
from tests.random_models.keras_fed import FedAuthor, models_that_feed_each_other
from tests.random_models.keras_models import Author, keras_models

QUIET = settings(
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=(Phase.generate,),
)


@settings(QUIET, max_examples=6)
@given(keras_models())
def test_a_random_model_is_fused_and_right(written: tuple[Any, Author]) -> None:
    """A Keras 3 model of any mix of layers is fused whole and equals Keras, in every call."""
    check(*written)


@pytest.mark.slow
@settings(QUIET, max_examples=220)
@given(keras_models())
def test_many_random_models_are_fused_and_right(written: tuple[Any, Author]) -> None:
    """More than 200 models of any mix of layers are fused whole and equal Keras."""
    check(*written)


@settings(QUIET, max_examples=5)
@given(models_of_any_cell())
def test_a_random_model_of_any_cell_is_right(written: tuple[Any, AnyCellAuthor]) -> None:
    """A Keras 3 model of any recurrent layers, masks too, needs builtin ops alone and is right."""
    check_any(*written)


@pytest.mark.slow
@settings(QUIET, max_examples=200)
@given(models_of_any_cell())
def test_many_random_models_of_any_cell_are_right(written: tuple[Any, AnyCellAuthor]) -> None:
    """200 models of any recurrent layers need builtin ops alone and equal Keras."""
    check_any(*written)


@settings(QUIET, max_examples=5)
@given(models_that_feed_each_other())
def test_random_recurrences_that_feed_each_other_are_right(written: tuple[Any, FedAuthor]) -> None:
    """Operators before each recurrence, and states of each other: builtin ops alone, and right."""
    check_any(*written)


@pytest.mark.slow
@settings(QUIET, max_examples=150)
@given(models_that_feed_each_other())
def test_many_recurrences_that_feed_each_other_are_right(written: tuple[Any, FedAuthor]) -> None:
    """150 models of recurrences that feed each other need builtin ops alone and equal Keras."""
    check_any(*written)


def check_any(model: Any, author: Author) -> None:
    """Converts a model, whatever its cells, and compares it with Keras."""
    hold(load_source(model), author.story)


def check(model: Any, author: Author) -> None:
    """Converts a model and compares it with Keras: fused ops, every output, batch and call."""
    split = author.choose(["group", "group", "split"])
    options = {
        "lowering": "fused",
        "time_major": author.choose(["keep", True, False]),
        "bidirectional": split,
    }
    conversion = hold(load_source(model), [*author.story, str(options)], **options)
    expected = Counter(author.fused)
    if split == "split":
        expected = Counter()
        for op, count in author.fused.items():
            each = 2 if op.startswith("BI") else 1
            expected["UNI" + op.removeprefix("BI").removeprefix("UNI")] += count * each
    ops = Counter(op.code for op in conversion.model.ops())
    found = Counter({code: n for code, n in ops.items() if "SEQUENCE" in code})
    story = "\n".join([*author.story, str(options)])
    assert found == expected, f"{found} instead of {expected}\n{story}"
    assert "WHILE" not in ops, story


def load_source(model: Any) -> SourceModel:
    """The model as a source; Keras then forgets the names it gave."""
    source = source_model(model, {})
    load("keras").backend.clear_session()
    return source
