"""The source's answers: repeatable, and fair where an input is extreme."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from rnnlite_pipeline.errors import VerificationFailed
from rnnlite_pipeline.sources.model import Array, SourceModel, TensorSpec
from rnnlite_pipeline.verify.cases import Case
from rnnlite_pipeline.verify.oracle import Answer, Oracle

X = TensorSpec("x", "float32", (None,))
ONES = Case("ones", ({"x": np.ones(2, np.float32)},), extreme=True)
DATA = Case("data", ONES.feeds)


def oracle(function: Callable[[Array], Array], **fields: Any) -> Oracle:
    """An oracle of a source that computes y from x."""

    def run(arrays: Mapping[str, Array]) -> dict[str, Array]:
        return {"y": function(arrays["x"])}

    spec = TensorSpec("y", "float32", (None,))
    return Oracle(SourceModel((X,), (spec,), trace=lambda: None, run=run, **fields))


def refuse(_: Array) -> Array:
    """A source that takes nothing."""
    raise ValueError("needs 3 steps\nand a page of more")


def test_a_source_that_answers_otherwise_is_refused() -> None:
    """A source that is random cannot say what is right."""
    rng = np.random.default_rng(0)
    with pytest.raises(VerificationFailed, match="gives another result when it is called again"):
        oracle(lambda x: x + rng.random()).answer(DATA)
    assert isinstance(oracle(lambda x: x * np.array(np.nan, np.float32)).answer(DATA), Answer)


def test_a_source_that_refuses_fails_on_data_only() -> None:
    """Its own data it must take; an extreme input it may refuse, which is told."""
    with pytest.raises(VerificationFailed, match=r'"data" input: needs 3 steps\n'):
        oracle(refuse).answer(DATA)
    assert oracle(refuse).answer(ONES) == "the source refuses it: needs 3 steps"


def test_a_source_that_overflows_is_told() -> None:
    """An extreme input that the source itself has no finite answer to is set aside."""
    assert oracle(lambda x: x / np.array(0, np.float32)).answer(ONES) == "the source overflows"


def test_the_rounding_of_a_steep_source_is_measured() -> None:
    """One rounding of the input moves a source of slope 1000 a thousand times as far."""
    answer = oracle(lambda x: x * np.array(1000, np.float32)).answer(ONES)
    assert isinstance(answer, Answer)
    assert 5e-5 < answer.rounding["y"] < 2e-4


def test_indices_are_not_moved() -> None:
    """An input that holds indices stays whole when the others move by a rounding."""
    answer = oracle(lambda x: x * np.array(1000, np.float32), limits={"x": range(3)}).answer(ONES)
    assert isinstance(answer, Answer)
    assert answer.rounding["y"] == 0.0


def test_an_output_whose_shape_a_rounding_changes() -> None:
    """It gives no tolerance, as it would be an infinite one: any result at all would pass."""
    answer = oracle(lambda x: x[x >= 1]).answer(ONES)
    assert isinstance(answer, Answer)
    assert answer.rounding["y"] == 0.0


def test_the_rounding_of_a_model_of_indices_is_that_of_its_weights() -> None:
    """An index has no rounding; a feed with a float beside it is measured on that."""

    def both(_: Mapping[str, Array]) -> tuple[dict[str, Array], dict[str, Array]]:
        return {"y": np.ones(2, np.float32)}, {"y": np.array([1, 1.5], np.float32)}

    steep = oracle(lambda x: x * np.array(1000, np.float32)).source
    tokens = Case("300 steps", ({"x": np.ones(2, np.int32)},), extreme=True)
    for source, case, least in (
        (steep, tokens, 0.4),
        (replace(steep, limits={"x": range(4)}), ONES, 0.4),
        (steep, ONES, 5e-5),
    ):
        answer = Oracle(source, both).answer(case)
        assert isinstance(answer, Answer)
        assert least < answer.rounding["y"] < 10 * least
