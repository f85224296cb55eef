"""docs/config.md, from the models.

`python -m rnnlite_pipeline.config.reference > docs/config.md` writes it.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from rnnlite_pipeline.config.document import Loc, dotted
from rnnlite_pipeline.config.keys import choices_at, section_at, sections_of
from rnnlite_pipeline.config.model import Config
from rnnlite_pipeline.config.pipeline import Pipeline

_HEAD = """\
# Config reference

<!-- Written by `python -m rnnlite_pipeline.config.reference`; a test keeps it fresh. -->

A config is one YAML file for one source; only `name` and `source` are required. Unknown keys and
duplicate keys are errors, with line, column and the closest known key. Paths are relative to the
file. `rnnlite schema` prints the same as a JSON schema, which editors can use.
"""

_PIPELINES = """\
## Pipelines

A file of `pipelines/`, named by `pipeline:` of a config: the stages and the gates, shared by many
models. It is searched for beside the config and in every folder above it, then in the package:
`default`, `release` and `release-quantized`.
"""

_TYPES = {
    "string": "text",
    "number": "number",
    "integer": "whole number",
    "boolean": "true or false",
    "array": "list",
    "object": "mapping",
}


def reference() -> str:
    """Every key of a config and of a pipeline, with its values and its default, as Markdown."""
    parts = [_HEAD, *_sections(Config), _PIPELINES, *_sections(Pipeline)]
    return "\n".join(parts)


def _sections(whole: type[BaseModel]) -> Iterator[str]:
    for loc, section in sections_of(whole):
        if loc:
            told = _field(whole, loc).description or ""
            yield f"## `{dotted(loc)}`\n\n{told}\n"
        properties: Mapping[str, Any] = section.model_json_schema(by_alias=False)["properties"]
        yield "| key | value | default | |\n| --- | --- | --- | --- |"
        for key, field in section.model_fields.items():
            kind = _kind(section, key, properties[key])
            row = (f"`{key}`", kind, _default(field), field.description or "")
            yield f"| {' | '.join(map(_cell, row))} |"
        yield ""


def _field(whole: type[BaseModel], loc: Loc) -> FieldInfo:
    above = section_at(whole, loc[:-1]) or section_at(whole, (*loc[:-1], 0))
    assert above is not None  # sections_of found it there
    return above.model_fields[str(loc[-1])]


def _kind(section: type[BaseModel], key: str, schema: Mapping[str, Any]) -> str:
    if section_at(section, (key,)) is not None:
        return "section"
    if choices := choices_at(section, (key,)):
        return ", ".join(f"`{choice}`" for choice in choices)
    return "list of sections" if section_at(section, (key, 0)) else _type(schema)


def _type(schema: Mapping[str, Any]) -> str:
    options = [each for each in schema.get("anyOf", [schema]) if each.get("type") != "null"]
    names = [_TYPES.get(each.get("type", ""), "text") for each in options]
    return " or ".join(dict.fromkeys(names))


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    value = field.get_default(call_default_factory=True)
    if value is None or isinstance(value, BaseModel) or (not value and value != 0):
        return ""
    shown = list(value) if isinstance(value, tuple) else value
    text = shown if isinstance(shown, str) else json.dumps(shown)
    return f"`{text}`"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


if __name__ == "__main__":
    sys.stdout.write(reference())
