"""The schema of TFLite metadata, version 1.5.0, with file identifier M001.

Source: tensorflow/tflite-support, tensorflow_lite_support/metadata/metadata_schema.fbs. No package
that ships its generated classes installs beside today's TensorFlow, so the tables stand here in
the words of that file; the codec is the one that reads and writes models (graph/flat.py).
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from flatbuffers import number_types

from rnnlite_pipeline.graph.flat import Fields, Schema
from rnnlite_pipeline.graph.schema import Field, Table

#: Where a model keeps its metadata.
BUFFER_NAME = "TFLITE_METADATA"

#: Each table's fields in the order of the file; a union takes two slots.
TABLES = {
    "ModelMetadata": "name:string description:string version:string"
    " subgraph_metadata:[SubGraphMetadata] author:string license:string"
    " associated_files:[AssociatedFile] min_parser_version:string",
    "SubGraphMetadata": "name:string description:string"
    " input_tensor_metadata:[TensorMetadata] output_tensor_metadata:[TensorMetadata]"
    " associated_files:[AssociatedFile] input_process_units:[ProcessUnit]"
    " output_process_units:[ProcessUnit] input_tensor_groups:[TensorGroup]"
    " output_tensor_groups:[TensorGroup] custom_metadata:[CustomMetadata]",
    "TensorMetadata": "name:string description:string dimension_names:[string] content:Content"
    " process_units:[ProcessUnit] stats:Stats associated_files:[AssociatedFile]",
    "CustomMetadata": "name:string data:[ubyte]",
    "TensorGroup": "name:string tensor_names:[string]",
    "Stats": "max:[float] min:[float]",
    "ProcessUnit": "options:ProcessUnitOptions",
    "RegexTokenizerOptions": "delim_regex_pattern:string vocab_file:[AssociatedFile]",
    "SentencePieceTokenizerOptions": "sentencePiece_model:[AssociatedFile]"
    " vocab_file:[AssociatedFile]",
    "BertTokenizerOptions": "vocab_file:[AssociatedFile]",
    "ScoreThresholdingOptions": "global_score_threshold:float",
    "ScoreCalibrationOptions": "score_transformation:byte default_score:float",
    "NormalizationOptions": "mean:[float] std:[float]",
    "Content": "content_properties:ContentProperties range:ValueRange",
    "ValueRange": "min:int max:int",
    "BoundingBoxProperties": "index:[uint] type:byte coordinate_type:byte",
    "AudioProperties": "sample_rate:uint channels:uint",
    "ImageProperties": "color_space:byte default_size:ImageSize",
    "ImageSize": "width:uint height:uint",
    "FeatureProperties": "",
    "AssociatedFile": "name:string description:string type:byte locale:string version:string",
}

#: The members of each union, in the order of the file; the first has the value 1.
UNIONS = {
    "ContentProperties": (
        "FeatureProperties",
        "ImageProperties",
        "BoundingBoxProperties",
        "AudioProperties",
    ),
    "ProcessUnitOptions": (
        "NormalizationOptions",
        "ScoreCalibrationOptions",
        "ScoreThresholdingOptions",
        "BertTokenizerOptions",
        "SentencePieceTokenizerOptions",
        "RegexTokenizerOptions",
    ),
}

#: AssociatedFileType.
FILE_TYPES = {"labels": 2, "vocabulary": 5, "scann_index": 6}

#: ColorSpaceType.
COLOR_SPACES = {"rgb": 1, "grayscale": 2}

_PACKERS = {
    "byte": number_types.Int8Flags.packer_type,
    "ubyte": number_types.Uint8Flags.packer_type,
    "int": number_types.Int32Flags.packer_type,
    "uint": number_types.Uint32Flags.packer_type,
    "float": number_types.Float32Flags.packer_type,
}

#: The version that brought what a later parser alone understands: a field, a table of a union, or
#: a type of file. Everything else is 1.0.0. Source: cc/metadata_version.cc.
SINCE: dict[str, tuple[int, int, int]] = {
    "type 5": (1, 0, 1),
    "BertTokenizerOptions": (1, 1, 0),
    "SentencePieceTokenizerOptions": (1, 1, 0),
    "SubGraphMetadata.input_process_units": (1, 1, 0),
    "SubGraphMetadata.output_process_units": (1, 1, 0),
    "SubGraphMetadata.input_tensor_groups": (1, 2, 0),
    "SubGraphMetadata.output_tensor_groups": (1, 2, 0),
    "RegexTokenizerOptions": (1, 2, 1),
    "AudioProperties": (1, 3, 0),
    "type 6": (1, 4, 0),
    "AssociatedFile.version": (1, 4, 1),
    "SubGraphMetadata.custom_metadata": (1, 5, 0),
}


@cache
def table(name: str) -> Table:
    """The table `name`."""
    fields: list[Field] = []
    slot = 0
    for declared in TABLES[name].split():
        field, kind = declared.split(":")
        vector, kind = kind.startswith("["), kind.strip("[]")
        if kind in UNIONS:
            fields.append(_scalar(f"{field}_type", slot, "ubyte", vector=False))
            slot += 1
            fields.append(Field(field, slot, "union", vector, table=kind))
        elif kind in _PACKERS:
            fields.append(_scalar(field, slot, kind, vector=vector))
        elif kind == "string":
            fields.append(Field(field, slot, "string", vector))
        else:
            fields.append(Field(field, slot, "table", vector, table=kind))
        slot += 1
    return Table(name, slot, tuple(fields))


def _scalar(name: str, slot: int, kind: str, *, vector: bool) -> Field:
    default = 0.0 if kind == "float" else 0
    return Field(name, slot, "scalar", vector, _PACKERS[kind], None if vector else default)


@cache
def enum_names(union: str) -> dict[int, str]:
    """The members of a union by value."""
    return {0: "NONE", **dict(enumerate(UNIONS[union], start=1))}


def member(union: str, table_name: str) -> int:
    """The value of a member of a union."""
    return UNIONS[union].index(table_name) + 1


def min_parser_version(fields: Fields) -> str:
    """The oldest parser that understands all of a ModelMetadata: the newest thing in it decides."""
    return ".".join(map(str, max(_versions("ModelMetadata", fields))))


def _versions(name: str, fields: Fields) -> Iterator[tuple[int, int, int]]:
    """The version of a table and of all that is set in it."""
    yield SINCE.get(name, (1, 0, 0))
    for field in table(name).fields:
        value = fields.get(field.name)
        if value in (None, field.default):
            continue
        yield SINCE.get(f"{name}.{field.name}", (1, 0, 0))
        if name == "AssociatedFile" and field.name == "type":
            yield SINCE.get(f"type {value}", (1, 0, 0))
        below = field.table
        if field.kind == "union":
            below = enum_names(below)[fields[f"{field.name}_type"]]
        if field.kind in ("table", "union"):
            for each in value if field.vector else [value]:
                yield from _versions(below, each)


#: The schema, for the codec.
SCHEMA = Schema(
    "TFLite metadata",
    b"M001",
    table,
    enum_names,
    "Convert the model again; this writes its metadata again.",
)
