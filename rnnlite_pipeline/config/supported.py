"""What a later version will build, refused until then: one row of a table each.

Who builds it deletes the row, or adds the value to it.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import dataclass

from rnnlite_pipeline.config.document import Loc
from rnnlite_pipeline.config.model import Config, FileSection
from rnnlite_pipeline.errors import ConfigError, Problem


@dataclass(frozen=True)
class Limit:
    """A key of which this version takes some values only.

    Attributes:
        key: The way to the key.
        works: The values it takes; of a list, the items.
        advice: What works today.
    """

    key: tuple[str, ...]
    works: tuple[object, ...]
    advice: str


CONFIG = (
    Limit(("converter", "allow_custom_ops"), (False,), "today: false, no custom ops"),
    Limit(("converter", "select_tf_ops"), (False,), "today: false, no Flex ops"),
)

PIPELINE: tuple[Limit, ...] = ()


def check_supported(config: Config) -> None:
    """Refuses what the config may say and this version cannot do yet.

    Raises:
        ConfigError: It asks for such a thing; each with its place, and with what works today.
    """
    _check(config, CONFIG)


def check_pipeline_supported(pipeline: FileSection) -> None:
    """The same of a pipeline.

    Raises:
        ConfigError: It asks for what this version cannot do yet.
    """
    _check(pipeline, PIPELINE)


def _check(loaded: FileSection, limits: tuple[Limit, ...]) -> None:
    problems = [problem for limit in limits for problem in _beyond(loaded, limit)]
    if problems:
        raise ConfigError(loaded.document.path, sorted(problems))


def _beyond(loaded: FileSection, limit: Limit) -> Iterator[Problem]:
    """The problem, if the value, or the first such item of a list, is beyond the limit."""
    value: object = functools.reduce(getattr, limit.key, loaded)
    places: list[tuple[Loc, object]] = [(limit.key, value)]
    if isinstance(value, tuple):
        places = [((*limit.key, i), item) for i, item in enumerate(value)]
    for loc, item in places:
        if item not in limit.works:
            what = f"{item} is" if isinstance(item, str) else "this is"
            if isinstance(item, bool):
                what = f"{str(item).lower()} is"
            yield loaded.document.problem(loc, f"{what} not built yet; {limit.advice}")
            return
