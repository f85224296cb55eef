"""The JSON schema of a config, for editors: draft-07, which every YAML language server reads."""

from __future__ import annotations

import json
from typing import Any

from rnnlite_pipeline.config.model import Config
from rnnlite_pipeline.config.pipeline import Pipeline

DRAFT = "http://json-schema.org/draft-07/schema#"


def schema() -> dict[str, Any]:
    """The schema of one config file; configs/schema.json is this."""
    generated = Config.model_json_schema()
    _variants(generated)
    body: dict[str, Any] = _draft_07(generated)
    return {"$schema": DRAFT, **body, "title": "rnnlite: one model, one file"}


def schema_text() -> str:
    """The same as the text of configs/schema.json."""
    return json.dumps(schema(), indent=2, ensure_ascii=False) + "\n"


def pipeline_schema() -> dict[str, Any]:
    """The schema of one pipeline; pipelines/schema.json is this."""
    body: dict[str, Any] = _draft_07(Pipeline.model_json_schema())
    return {"$schema": DRAFT, **body, "title": "rnnlite: the stages and the gates of a release"}


def pipeline_schema_text() -> str:
    """The same as the text of pipelines/schema.json."""
    return json.dumps(pipeline_schema(), indent=2, ensure_ascii=False) + "\n"


def _variants(generated: dict[str, Any]) -> None:
    """What a variant may replace: every other key, and each key of a section; null removes it."""
    own = ("name", "variants")
    keys = {key: node for key, node in generated["properties"].items() if key not in own}
    variant = {
        "type": "object",
        "additionalProperties": False,
        "properties": {key: _replaceable(node, generated) for key, node in keys.items()},
    }
    node = generated["properties"]["variants"]
    node["patternProperties"] = dict.fromkeys(node["patternProperties"], variant)
    node["additionalProperties"] = False


def _replaceable(node: dict[str, Any], generated: dict[str, Any]) -> dict[str, Any]:
    options = [node, *node.get("anyOf", ())]
    target = next((each["$ref"] for each in options if "$ref" in each), None)
    if target is None:
        plain = {key: value for key, value in node.items() if key != "default"}
        return {"anyOf": [plain, {"type": "null"}]}
    section = generated["$defs"][target.rpartition("/")[2]]
    keys = section["properties"].items()
    return {
        "type": ["object", "null"],
        "additionalProperties": False,
        "properties": {key: {"anyOf": [value, {"type": "null"}]} for key, value in keys},
    }


def _draft_07(node: Any) -> Any:
    """The same in draft-07: `definitions`, and nothing beside a `$ref`, where it was ignored."""
    if isinstance(node, list):
        return [_draft_07(item) for item in node]
    if not isinstance(node, dict):
        return node
    renamed = {("definitions" if key == "$defs" else key): value for key, value in node.items()}
    plain = {key: _draft_07(value) for key, value in renamed.items()}
    if isinstance(node.get("title"), str):  # a key of that name would hold a mapping
        del plain["title"]
    if isinstance(target := plain.pop("$ref", None), str):
        reference = {"$ref": target.replace("#/$defs/", "#/definitions/")}
        return {**plain, "allOf": [reference]} if plain else reference
    return plain
