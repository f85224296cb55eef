"""What each key of a config makes anew: every key of the schema, by what it is about."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest
from pydantic import BaseModel

from rnnlite_pipeline.config.document import dotted
from rnnlite_pipeline.config.keys import choices_at, section_at, sections_of
from rnnlite_pipeline.config.model import Config
from rnnlite_pipeline.tasks.keys import stage_digest
from rnnlite_pipeline.tasks.plan import Plan, load_plan
from tests.fake.project import Project

#: Values are of a key's kind, but not of its element's.
pytestmark = pytest.mark.filterwarnings("ignore:Pydantic serializer warnings")

#: What is set in a section: of its kind, a key, and the value before.
Change = Callable[[type[BaseModel], str, Any], Mapping[str, Any]]

#: The groups of a release, from the first to the last, and that of its benchmark.
LINE = (
    *("validate", "import", "inspect", "graph", "model"),
    *("verify", "report", "package", "benchmark"),
)

_JUDGED = frozenset({"validate", "verify", "report", "package"})
_DESCRIBED = _JUDGED | {"model", "benchmark"}
_CONVERTED = _DESCRIBED | {"inspect", "graph"}
_EVERY = _CONVERTED | {"import"}

#: What a change of a key makes anew, itself or through an earlier stage. A section stands for all
#: of its keys that are not named here themselves; a key that is not here has to be put here.
MAKES_ANEW = {
    "name": _DESCRIBED | {"inspect"},
    "version": _DESCRIBED,
    "pipeline": _JUDGED,
    "source": _EVERY,
    "targets": _CONVERTED,
    "recurrent": _CONVERTED,
    "quantization": _CONVERTED,
    "converter": _EVERY,
    "verification": _JUDGED | {"benchmark"},
    "verification.runtimes": _CONVERTED,
    "metadata": _DESCRIBED,
    "package": _JUDGED,
    "annotations": _JUDGED,
    "variants": frozenset(),
}


def _keys() -> Iterator[tuple[str, ...]]:
    """Each key of the schema that is no section, nor a list of sections."""
    for loc, section in sections_of(Config):
        for key in section.model_fields:
            if not section_at(section, (key,)) and not section_at(section, (key, 0)):
                yield (*map(str, loc), key)


KEYS = tuple(_keys())


def _expected(loc: tuple[str, ...]) -> frozenset[str]:
    names = (dotted(loc[:length]) for length in range(len(loc), 0, -1))
    return next(MAKES_ANEW[name] for name in names if name in MAKES_ANEW)


def _another(section: type[BaseModel], key: str, value: Any) -> Any:
    """Another value of the key's kind; of what a file may name, not one that there must be."""
    if choices := choices_at(section, (key,)):
        other = next(each for each in choices if each not in (value, "auto"))
        return (other,) if isinstance(value, tuple) else other
    told = section.model_json_schema(by_alias=False)["properties"][key]
    kinds = [each.get("type") for each in told.get("anyOf", [told])]
    by_kind = {
        "string": "another",
        "number": 0.015625,
        "integer": 12345,
        "boolean": not value,
        "array": ("another",),
        "object": {"another": "another"},
    }
    return next(by_kind[kind] for kind in kinds if kind in by_kind)


def _made(section: type[BaseModel]) -> BaseModel:
    """A section of which only the keys are set that it must have."""
    needed = {k: "given" for k, field in section.model_fields.items() if field.is_required()}
    return section.model_construct({*needed}, **needed)


def _with(values: BaseModel, loc: tuple[str, ...], change: Change) -> BaseModel:
    """The same with every section on the way to a key, and another value of the key; unchecked."""
    key, *rest = loc
    kind, before = type(values), getattr(values, key, None)
    if not rest:
        return values.model_copy(update=change(kind, key, before))
    if section := section_at(kind, (key,)):
        whole = before if isinstance(before, BaseModel) else _made(section)
        return values.model_copy(update={key: _with(whole, tuple(rest), change)})
    item = section_at(kind, (key, 0))
    assert item
    return values.model_copy(update={key: (_with(_made(item), tuple(rest), change),)})


def _another_value(section: type[BaseModel], key: str, value: Any) -> dict[str, Any]:
    return {key: _another(section, key, value)}


def _no_change(_section: type[BaseModel], _key: str, _value: Any) -> dict[str, Any]:
    return {}


@pytest.fixture(scope="module")
def plan(tmp_path_factory: pytest.TempPathFactory) -> Plan:
    """A release."""
    project = Project(tmp_path_factory.mktemp("fresh") / "project").write_config()
    return load_plan(project.write_source(b"first").config, project.build)


@pytest.mark.parametrize("loc", KEYS, ids=map(dotted, KEYS))
def test_what_a_change_of_a_key_makes_anew(plan: Plan, loc: tuple[str, ...]) -> None:
    """The stages that are given the key, and those after them, and no other."""
    before, after = (_digests(plan, loc, change) for change in (_no_change, _another_value))
    assert {group for group in LINE if before[group] != after[group]} == _expected(loc)


def _digests(plan: Plan, loc: tuple[str, ...], change: Change) -> dict[str, str]:
    config = _with(plan.config, loc, change)
    assert isinstance(config, Config)
    other = Plan(config, plan.pipeline, plan.out)
    return {group: stage_digest(group, other) for group in LINE}


def test_the_keys_are_those_of_the_schema() -> None:
    """Every section has keys here, and each entry of the table is about some of them."""
    names = {dotted(loc[:length]) for loc in KEYS for length in range(1, len(loc) + 1)}
    assert set(Config.model_fields) <= names
    assert set(MAKES_ANEW) <= names


def test_what_is_promised() -> None:
    """Metadata and the release's files leave the conversion as it is; so does the verification."""
    conversion = {"import", "graph"}
    for name in ("metadata", "package", "annotations", "version", "name", "verification"):
        assert not MAKES_ANEW[name] & conversion
    assert "import" not in MAKES_ANEW["quantization"]
