"""The models as a whole: every key documented, the schema fresh, rules in one place."""

from __future__ import annotations

import json
from pathlib import Path
from typing import get_args

import pytest

from rnnlite_pipeline.config import (
    STAGES,
    Config,
    Pipeline,
    Stage,
    load_config,
    pipeline_of,
    schema,
    schema_text,
)
from rnnlite_pipeline.config.conversion import TOLERANCES, Scheme, Verification
from rnnlite_pipeline.config.keys import choices_at, homes_of, section_at, sections_of
from rnnlite_pipeline.config.source import ORIGINS, Format

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("model", [Config, Pipeline])
def test_every_key_is_described(model: type[Config | Pipeline]) -> None:
    """Each field has a description that is a sentence, and each section a docstring."""
    for loc, here in sections_of(model):
        assert here.__doc__, loc
        for name, info in here.model_fields.items():
            description = info.description or ""
            assert description.endswith("."), (*loc, name)
            assert len(description) > 10, (*loc, name)


def test_every_section_is_found() -> None:
    """The walk over the sections misses none, those of lists included."""
    found = {".".join(map(str, loc)) for loc, _ in sections_of(Config)}
    assert found >= {
        "",
        "source",
        "quantization.calibration",
        "verification.data.random",
        "metadata.inputs.normalization",
        "metadata.outputs",
    }


def test_a_way_leads_to_its_section_and_choices() -> None:
    """Lists and mappings on the way are passed through; a way to nowhere leads to nothing."""
    section = section_at(Config, ("metadata", "inputs", 3))
    assert section is not None
    assert "normalization" in section.model_fields
    assert section_at(Config, ("nothing", "here")) is None
    assert choices_at(Config, ("verification", "runtimes", 1)) == [
        "litert",
        "litert-compiled",
        "litert-web",
        "tflm",
    ]
    assert choices_at(Config, ("recurrent", "time_major")) == ["keep", "true", "false"]
    assert choices_at(Config, ("name",)) == []
    assert homes_of(Config, "seed") == ["verification.data.random"]


def test_the_tables_cover_every_choice() -> None:
    """Each format has its origins, each scheme its tolerance, each stage its place."""
    assert set(ORIGINS) == set(get_args(Format))
    assert set(TOLERANCES) == set(get_args(Scheme))
    assert set(STAGES) == set(get_args(Stage))
    assert Verification().tolerance("int8") > Verification().tolerance("none") == 1e-5


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


@pytest.mark.parametrize("path", sorted((ROOT / "configs").glob("*.yaml")), ids=lambda p: p.stem)
def test_every_config_of_the_repository_is_right(path: Path) -> None:
    """Each is named as its file, and leads editors to the schema."""
    config = load_config(path)
    assert config.name == path.stem
    assert config.document.lines[0] == "# yaml-language-server: $schema=./schema.json"
    assert pipeline_of(config).stages
