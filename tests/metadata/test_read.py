"""The metadata of a model, read from its file."""

from __future__ import annotations

import io
import zipfile
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rnnlite_pipeline.config.pipeline import METADATA_FIELDS
from rnnlite_pipeline.errors import ModelFormatError
from rnnlite_pipeline.files import zip_bytes
from rnnlite_pipeline.graph.flat import encode
from rnnlite_pipeline.graph.read import read_model
from rnnlite_pipeline.metadata import described_model, read, read_description
from rnnlite_pipeline.metadata.read import Description, read_files
from rnnlite_pipeline.metadata.recurrent import NAME
from rnnlite_pipeline.metadata.schema import BUFFER_NAME, FILE_TYPES, SCHEMA, member
from tests.metadata.described import config, layer, model


def told(**fields: Any) -> Description:
    """The metadata of a main graph with these fields."""
    return Description({"subgraph_metadata": [fields]})


@pytest.mark.parametrize(
    "fields", [None, {}, {"subgraph_metadata": []}, {"subgraph_metadata": [{}]}]
)
def test_a_model_that_tells_nothing_has_no_tensors(fields: Any) -> None:
    """However little of the metadata is there."""
    found = Description(fields)
    assert (found.tensors("inputs"), found.tensors("outputs")) == ([], [])
    assert found.missing("inputs.description") == "not given: the metadata describes no inputs"
    assert found.missing("outputs.labels") == "not given: the metadata describes no outputs"
    assert found.missing("author") == "not given"


def test_each_side_has_its_own_tensors() -> None:
    """Inputs are no outputs; subgraphs behind the first one do not count."""
    found = Description(
        {
            "subgraph_metadata": [
                {"input_tensor_metadata": [{"name": "x"}]},
                {"output_tensor_metadata": [{"name": "inner"}]},
            ]
        }
    )
    assert found.tensors("inputs") == [{"name": "x"}]
    assert found.tensors("outputs") == []


def test_what_is_missing_is_told_by_tensor() -> None:
    """Empty where every tensor has the field."""
    tensors = [{"name": "a", "description": "d"}, {"name": "b"}, {"name": "c", "description": ""}]
    found = told(input_tensor_metadata=tensors)
    assert found.missing("inputs.description") == "not given for b, c"
    assert told(input_tensor_metadata=tensors[:1]).missing("inputs.description") == ""
    assert Description({"author": "me"}).missing("author") == ""


NORMALIZED = {"options_type": member("ProcessUnitOptions", "NormalizationOptions"), "options": {}}
THRESHOLD = {"options_type": member("ProcessUnitOptions", "ScoreThresholdingOptions")}


@pytest.mark.parametrize(
    ("field", "tensor", "given"),
    [
        ("outputs.labels", {"associated_files": [{"type": FILE_TYPES["labels"]}]}, True),
        ("outputs.labels", {"associated_files": [{"type": FILE_TYPES["vocabulary"]}]}, False),
        ("inputs.vocabulary", {"associated_files": [{"type": FILE_TYPES["vocabulary"]}]}, True),
        ("inputs.vocabulary", {"associated_files": [{"name": "x"}]}, False),
        ("inputs.normalization", {"process_units": [THRESHOLD, NORMALIZED]}, True),
        ("inputs.normalization", {"process_units": [THRESHOLD]}, False),
        ("inputs.range", {"stats": {"min": [0.0]}}, True),
        ("inputs.dimensions", {"dimension_names": []}, False),
        ("inputs.content", {"content": {"content_properties_type": 1}}, True),
    ],
)
def test_a_field_of_several_kinds_is_held_to_its_kind(
    field: str, tensor: dict[str, Any], given: bool
) -> None:
    """A vocabulary is no list of labels, a threshold no normalization."""
    tensors = [{"name": "t", **tensor}]
    found = told(input_tensor_metadata=tensors, output_tensor_metadata=tensors)
    assert found.missing(field) == ("" if given else "not given for t")


@pytest.mark.parametrize("field", METADATA_FIELDS)
def test_every_field_that_a_gate_can_ask_for_is_known(field: str) -> None:
    """A gate of any of them has an answer."""
    assert told(input_tensor_metadata=[{"name": "t"}]).missing(field)


def test_a_model_without_metadata_is_read() -> None:
    """It has neither fields nor files, whatever follows its flatbuffer."""
    assert read_description(replace(model(), trailer=b"of another tool")) == Description()


