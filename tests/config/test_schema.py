"""The JSON schemas of a config and of a pipeline."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from rnnlite_pipeline.config import schema, schema_text
from rnnlite_pipeline.config.schema import pipeline_schema, pipeline_schema_text

ROOT = Path(__file__).parents[2]


def test_the_schema_checked_in_is_fresh() -> None:
    """configs/schema.json is what `rnnlite schema` prints."""
    assert (ROOT / "configs" / "schema.json").read_text(encoding="utf-8") == schema_text()


def test_the_schema_is_draft_07() -> None:
    """No key of a later draft is left, nothing stands beside a $ref, and every $ref leads on."""
    whole = schema()
    assert whole["$schema"] == "http://json-schema.org/draft-07/schema#"
    pending, references = [whole], []
    while pending:
        node = pending.pop()
        if "$ref" in node:
            assert list(node) == ["$ref"]
            references.append(node["$ref"].removeprefix("#/definitions/"))
        assert not {"$defs", "prefixItems", "unevaluatedProperties"} & set(node)
        for value in node.values():
            items = value if isinstance(value, list) else [value]
            pending += [item for item in items if isinstance(item, dict)]
    assert references
    assert set(references) <= set(whole["definitions"])


def test_the_schema_says_what_the_models_say() -> None:
    """Required keys, choices, unknown keys and descriptions are in the schema."""
    whole = json.loads(schema_text())
    assert whole["required"] == ["name", "source"]
    assert whole["additionalProperties"] is False
    recurrent = whole["definitions"]["Recurrent"]["properties"]
    assert recurrent["time_major"]["enum"] == ["keep", True, False]
    assert recurrent["state"]["description"].startswith("The states from which a call starts")


def test_the_schema_of_a_pipeline_is_fresh() -> None:
    """pipelines/schema.json is what `rnnlite schema pipeline` prints."""
    written = (ROOT / "pipelines" / "schema.json").read_text(encoding="utf-8")
    assert written == pipeline_schema_text()


def takes(whole: dict[str, Any], value: dict[str, Any]) -> bool:
    """Whether an editor takes a file, by its schema."""
    jsonschema = pytest.importorskip("jsonschema", reason="it comes with the extras")
    return bool(jsonschema.Draft7Validator(whole).is_valid(value))


def valid(value: dict[str, Any]) -> bool:
    """Whether an editor takes a config with these keys, by the schema."""
    whole = {"name": "m", "source": {"format": "keras", "path": "m.keras"}, **value}
    return takes(schema(), whole)


@pytest.mark.parametrize(
    ("value", "yes"),
    [
        ({}, True),
        ({"name": "Capital"}, False),
        ({"version": "1.0"}, False),
        ({"version": "1.0.0-rc.1+b7"}, True),
        ({"odd": 1}, False),
        ({"targets": []}, False),
        ({"recurrent": {"time_major": "yes"}}, False),
        ({"variants": {"a": {"quantization": {"scheme": "float16"}}}}, True),
        ({"variants": {"a": {"quantization": None, "metadata": None}}}, True),
        ({"variants": {"a": {"quantization": {"skip": None}}}}, True),
        ({"variants": {"a": {"source": {"path": "b.keras"}}}}, True),
        ({"variants": {"a": {"targets": None, "version": "2.0.0"}}}, True),
        ({"variants": {"base": {}}}, False),
        ({"variants": {"A": {}}}, False),
        ({"verification": {"runtimes": []}}, False),
        ({"variants": {"a": {"quantization": {"odd": 1}}}}, False),
        ({"variants": {"a": {"name": "b"}}}, False),
        ({"variants": {"a": {"variants": {}}}}, False),
        ({"variants": {"a": 1}}, False),
    ],
)
def test_an_editor_takes_what_the_models_take(value: dict[str, Any], yes: bool) -> None:
    """A variant may replace any key but its name, one by one; null takes a key away."""
    assert valid(value) == yes


def test_the_schema_of_a_pipeline_has_its_gates() -> None:
    """With the fields that a gate can ask for."""
    whole = pipeline_schema()
    assert takes(whole, {"gates": {"require_metadata": ["author", "inputs.range"]}})
    assert not takes(whole, {"gates": {"require_metadata": ["writer"]}})
    assert not takes(whole, {"stages": ["bake"]})
    assert not takes(whole, {"stages": []})
