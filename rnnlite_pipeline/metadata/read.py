"""The metadata of a model, read from its file as any other tool reads it."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from rnnlite_pipeline.errors import ModelFormatError
from rnnlite_pipeline.graph.flat import Decoder, Fields
from rnnlite_pipeline.graph.ir import Model
from rnnlite_pipeline.metadata.recurrent import NAME
from rnnlite_pipeline.metadata.schema import BUFFER_NAME, FILE_TYPES, SCHEMA, member

#: The largest associated files that are read, all together, in bytes.
LARGEST_FILES = 64 * 1024 * 1024


@dataclass(frozen=True)
class Description:
    """The metadata of a model.

    Attributes:
        fields: The ModelMetadata by field name; None where the model has none.
        files: The associated files by name.
        recurrent: The recurrent facts (recurrent.py); empty where there are none.
    """

    fields: Fields | None = None
    files: Mapping[str, bytes] = field(default_factory=dict)
    recurrent: Mapping[str, Any] = field(default_factory=dict)

    def tensors(self, side: str) -> list[Fields]:
        """The TensorMetadata of each input or output; `side` is "inputs" or "outputs"."""
        key = "input_tensor_metadata" if side == "inputs" else "output_tensor_metadata"
        return list(_first_graph(self.fields or {}).get(key, ()))

    def missing(self, field: str) -> str:
        """What is missing of a field, in words; empty if the field is given.

        Args:
            field: `author`, or a tensor's: `inputs.description` means that of every input.
        """
        side, _, of_tensor = field.partition(".")
        if not of_tensor:
            return "" if (self.fields or {}).get(field) else "not given"
        tensors = self.tensors(side)
        if not tensors:
            return f"not given: the metadata describes no {side}"
        without = [t.get("name", "") for t in tensors if not _told(t, of_tensor)]
        return f"not given for {', '.join(without)}" if without else ""


#: The field of TensorMetadata that has a key of a tensor's `metadata:`.
TENSOR_FIELDS = {
    "description": "description",
    "dimensions": "dimension_names",
    "content": "content",
    "range": "stats",
    "normalization": "process_units",
    "vocabulary": "associated_files",
    "labels": "associated_files",
}


def _told(tensor: Fields, key: str) -> bool:
    """Whether the metadata of a tensor has a key; fields that serve several keys, by their type."""
    value = tensor.get(TENSOR_FIELDS[key])
    if key in FILE_TYPES:
        return any(file.get("type") == FILE_TYPES[key] for file in value or ())
    if key == "normalization":
        kind = member("ProcessUnitOptions", "NormalizationOptions")
        return any(unit.get("options_type") == kind for unit in value or ())
    return bool(value)


def _first_graph(fields: Fields) -> Fields:
    """The SubGraphMetadata of the main graph; empty where there is none."""
    graphs: list[Fields] = fields.get("subgraph_metadata") or [{}]
    return graphs[0]


def read_description(model: Model) -> Description:
    """The metadata of a model as read from a file.

    Raises:
        ModelFormatError: The metadata is damaged, or its files are.
    """
    blob = model.metadata.get(BUFFER_NAME)
    if blob is None:
        return Description()
    fields = Decoder(blob, SCHEMA).root("ModelMetadata")
    return Description(fields, read_files(model.trailer), _recurrent(fields))


def read_files(trailer: bytes) -> dict[str, bytes]:
    """The files of the zip at the end of a model.

    Its offsets may count from the start of the zip or from the start of the model.

    Args:
        trailer: The bytes behind the flatbuffer; empty where there are none.

    Raises:
        ModelFormatError: It is no zip, a member is compressed, or the files are too large.
    """
    if not trailer:
        return {}
    try:
        with zipfile.ZipFile(io.BytesIO(trailer)) as archive:
            members = archive.infolist()
            if any(each.compress_type != zipfile.ZIP_STORED for each in members):
                raise _damaged("they are compressed, and readers expect them stored")
            if sum(each.file_size for each in members) > LARGEST_FILES:
                raise _damaged(f"they are larger than {LARGEST_FILES:,} bytes")
            return {each.filename: archive.read(each) for each in members if not each.is_dir()}
    except (zipfile.BadZipFile, EOFError, NotImplementedError, OSError, RuntimeError, ValueError):
        raise _damaged("they are no zip") from None


def _recurrent(fields: Fields) -> dict[str, Any]:
    custom = _first_graph(fields).get("custom_metadata", ())
    blobs = {each.get("name"): each.get("data", b"") for each in custom}
    if NAME not in blobs:
        return {}
    try:
        facts = json.loads(blobs[NAME])
    except (ValueError, RecursionError):
        facts = None
    if not isinstance(facts, dict):
        raise ModelFormatError(f"The custom metadata {NAME} is no JSON object.", SCHEMA.remedy)
    return facts


def _damaged(why: str) -> ModelFormatError:
    return ModelFormatError(
        f"The files packed at the end of the model cannot be read: {why}.", SCHEMA.remedy
    )