def test_files_are_read_wherever_their_offsets_count_from() -> None:
    """From the start of the zip, or from that of the model; folders in it are no files."""
    files = {"a.txt": b"1", "b/c.txt": b""}
    assert read_files(b"") == {}
    assert read_files(zip_bytes(files)) == files
    assert read_files(zip_bytes(files, after=1000)) == files
    assert read_files(zip_bytes({"b/": b"", **files})) == files


def test_files_that_are_too_large_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """All together; the sizes in the directory of the zip count, so nothing is unpacked."""
    packed = zip_bytes({"a": b"x" * 60, "b": b"x" * 41})
    monkeypatch.setattr(read, "LARGEST_FILES", 101)
    assert len(read_files(packed)) == 2
    monkeypatch.setattr(read, "LARGEST_FILES", 100)
    with pytest.raises(ModelFormatError, match="they are larger than 100 bytes"):
        read_files(packed)


@pytest.mark.parametrize("trailer", [b"\0" * 100, b"PK", zip_bytes({"a": b"1"})[:-10]])
def test_what_is_no_zip_is_refused(trailer: bytes) -> None:
    """With the error that a user sees."""
    with pytest.raises(ModelFormatError, match="they are no zip"):
        read_files(trailer)


def test_a_damaged_file_is_refused() -> None:
    """Each file has its checksum."""
    packed = zip_bytes({"a": b"content"}).replace(b"content", b"kontent", 1)
    with pytest.raises(ModelFormatError, match="they are no zip"):
        read_files(packed)


@pytest.mark.parametrize(
    ("custom", "facts"),
    [
        ([], {}),
        ([{"name": "other", "data": b"{"}], {}),
        ([{"name": "other", "data": b"{"}, {"name": NAME, "data": b'{"state": "none"}'}], "none"),
        ([{"name": NAME, "data": b"[]"}], None),
        ([{"name": NAME, "data": b""}], None),
        ([{"name": NAME, "data": b"\xff"}], None),
    ],
)
def test_the_recurrent_facts_are_a_json_object(custom: list[dict[str, Any]], facts: Any) -> None:
    """Custom metadata of other tools is left alone; ours is read, or refused."""
    blob = encode("ModelMetadata", {"subgraph_metadata": [{"custom_metadata": custom}]}, SCHEMA)
    described = replace(model(), metadata={BUFFER_NAME: blob})
    if facts is None:
        with pytest.raises(ModelFormatError, match="no JSON object"):
            read_description(described)
    else:
        assert read_description(described).recurrent == ({"state": facts} if facts else {})


@pytest.mark.parametrize("damage", ["metadata", "zip", "compressed"])
def test_damage_is_an_error(tmp_path: Path, damage: str) -> None:
    """A damaged buffer or zip, or a compressed one, is refused with one clear error."""
    described = read_model(described_model(model(), config(tmp_path), []))
    if damage == "metadata":
        described.metadata[BUFFER_NAME] = described.metadata[BUFFER_NAME][:20]
    elif damage == "zip":
        described.trailer = described.trailer[:-8]
    else:
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("digits.txt", "a" * 100)
        described.trailer = buffer.getvalue()
    with pytest.raises(ModelFormatError):
        read_description(described)


@pytest.mark.parametrize("part", ["metadata", "trailer", "file"])
def test_hostile_metadata_is_an_error_or_read(tmp_path: Path, part: str) -> None:
    """300 mutations of each part: read, or refused with the error a user sees; nothing else."""
    known = read_model(described_model(model(), config(tmp_path), [layer()]))
    content = described_model(model(), config(tmp_path), [layer()])
    random = np.random.default_rng(0)
    for _ in range(300):
        whole = {"metadata": known.metadata[BUFFER_NAME], "trailer": known.trailer, "file": content}
        mutated = bytearray(whole[part])
        for place in random.integers(0, len(mutated), random.integers(1, 6)):
            mutated[place] = random.integers(0, 256)
        mutated = mutated[: random.integers(1, len(mutated))] if random.random() < 0.2 else mutated
        with suppress(ModelFormatError):
            if part == "file":
                read_description(read_model(bytes(mutated)))
            elif part == "trailer":
                read_description(replace(known, trailer=bytes(mutated)))
            else:
                read_description(replace(known, metadata={BUFFER_NAME: bytes(mutated)}))


def test_custom_metadata_nested_too_deeply_is_an_error() -> None:
    """JSON that would exhaust the stack is refused."""
    deep = [{"name": "rnnlite.recurrent", "data": b"[" * 100_000}]
    blob = encode("ModelMetadata", {"subgraph_metadata": [{"custom_metadata": deep}]}, SCHEMA)
    with pytest.raises(ModelFormatError, match="no JSON object"):
        read_description(replace(model(), metadata={BUFFER_NAME: blob}))
