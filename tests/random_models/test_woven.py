"""Random models of several recurrences that feed each other, in many interpreters.

The slow run draws new models from a seed that can be told:

    RNNLITE_SEED=7 RNNLITE_DRAWS=200 python -m pytest -m slow tests/random_models/test_woven.py

Each draw is a test of its own, named by its number; `-k "keras-1007"` repeats one.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from tests.random_models.often import How, hold_often
from tests.random_models.woven import WovenAuthor
from tests.random_models.woven_loops import WovenLoopAuthor
from tests.random_models.woven_wider import WiderAuthor

Choose: TypeAlias = Callable[[Sequence[Any]], Any]

AUTHORS: dict[str, Callable[[Choose], Any]] = {
    "keras": lambda choose: WovenAuthor(None, None, choose=choose),
    "loops": WovenLoopAuthor,
    "wider": lambda choose: WiderAuthor(None, None, choose=choose),
}

SCHEMES = ("none", "none", "none", "dynamic_range", "float16", "int8")

#: Of authors who also say how their model is converted.
MORE_SCHEMES = (*SCHEMES, "int16x8")

#: Where the slow run begins, and how many it draws of each author.
SEED = int(os.environ.get("RNNLITE_SEED", "0"))
DRAWS = int(os.environ.get("RNNLITE_DRAWS", "60"))

#: Drawn in every run: of each author, one that is exact and one that is quantized.
SAMPLE = (("keras", 3), ("loops", 1))

#: Interpreters for each set of kernels, in the ordinary run and in the slow one.
FEW, MANY = 3, 12


@pytest.mark.parametrize(("author", "number"), SAMPLE)
def test_a_woven_model_is_right_in_each_interpreter(
    author: str, number: int, tmp_path: Path
) -> None:
    """Recurrences that feed each other give the framework's numbers, as sizes grow and shrink."""
    held(author, number, FEW, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("number", range(1000 * SEED, 1000 * SEED + DRAWS))
@pytest.mark.parametrize("author", AUTHORS)
def test_many_woven_models_are_right_in_each_interpreter(
    author: str, number: int, tmp_path: Path
) -> None:
    """Each drawn model gives the framework's numbers in 24 interpreters, in float or quantized."""
    held(author, number, MANY, tmp_path)


def held(author: str, number: int, interpreters: int, folder: Path) -> None:
    """Draws a model, how it is lowered, and in how many bits; holds it to its framework."""
    drawn = random.Random(number)
    written = AUTHORS[author](lambda options: drawn.choice(list(options)))
    how: Callable[[], How]
    if isinstance(written, WiderAuthor):
        scheme = drawn.choice(MORE_SCHEMES)
        how = partial(written.how, scheme)
    else:
        scheme, lowering = drawn.choice(SCHEMES), drawn.choice(["auto", "auto", "loop"])
        how = partial(lambda form: ({"lowering": form}, ("litert",)), lowering)
    calls = hold_often(written, folder, interpreters=interpreters, scheme=scheme, how=how)
    assert calls >= 2 * interpreters
