"""Reading a config: the file, its values, and every problem of both at once."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError

from rnnlite_pipeline.config.document import read_document
from rnnlite_pipeline.config.model import Config, FileSection
from rnnlite_pipeline.config.problems import problems_of
from rnnlite_pipeline.errors import ConfigError

AnyFile = TypeVar("AnyFile", bound=FileSection)


def load_config(path: Path) -> Config:
    """Reads a config file and checks all that the YAML alone can tell.

    Raises:
        CallError: There is no such file.
        ConfigError: The file is wrong; it names every problem with its place.
    """
    return load_file(Config, path)


def load_file(model: type[AnyFile], path: Path) -> AnyFile:
    """Reads a YAML file as a model.

    Raises:
        CallError: There is no such file.
        ConfigError: The file is wrong.
    """
    document = read_document(path)
    try:
        values = model.model_validate(document.value, context=document)
    except ValidationError as error:
        errors = error.errors(include_url=False)
        raise ConfigError(path, problems_of(model, document, errors)) from None
    if document.problems:
        raise ConfigError(path, sorted(document.problems))
    return values
