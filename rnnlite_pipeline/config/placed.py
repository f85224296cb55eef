"""The place in the file of what was found to be wrong after the config was read."""

from __future__ import annotations

import re

from rnnlite_pipeline.config.document import Loc, dotted
from rnnlite_pipeline.config.model import Config
from rnnlite_pipeline.errors import ConfigError, Key, NotConvertible, RnnliteError

#: The key that a message begins with: `quantization.calibration: `.
_KEY = re.compile(r"^([a-z_]+(?:\.[a-z_]+)+)(?:: | )(?=.)")


def _names(key: Loc) -> str:
    """The way to a value without the places in its lists: `quantization.skip`."""
    return dotted(tuple(part for part in key if isinstance(part, str)))


def placed(error: RnnliteError, config: Config) -> RnnliteError:
    """The error with file, line and column, where it is about a value of the config.

    A model that cannot be converted as the config asks has a place too, but its stage has failed:
    it keeps the exit status 1. Any other is a wrong config, 2.

    Args:
        error: What a stage raised.
        config: Its config.
    """
    parts = error.parts or ([(error.key, error.message)] if error.key else [])
    if not parts:
        return error
    problems = [config.document.problem(_way(key, config), _rest(key, said)) for key, said in parts]
    found = ConfigError(config.document.path, sorted(problems), error.remedy)
    if isinstance(error, NotConvertible):
        found.exit_status = error.exit_status
    return found


def _rest(key: Key, said: str) -> str:
    """A message without the key that it begins with, which the place says."""
    found = _KEY.match(said)
    return said[found.end() :] if found and f"{_names(key)}.".startswith(f"{found[1]}.") else said


def _way(key: Key, config: Config) -> Loc:
    """The way to a value in the file.

    1. A source is its path, or its factory.
    2. A target stands in `targets`, or in `verification.runtimes`, which means it as well.
    """
    if key == ("source",):
        return ("source", "factory" if config.source.factory else "path")
    if key[:1] != ("targets",) or len(key) < 2:
        return key
    _, name = key
    if "targets" in config.model_fields_set and name in config.targets:
        return ("targets", config.targets.index(name))
    runtimes = config.verification.runtimes or ()
    return ("verification", "runtimes", runtimes.index(name)) if name in runtimes else ("targets",)
