"""One config, several releases: what a variant replaces, and what is told of a wrong one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from rnnlite_pipeline.config import Config, load_config, load_releases, schema
from rnnlite_pipeline.errors import CallError, ConfigError
from tests.config.conftest import Write

MARK = "«"
BASE = """\
name: m
source: {format: keras, path: m.keras}
quantization: {scheme: int8, calibration: {path: c.npz, samples: 9}, output_type: int8}
verification: {data: {path: t.npz}, min_accuracy: 0.9}
package: {include: [a, b]}
variants:
"""


def variant(write: Write, text: str) -> Config:
    """The variant `v`, written as its mapping."""
    return load_config(write(f"{BASE}  v: {text}\n") / "v")


def test_a_variant_is_a_release_of_its_own(write: Write) -> None:
    """A file gives the config itself and then its variants, each with its name and reference."""
    path = write(f"{BASE}  small: {{version: 2.0.0}}\n  mcu: {{}}\n")
    releases = load_releases(path)
    assert [each.name for each in releases] == ["m", "m-small", "m-mcu"]
    assert [each.version for each in releases] == ["0.0.0", "2.0.0", "0.0.0"]
    assert [each.reference for each in releases] == [path, path / "small", path / "mcu"]
    assert {each.path for each in releases} == {path}
    for each in releases[1:]:
        assert load_config(each.reference) == each
    assert load_config(path).name == load_config(path / "base").name == "m"
    assert load_releases(path / "base") == releases[:1]


def test_a_release_does_not_know_of_the_others(write: Write) -> None:
    """What the others are is no part of the normalized config, by which freshness is decided."""
    alone = load_config(write(BASE.replace("variants:\n", ""))).normalized()
    base, small = load_releases(write(f"{BASE}  small: {{version: 2.0.0}}\n"))
    assert base.normalized() == alone
    assert small.normalized() == alone | {"name": "m-small", "version": "2.0.0"}


def test_a_section_is_replaced_key_by_key(write: Write) -> None:
    """Keys that a variant does not name keep the config's values; a named key is replaced whole."""
    config = variant(write, "{verification: {data: {random: {seed: 3}}, min_accuracy: null}}")
    assert config.verification.data.path is None
    assert config.verification.data.random
    assert config.verification.data.random.seed == 3
    assert config.verification.min_accuracy is None
    assert config.quantization == load_config(write(BASE + "  v: {}\n")).quantization
    assert variant(write, "{verification: {min_accuracy: 0.5}}").verification.data.path == "t.npz"
    assert variant(write, "{package: {include: [c]}}").package.include == ("c",)


def test_null_takes_a_key_away(write: Write) -> None:
    """A section or a key that is null has its default."""
    assert variant(write, "{quantization: null}").quantization.scheme == "none"
    assert variant(write, "{package: {include: null}}").package.include == ()


def test_another_scheme_leaves_out_what_it_cannot_have(write: Write) -> None:
    """Calibration goes where the scheme has none, and stays where it has one."""
    float_types = "output_type: float32"
    small = variant(write, f"{{quantization: {{scheme: dynamic_range, {float_types}}}}}")
    assert small.quantization.calibration is None
    wide = variant(write, f"{{quantization: {{scheme: int16x8, {float_types}}}}}")
    assert wide.quantization.calibration
    assert wide.quantization.calibration.samples == 9


WRONG = {
    "unknown key": (f"{{{MARK}recurent: {{}}}}", "variants.v.recurent: unknown key; did you mean"),
    "unknown key below": (
        f"{{recurrent: {{{MARK}stat: reset}}}}",
        "variants.v.recurrent.stat: unknown key; did you mean `state`",
    ),
    "wrong value": (
        f"{{recurrent: {{state: {MARK}rest}}}}",
        'variants.v.recurrent.state: expected source, reset, persist or explicit; got "rest"',
    ),
    "deep": (
        f"{{verification: {{data: {{random: {{seed: {MARK}-1}}}}}}}}",
        "variants.v.verification.data.random.seed: expected a number of at least 0",
    ),
    "name": (f"{{{MARK}name: n}}", "variants.v.name: cannot be replaced"),
    "variants of variants": (f"{{{MARK}variants: {{}}}}", "variants.v.variants: cannot be"),
    "taken away": (
        f"{{quantization: {{calibration: {MARK}null}}}}",
        "variants.v.quantization.calibration: required by scheme int8",
    ),
    "no source": (f"{{{MARK}source: null}}", "variants.v.source: required"),
    "no mapping": (f"{MARK}3", "variants.v: expected a mapping with the keys that it replaces"),
}


@pytest.mark.parametrize(("text", "message"), WRONG.values(), ids=WRONG)
def test_a_wrong_variant_is_told_with_its_place(write: Write, text: str, message: str) -> None:
    """An error names the key under `variants`, and the line and column there."""
    marked = f"{BASE}  v: {text}\n"
    before = marked[: marked.index(MARK)].split("\n")
    path = write(marked.replace(MARK, ""))
    with pytest.raises(ConfigError) as caught:
        load_config(path)
    (problem,) = caught.value.details
    assert (problem.line, problem.column) == (len(before), len(before[-1]) + 1)
    assert str(problem).split(": ", 1)[1].startswith(message)


def test_a_value_of_the_base_that_does_not_suit_is_told_where_it_stands(write: Write) -> None:
    """Its place is that in the base; the key says for which variant it is wrong."""
    with pytest.raises(ConfigError) as caught:
        variant(write, "{quantization: {scheme: float16}}")
    (problem,) = caught.value.details
    assert problem.line == 3
    assert problem.key == "variants.v.quantization.output_type"
    assert "scheme float16 takes float32" in problem.message


def test_all_wrong_variants_are_told_at_once(write: Write) -> None:
    """One error names the problems of every variant, in the order of the file."""
    with pytest.raises(ConfigError) as caught:
        load_config(write(f"{BASE}  a: {{versio: 1}}\n  b: {{pipelin: x}}\n"))
    assert [each.key for each in caught.value.details] == [
        "variants.a.versio",
        "variants.b.pipelin",
    ]


@pytest.mark.parametrize("name", ["Upper", "a/b", "base", "-a", '""'])
def test_a_variant_has_a_name_of_a_release(write: Write, name: str) -> None:
    """It becomes part of NAME-VARIANT, and of CONFIG/VARIANT."""
    with pytest.raises(ConfigError, match="lower-case letters"):
        load_config(write(f"{BASE}  {name}: {{}}\n"))


def test_an_unknown_variant_is_a_wrong_call(write: Write) -> None:
    """CONFIG/VARIANT of a variant that is not there ends with 2 and the nearest one."""
    path = write(f"{BASE}  phone: {{}}\n")
    with pytest.raises(CallError, match=r"has no variant fone\.\n  Did you mean phone\?"):
        load_config(path / "fone")
    with pytest.raises(CallError, match=r"has no variant xyz\.\n  It has base, phone\."):
        load_config(path / "xyz")
    with pytest.raises(CallError, match="no such file"):
        load_config(Path("none.yaml") / "phone")


def test_the_schema_knows_what_a_variant_replaces() -> None:
    """Editors complete the keys of a variant and of its sections, none of them required."""
    (variants,) = schema()["properties"]["variants"]["patternProperties"].values()
    assert {"name", "variants"}.isdisjoint(variants["properties"])
    assert set(variants["properties"]) | {"name", "variants"} == set(Config.model_fields)
    assert "scheme" in variants["properties"]["quantization"]["properties"]
    assert "required" not in json.dumps(variants["properties"]["source"])
