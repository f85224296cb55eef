"""Keras models, opened by the Keras that wrote them: `.keras` and H5 files, or a factory.

Keras 3 opens what Keras 3 wrote; Keras 2 and tf-keras, whose layers differ in places, are opened
by tf-keras. The file says which it was; its suffix does not matter.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rnnlite_pipeline.errors import SourceError
from rnnlite_pipeline.sources.formats import keras, tf_keras
from rnnlite_pipeline.sources.formats.architecture import is_architecture
from rnnlite_pipeline.sources.formats.h5 import is_h5, read_architecture, read_h5
from rnnlite_pipeline.sources.formats.keras_archive import Archive, read_archive
from rnnlite_pipeline.sources.formats.keras_load import load_model
from rnnlite_pipeline.sources.model import SourceModel
from rnnlite_pipeline.sources.reference import attribute, built, importable
from rnnlite_pipeline.toolchain import load

if TYPE_CHECKING:
    from rnnlite_pipeline.config import Config


def open_source(config: Config) -> SourceModel:
    """The Keras model that the config's source names.

    Raises:
        SourceError: It cannot be loaded or built, holds what the config does not allow or name,
            or its interface cannot be a LiteRT model's.
    """
    source = config.source
    with importable(config.folder):
        if source.factory is not None:
            return _opened(_built(source.factory), config)
        path = config.resolve(str(source.path))
        archive = _read(path, config.resolve(source.weights) if source.weights else None)
        if archive.is_legacy:
            tf_keras.prepare_tf_keras()
        custom = {
            name: attribute(target, f"source.custom_objects.{name}")
            for name, target in source.custom_objects.items()
        }
        _check(path, archive, custom, source.allow_lambda)
        names = {archive.custom.get(name, name): value for name, value in custom.items()}
        return _opened(load_model(path, archive, {**custom, **names}, source.allow_lambda), config)


def _read(path: Path, weights: Path | None) -> Archive:
    """What a file says of itself, whatever its suffix."""
    if is_architecture(path):
        return read_architecture(path, weights)
    if weights is not None:
        raise SourceError(
            f"source.weights is given, and {path} is no architecture as JSON or YAML.",
            "A file of a whole model has its weights: leave source.weights out.",
            ("source", "weights"),
        )
    return read_h5(path) if is_h5(path) else read_archive(path)


def _opened(model: Any, config: Config) -> SourceModel:
    if _is_tf_keras(model):
        return tf_keras.source_model(model, config.source.inputs)
    return keras.source_model(model, config.source.inputs)


def _is_tf_keras(model: Any) -> bool:
    """Whether tf-keras made it; not imported just to know."""
    module = sys.modules.get("tf_keras")
    return module is not None and isinstance(model, module.Model)


def _check(path: Path, archive: Archive, custom: Mapping[str, Any], allow_lambda: bool) -> None:
    for name, registered in archive.custom.items():
        if name not in custom and registered not in custom:
            raise SourceError(
                f"{path.name} uses the class {name}, which is not part of Keras.",
                f"Name it in the config: source.custom_objects: {{{name}: your.module:{name}}}. "
                f"For `rnnlite init`, give --custom-object {name}=your.module:{name}.",
                ("source", "custom_objects"),
            )
    if archive.lambdas and not allow_lambda:
        raise SourceError(
            f"{path.name} has a Lambda layer: Python code that would run on loading.",
            "If you trust the file, set source.allow_lambda: true; better, replace the Lambda by a "
            "layer of Keras.",
            ("source", "allow_lambda"),
        )


def _built(factory: str) -> Any:
    load("keras")
    model = built(factory, "a keras.Model")
    if not isinstance(model, load("keras").Model) and not _is_tf_keras(model):
        raise SourceError(
            f"source.factory {factory} returned a {type(model).__name__}; expected a keras.Model.",
            "Return the model itself, of Keras 3 or of tf-keras.",
            ("source", "factory"),
        )
    return model
