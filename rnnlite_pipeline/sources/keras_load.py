"""Loading Keras 3 models: a `.keras` file safely, or what a function of the user's builds."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rnnlite_pipeline.errors import RnnliteError, SourceError
from rnnlite_pipeline.sources.environment import load
from rnnlite_pipeline.sources.keras_archive import Archive, read_archive
from rnnlite_pipeline.sources.model import first_line

if TYPE_CHECKING:
    from rnnlite_pipeline.config import Config


def load_keras(config: Config) -> Any:
    """The keras.Model that the config's source names.

    Raises:
        SourceError: The file is damaged or needs what the config does not allow or name, or the
            factory does not give a keras.Model.
    """
    source = config.source
    with _importable(config.folder):
        if source.factory is not None:
            return _built(source.factory)
        custom = {
            name: _attribute(target, f"source.custom_objects.{name}")
            for name, target in source.custom_objects.items()
        }
        return _loaded(config.resolve(str(source.path)), custom, source.allow_lambda)


def _loaded(path: Path, custom: Mapping[str, Any], allow_lambda: bool) -> Any:
    archive = read_archive(path)
    for name, registered in archive.custom.items():
        if name not in custom and registered not in custom:
            raise SourceError(
                f"{path.name} uses the class {name}, which is not part of Keras.",
                f"Name it in the config: source.custom_objects: {{{name}: your.module:{name}}}.",
            )
    if archive.lambdas and not allow_lambda:
        raise SourceError(
            f"{path.name} has a Lambda layer: Python code that would run on loading.",
            "If you trust the file, set source.allow_lambda: true; better, replace the Lambda by a "
            "layer of Keras.",
        )
    names = {archive.custom.get(name, name): value for name, value in custom.items()}
    try:
        return load("keras").saving.load_model(
            path, custom_objects={**custom, **names}, compile=False, safe_mode=not allow_lambda
        )
    except Exception as error:  # whatever a damaged file or a custom class raises
        raise _not_loaded(path, archive, error) from error


def _not_loaded(path: Path, archive: Archive, error: Exception) -> SourceError:
    here = load("keras").__version__
    reason = first_line(error)
    print(error, flush=True)
    if _release(archive.keras_version) > _release(here):
        return SourceError(
            f"{path.name} was written by Keras {archive.keras_version}; this is Keras {here}, "
            f"which cannot load it: {reason}",
            f"Install keras>={archive.keras_version}, or save the model with an older Keras.",
        )
    return SourceError(
        f"Keras {here} cannot load {path.name}: {reason}",
        "Check that keras.saving.load_model loads it, and that source.custom_objects names every "
        "class and function that is not part of Keras.",
    )


def _release(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".")[:2] if part.isdigit())


def _built(factory: str) -> Any:
    function = _attribute(factory, "source.factory")
    try:
        model = function()
    except RnnliteError:
        raise
    except Exception as error:  # the user's own code
        raise SourceError(
            f"source.factory {factory} raised {type(error).__name__}: {first_line(error)}",
            "Call it in Python, without arguments, until it returns a keras.Model.",
        ) from error
    if not isinstance(model, load("keras").Model):
        raise SourceError(
            f"source.factory {factory} returned a {type(model).__name__}; expected a keras.Model.",
            "Return the model itself; it must be one of Keras 3.",
        )
    return model


def _attribute(target: str, key: str) -> Any:
    """The object that `module:attribute` names."""
    load("keras")
    module, _, attribute = target.partition(":")
    try:
        value: Any = importlib.import_module(module)
        for part in attribute.split("."):
            value = getattr(value, part)
    except Exception as error:  # whatever the module raises on import
        raise SourceError(
            f"{key}: cannot import {target}: {first_line(error)}",
            "Expected module:attribute, the module beside the config, in the folder the command "
            "runs in, or installed.",
        ) from error
    return value


class _importable:
    """While open, modules beside the config and in the working folder can be imported."""

    def __init__(self, folder: Path) -> None:
        self.paths = [str(folder.resolve()), str(Path.cwd())]

    def __enter__(self) -> None:
        self.before = list(sys.path)
        sys.path[:0] = self.paths

    def __exit__(self, *_: object) -> None:
        sys.path[:] = self.before
