"""The schema of TFLite metadata."""

from __future__ import annotations

from typing import Any

import pytest

from rnnlite_pipeline.graph.flat import Decoder, encode
from rnnlite_pipeline.metadata.schema import (
    SCHEMA,
    SINCE,
    TABLES,
    UNIONS,
    enum_names,
    member,
    min_parser_version,
    table,
)


def test_every_type_that_is_named_is_there() -> None:
    """Each field is of a scalar type, a table or a union; unions have tables as members."""
    for name in TABLES:
        for field in table(name).fields:
            assert field.kind != "table" or field.table in TABLES, field
            assert field.kind != "union" or field.table in UNIONS, field
    assert {each for members in UNIONS.values() for each in members} <= {*TABLES}


def test_a_union_takes_two_slots() -> None:
    """Its type stands before it; the fields behind it are counted on."""
    slots = {field.name: field.slot for field in table("Content").fields}
    assert slots == {"content_properties_type": 0, "content_properties": 1, "range": 2}
    assert table("Content").fields[0].default == 0
    assert len(table("FeatureProperties").fields) == 0


def test_vectors_have_no_default() -> None:
    """A vector that is not stored is no empty one."""
    maximum, minimum = table("Stats").fields
    assert (maximum.name, maximum.vector, maximum.default) == ("max", True, None)
    (threshold,) = table("ScoreThresholdingOptions").fields
    assert threshold.default == 0.0
    assert minimum.slot == 1


@pytest.mark.parametrize("union", UNIONS)
def test_members_are_numbered_from_1(union: str) -> None:
    """0 is NONE; a name and its number lead to each other."""
    names = enum_names(union)
    assert names[0] == "NONE"
    assert [member(union, name) for name in UNIONS[union]] == list(names)[1:]


def test_the_versions_are_of_what_the_schema_has() -> None:
    """Each key of SINCE is a table, a field or a type of file."""
    fields = {f"{name}.{field.name}" for name in TABLES for field in table(name).fields}
    assert {key for key in SINCE if not key.startswith("type ")} <= {*TABLES} | fields


def _tensor(**fields: Any) -> dict[str, Any]:
    return {"subgraph_metadata": [{"input_tensor_metadata": [{"name": "x", **fields}]}]}


def _content(kind: str) -> dict[str, Any]:
    number = member("ContentProperties", kind)
    return _tensor(content={"content_properties_type": number, "content_properties": {}})


def _unit(kind: str) -> dict[str, Any]:
    number = member("ProcessUnitOptions", kind)
    return _tensor(process_units=[{"options_type": number, "options": {}}])


@pytest.mark.parametrize(
    ("fields", "version"),
    [
        ({}, "1.0.0"),
        ({"name": "m", "subgraph_metadata": []}, "1.0.0"),
        ({"subgraph_metadata": [{}]}, "1.0.0"),
        ({"associated_files": [{"name": "v", "type": 5}]}, "1.0.1"),
        ({"subgraph_metadata": [{"input_process_units": [{}]}]}, "1.1.0"),
        ({"subgraph_metadata": [{"input_tensor_groups": [{"name": "g"}]}]}, "1.2.0"),
        ({"associated_files": [{"name": "v", "version": "2"}]}, "1.4.1"),
        ({"associated_files": [{"name": "v", "type": 6}, {"name": "l", "type": 2}]}, "1.4.0"),
        (_content("AudioProperties"), "1.3.0"),
        (_content("ImageProperties"), "1.0.0"),
        (_unit("RegexTokenizerOptions"), "1.2.1"),
        (_unit("BertTokenizerOptions"), "1.1.0"),
        (_unit("NormalizationOptions"), "1.0.0"),
        ({"subgraph_metadata": [{"custom_metadata": [{"name": "c"}]}]}, "1.5.0"),
    ],
)
def test_the_newest_thing_decides_the_parser_version(fields: Any, version: str) -> None:
    """min_parser_version is the version of the newest field, table or type that is used."""
    assert min_parser_version(fields) == version
    again = Decoder(encode("ModelMetadata", fields, SCHEMA), SCHEMA).root("ModelMetadata")
    assert min_parser_version(again) == version
