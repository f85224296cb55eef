"""What a Keras file says of itself, read without Keras and without running anything of it."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PureWindowsPath
from typing import Any

from rnnlite_pipeline.errors import SourceError
from rnnlite_pipeline.files import BROKEN_ZIP

_MEMBERS = ("config.json", "metadata.json", "model.weights.h5")
_REMEDY = "Save the model again with model.save(...) of Keras 3, and copy the whole file."
#: What a .tflite file can hold at most, for weights and their optimizer's; and a config's most.
LARGEST, LARGEST_CONFIG = 2**33, 2**26
#: Packages whose classes Keras finds by itself.
_KERAS = ("keras", "tf_keras", "keras_hub", "keras_cv", "keras_nlp")


@dataclass(frozen=True)
class Archive:
    """A file with a whole model.

    Attributes:
        keras_version: The Keras, or tf-keras, that wrote it.
        custom: The classes in it that are not Keras' own, each with its registered name.
        lambdas: Whether it carries Python code (Lambda layers).
        architecture: The model's config as JSON.
        weights: The H5 file of the weights; None where loading the model itself brings them.
    """

    keras_version: str
    custom: Mapping[str, str]
    lambdas: bool
    architecture: Any = None
    weights: Path | None = None

    @property
    def is_legacy(self) -> bool:
        """Whether Keras 2 or tf-keras wrote it."""
        major = self.keras_version.split(".")[0]
        return major.isdigit() and int(major) < 3


def read_archive(path: Path) -> Archive:
    """Checks that a file is a whole `.keras` file, and reads what loading it will need.

    Raises:
        SourceError: It is not there, not whole, or something else.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            missing = [m for m in _MEMBERS if m not in archive.namelist()]
            if missing:
                raise SourceError(f"{path} is no .keras file: it has no {missing[0]}.", _REMEDY)
            _check_entries(path, archive)
            damaged = archive.testzip()
            if damaged:
                raise SourceError(f"{path} is damaged: {damaged} fails its checksum.", _REMEDY)
            config = json.loads(archive.read("config.json"))
            version = str(json.loads(archive.read("metadata.json"))["keras_version"])
            return describe_objects(version, config)
    except OSError as error:
        raise SourceError(
            f"{path} cannot be read: {error.strerror or error}.", "Check source.path."
        ) from error
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise SourceError(
            f"{path} is damaged: its config or metadata cannot be read.", _REMEDY
        ) from error
    except BROKEN_ZIP as error:
        raise SourceError(
            f"{path} is no .keras file, or it was cut short: expected a zip archive.", _REMEDY
        ) from error


def _check_entries(path: Path, archive: zipfile.ZipFile) -> None:
    """No more than a model can hold, as the directory declares it, and no way out of the folder.

    What is read of an entry is never more than it declares.
    """
    entries = archive.infolist()
    declared = sum(entry.file_size for entry in entries)
    config = sum(e.file_size for e in entries if e.filename.endswith(".json"))
    if declared > LARGEST or config > LARGEST_CONFIG:
        raise SourceError(
            f"{path} says that it holds {declared:,} bytes, {config:,} of them the config; "
            f"expected at most {LARGEST:,} and {LARGEST_CONFIG:,}.",
            "Make the model smaller, and save it without its optimizer.",
        )
    if any(entry.compress_size > path.stat().st_size for entry in entries):
        raise SourceError(f"{path} is damaged: an entry is larger than the file.", _REMEDY)
    for name in (entry.filename for entry in entries):
        if ".." in name.replace("\\", "/").split("/") or PureWindowsPath(name).anchor:
            raise SourceError(f"{path} has an entry that leaves its folder: {name}.", _REMEDY)


def describe_objects(version: str, config: Any) -> Archive:
    """What a model's config, as JSON, says of itself."""
    objects = list(_objects(config))
    lambdas = any(_is_lambda(each) for each in objects)
    return Archive(version, dict(_custom(objects)), lambdas, config)


def _objects(value: Any) -> Iterator[Mapping[str, Any]]:
    """Every serialized object of a config, however deep."""
    if isinstance(value, dict):
        if isinstance(value.get("class_name"), str):
            yield value
        for each in value.values():
            yield from _objects(each)
    elif isinstance(value, list):
        for each in value:
            yield from _objects(each)


def _custom(objects: list[Mapping[str, Any]]) -> Iterator[tuple[str, str]]:
    for each in objects:
        name, registered = each["class_name"], each.get("registered_name")
        package = str(each.get("module") or "").split(".")[0]
        if "module" in each and package not in (*_KERAS, "builtins"):
            yield name, registered or name


def _is_lambda(each: Mapping[str, Any]) -> bool:
    return each["class_name"] in ("Lambda", "__lambda__")


def lambda_codes(archive: Archive) -> Iterator[tuple[str, str]]:
    """Name and code, marshalled and in base64, of each Lambda that Keras 1 or 2 stored."""
    for each in _objects(archive.architecture):
        config = each.get("config")
        if not _is_lambda(each) or not isinstance(config, Mapping):
            continue
        function = config.get("function")
        code = function.get("code") if isinstance(function, Mapping) else function
        code = code[0] if isinstance(code, (list, tuple)) and code else code
        if isinstance(code, str) and config.get("function_type", "lambda") == "lambda":
            yield str(config.get("name", "lambda")), code
