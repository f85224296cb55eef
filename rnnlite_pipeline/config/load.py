"""Reading a config: the file, its values, and every problem of both at once."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError

from rnnlite_pipeline.config.document import read_document
from rnnlite_pipeline.config.model import Config, FileSection
from rnnlite_pipeline.config.problems import problems_of
from rnnlite_pipeline.config.variants import (
    BASE,
    forbidden_keys,
    split_reference,
    variant_documents,
)
from rnnlite_pipeline.errors import CallError, ConfigError, Problem, did_you_mean

AnyFile = TypeVar("AnyFile", bound=FileSection)


def load_config(path: Path) -> Config:
    """Reads a config file and checks what can be checked without other files.

    Args:
        path: The file, which gives the config without its variants; or `CONFIG/VARIANT`.

    Raises:
        CallError: There is no such file, or it has no such variant.
        ConfigError: The file is wrong; it names every problem with its place.
    """
    return load_releases(path)[0]


def load_releases(path: Path) -> tuple[Config, ...]:
    """Reads every release of a config file: the config itself, then each variant, in their order.

    Args:
        path: The file; or `CONFIG/VARIANT`, which gives that variant alone, and `CONFIG/base`.

    Raises:
        CallError: There is no such file, or it has no such variant.
        ConfigError: The file is wrong; it names every problem with its place.
    """
    file, chosen = split_reference(path)
    base = load_file(Config, file)
    if chosen and chosen not in (BASE, *base.variants):
        hint = did_you_mean(chosen, (BASE, *base.variants)).replace("There are", "It has")
        raise CallError(f"{file} has no variant {chosen}.", hint)
    if chosen == BASE:
        return (base,)
    variants = _variants(base, (chosen,) if chosen else tuple(base.variants))
    return variants if chosen else (base, *variants)


def _variants(base: Config, names: tuple[str, ...]) -> tuple[Config, ...]:
    configs: list[Config] = []
    problems: set[Problem] = set()
    for document in variant_documents(base.document, names):
        problems.update(forbidden_keys(base.document, document.variant))
        try:
            configs.append(Config.model_validate(document.value, context=document))
        except ValidationError as error:
            problems.update(problems_of(Config, document, error.errors(include_url=False)))
    if problems:
        raise ConfigError(base.document.path, sorted(problems))
    return tuple(configs)


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
