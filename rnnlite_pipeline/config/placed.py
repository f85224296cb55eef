"""The place in the file of what was found to be wrong after the config was read."""

from __future__ import annotations

import re

from rnnlite_pipeline.config.document import Loc, dotted
from rnnlite_pipeline.config.model import Config
from rnnlite_pipeline.errors import ConfigError, RnnliteError

#: The key that a message begins with: `quantization.calibration: `.
_KEY = re.compile(r"^([a-z_]+(?:\.[a-z_]+)+)(?:: | )(?=.)")


def _names(key: Loc) -> str:
    """The way to a value without the places in its lists: `quantization.skip`."""
    return dotted(tuple(part for part in key if isinstance(part, str)))


def placed(error: RnnliteError, config: Config) -> RnnliteError:
    """The error with file, line and column, where it is about a value of the config.

    Args:
        error: What a stage raised.
        config: Its config.
    """
    if not error.key:
        return error
    found = _KEY.match(error.message)
    said = error.message
    if found and f"{_names(error.key)}.".startswith(f"{found[1]}."):
        said = said[found.end() :]
    problem = config.document.problem(error.key, said)
    return ConfigError(config.document.path, [problem], error.remedy)
