"""Writes a config's `metadata:` into a model, and holds a model to it.

Rules:
    1. Every input and output has one TensorMetadata, in the order of the graph, under the name of
       the signature, whether the config describes it or not.
    2. Label and vocabulary files are packed as a stored zip behind the flatbuffer. Its offsets
       count from the start of the file: Android's reader expects that (ZipFile.java).
    3. `min_parser_version` is the version of the newest thing that is used.
    4. Where the config has no `metadata:`, a .tflite source keeps its own; other bytes behind its
       flatbuffer are kept, unless files are written there.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from rnnlite_pipeline.config import Config
from rnnlite_pipeline.config.associated import AssociatedFiles, packed_name
from rnnlite_pipeline.config.description import InputMetadata, OutputMetadata, TensorMetadata
from rnnlite_pipeline.errors import ConfigError
from rnnlite_pipeline.files import zip_bytes
from rnnlite_pipeline.graph.flat import Decoder, Fields, encode
from rnnlite_pipeline.graph.ir import Model
from rnnlite_pipeline.graph.write import write_model
from rnnlite_pipeline.metadata.checks import wrong_metadata
from rnnlite_pipeline.metadata.names import named_tensors
from rnnlite_pipeline.metadata.read import read_description, read_files
from rnnlite_pipeline.metadata.recurrent import (
    NAME,
    as_bytes,
    recurrent_facts,
    state_policy,
)
from rnnlite_pipeline.metadata.schema import (
    BUFFER_NAME,
    COLOR_SPACES,
    FILE_TYPES,
    SCHEMA,
    member,
    min_parser_version,
)


def described_model(model: Model, config: Config, layers: Iterable[Mapping[str, Any]]) -> bytes:
    """The .tflite file of a converted model, with its metadata and associated files.

    Args:
        model: The model; its metadata is set.
        config: Its description.
        layers: What is recorded of each recurrent layer (lower/layer_record.py).

    Raises:
        ConfigError: `metadata:` describes a tensor that the model does not have, or its files are
            wrong; each problem with its place.
    """
    trailer = model.trailer if BUFFER_NAME not in model.metadata else b""
    if config.metadata is None and BUFFER_NAME in model.metadata:
        files = read_files(model.trailer)
    else:
        associated = _checked_files(model, config)
        facts = as_bytes(recurrent_facts(model, layers, config.recurrent.state))
        model.metadata[BUFFER_NAME] = encode("ModelMetadata", _fields(model, config, facts), SCHEMA)
        files = associated.content
    model.trailer = b""
    content = write_model(model)
    return content + (zip_bytes(files, after=len(content)) if files else trailer)


def differences(model: Model, config: Config) -> list[str]:
    """The differences between a model's metadata and its config; empty where they agree.

    Raises:
        ConfigError: As `described_model`.
        ModelFormatError: The model's metadata is damaged.
    """
    found = read_description(model)
    if config.metadata is None:
        return []
    if found.fields is None:
        return ["the model has no metadata"]
    files = _checked_files(model, config).content
    facts = as_bytes(dict(found.recurrent))
    packed = encode("ModelMetadata", _fields(model, config, facts), SCHEMA)
    expected = Decoder(packed, SCHEMA).root("ModelMetadata")
    said = [
        f"{place or 'all'}: {_short(one)} instead of {_short(other)}"
        for place, one, other in _unequal("", found.fields, expected)
    ]
    said += [
        f"the file {n} differs"
        for n in sorted({*files, *found.files})
        if files.get(n) != found.files.get(n)
    ]
    if found.recurrent.get("state") != state_policy(model, config.recurrent.state):
        said.append("the recurrent facts do not name the model's state policy")
    return said


def _checked_files(model: Model, config: Config) -> AssociatedFiles:
    files = AssociatedFiles(config)
    wrong = [*files.wrong, *wrong_metadata(model, config, files)]
    if wrong:
        problems = {config.document.problem(loc, message) for loc, message in wrong}
        raise ConfigError(config.document.path, sorted(problems))
    return files


def _fields(model: Model, config: Config, facts: bytes) -> Fields:
    """The ModelMetadata; `facts` are the recurrent ones."""
    metadata = config.metadata
    told: dict[str, dict[str, TensorMetadata]] = {
        "inputs": {each.name: each for each in metadata.inputs} if metadata else {},
        "outputs": {each.name: each for each in metadata.outputs} if metadata else {},
    }
    sides = {
        side: [_tensor(name, told[side].get(name)) for name in named_tensors(model, side)]
        for side in ("inputs", "outputs")
    }
    fields: Fields = {
        "name": config.name,
        "description": metadata and metadata.description,
        "version": config.version,
        "author": metadata and metadata.author,
        "license": metadata and metadata.license,
        "subgraph_metadata": [
            {
                "name": model.main.name or None,
                "input_tensor_metadata": sides["inputs"],
                "output_tensor_metadata": sides["outputs"],
                "custom_metadata": [{"name": NAME, "data": facts}],
            }
        ],
    }
    return fields | {"min_parser_version": min_parser_version(fields)}


def _tensor(name: str, told: TensorMetadata | None) -> Fields:
    fields: Fields = {"name": name, "content": _content(told)}
    if told is None:
        return fields
    fields |= {"description": told.description, "dimension_names": told.dimensions}
    if told.range:
        fields["stats"] = {"min": [told.range[0]], "max": [told.range[1]]}
    if isinstance(told, InputMetadata) and told.normalization:
        options = {"mean": told.normalization.mean, "std": told.normalization.std}
        kind = member("ProcessUnitOptions", "NormalizationOptions")
        fields["process_units"] = [{"options_type": kind, "options": options}]
    if isinstance(told, InputMetadata) and told.vocabulary:
        fields["associated_files"] = [_file(told.vocabulary, "vocabulary")]
    if isinstance(told, OutputMetadata) and told.labels:
        fields["associated_files"] = [_file(told.labels, "labels")]
    return fields


def _content(told: TensorMetadata | None) -> Fields:
    """Of the given kind; numbers without a further meaning where none is given."""
    content = told and told.content
    table, properties = "FeatureProperties", dict[str, int | None]()
    if content and content.kind == "image":
        table = "ImageProperties"
        properties = {"color_space": COLOR_SPACES.get(content.color_space or "", 0)}
    elif content and content.kind == "audio":
        table = "AudioProperties"
        properties = {"sample_rate": content.sample_rate, "channels": content.channels}
    kind = member("ContentProperties", table)
    return {"content_properties_type": kind, "content_properties": properties}


def _file(named: str, kind: str) -> Fields:
    return {"name": packed_name(named), "type": FILE_TYPES[kind]}


def _unequal(place: str, found: object, expected: object) -> Iterator[tuple[str, object, object]]:
    """Where two values of fields differ, as deep as possible."""
    if isinstance(found, dict) and isinstance(expected, dict):
        for key in sorted({*found, *expected}):
            below = f"{place}.{key}" if place else key
            yield from _unequal(below, found.get(key), expected.get(key))
    elif isinstance(found, list) and isinstance(expected, list) and len(found) == len(expected):
        for i, pair in enumerate(zip(found, expected, strict=True)):
            yield from _unequal(f"{place}[{i}]", *pair)
    elif found != expected:
        yield place, found, expected


def _short(value: object) -> str:
    text = "nothing" if value is None else repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
