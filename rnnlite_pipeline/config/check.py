"""All that `validate` checks of a config, beyond reading it, told at once."""

from __future__ import annotations

from rnnlite_pipeline.config.files import check_files
from rnnlite_pipeline.config.model import Config
from rnnlite_pipeline.config.supported import check_supported
from rnnlite_pipeline.errors import ConfigError


def check(config: Config) -> None:
    """Checks that this version can do what a config asks for, and the files it names.

    Raises:
        ConfigError: Something is wrong; it names every problem with its place. A pipeline whose
            own file is wrong is named once the config is right.
    """
    errors = []
    for part in (check_supported, check_files):
        try:
            part(config)
        except ConfigError as error:
            errors.append(error)
    own = [error for error in errors if error.path == config.document.path]
    if own:
        problems = {problem for error in own for problem in error.details}
        raise ConfigError(config.document.path, sorted(problems))
    for error in errors:
        raise error
