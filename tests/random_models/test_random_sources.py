"""Models of TensorFlow 1, of tf-keras and written by hand, at random, held to their framework."""

from __future__ import annotations

from typing import Any, TypeAlias

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.random_models.held import hold
from tests.random_models.loop_models import LoopAuthor
from tests.random_models.tf1_models import Tf1Author
from tests.random_models.tf_keras_models import TfKerasAuthor

#: TensorFlow 1's cells say, each time, that they are old.
pytestmark = pytest.mark.filterwarnings("ignore:.*is deprecated and will be removed")

Author: TypeAlias = type[Tf1Author] | type[TfKerasAuthor] | type[LoopAuthor]


@pytest.mark.parametrize("author", [Tf1Author, TfKerasAuthor, LoopAuthor])
def test_random_models_of_a_source_are_right(author: Author) -> None:
    """A model of any cell, however it is run, needs builtin ops alone and is right."""
    hold_random(author, 3)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("author", "count"), [(Tf1Author, 120), (TfKerasAuthor, 100), (LoopAuthor, 100)]
)
def test_many_random_models_of_a_source_are_right(author: Author, count: int) -> None:
    """320 models of any cell, however they are run, need builtin ops alone and are right."""
    hold_random(author, count)


def hold_random(author: Author, count: int) -> None:
    """Has an author write models, each drawn anew, and holds each to its framework."""

    @settings(
        max_examples=count,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        phases=(Phase.generate,),
    )
    @given(st.data())
    def held(data: Any) -> None:
        writer = author(lambda options: data.draw(st.sampled_from(list(options))))
        source = writer.source()
        hold(source, writer.story, writer.time_major)

    held()
