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
    errors: list[ConfigError] = []
    for part in (check_supported, check_files):
        try:
            part(config)
        except ConfigError as error:
            errors.append(error)
    path = config.document.path
    if problems := {problem for each in errors if each.path == path for problem in each.details}:
        raise ConfigError(path, sorted(problems))
    if errors:
        raise errors[0]
