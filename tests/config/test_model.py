"""One config: its sections, what follows from them, and its normalized form."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from rnnlite_pipeline.config import Config, Pipeline, load_config, pipeline_of
from rnnlite_pipeline.config.keys import sections_of

ROOT = Path(__file__).parents[2]

SOURCE = {"format": "keras", "path": "m.keras"}


def config(**values: Any) -> Config:
    """A config of these keys."""
    return Config.model_validate({"name": "m", "source": SOURCE, **values})


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


@pytest.mark.parametrize("path", sorted((ROOT / "configs").glob("*.yaml")), ids=lambda p: p.stem)
def test_every_config_of_the_repository_is_right(path: Path) -> None:
    """Each is named as its file, and leads editors to the schema."""
    config = load_config(path)
    assert config.name == path.stem
    assert config.document.lines[0] == "# yaml-language-server: $schema=./schema.json"
    assert pipeline_of(config).stages


@pytest.mark.parametrize("name", ["m", "0", "a.b-c", "a--", "lstm-v1.2"])
def test_a_name_is_one_of_a_folder(name: str) -> None:
    """Lower-case letters, digits, dots and hyphens."""
    assert config(name=name).name == name


@pytest.mark.parametrize("name", ["", "A", "a_b", ".a", "-a", "a/b", "a\n", "é", "..", "a b"])
def test_other_names_are_refused(name: str) -> None:
    """None that leads out of its folder, and none that another system writes differently."""
    with pytest.raises(ValidationError):
        config(name=name)


@pytest.mark.parametrize("version", ["0.0.0", "1.0.0-rc.1", "1.0.0+5", "1.2.3-a-b.0.1x+01"])
def test_a_version_is_semantic(version: str) -> None:
    """By semver.org, pre-releases and builds included."""
    assert config(version=version).version == version


@pytest.mark.parametrize("version", ["1.0", "v1.0.0", "01.0.0", "1.0.0-01", "1.0.0-", "1.0.0+", ""])
def test_other_versions_are_refused(version: str) -> None:
    """A number has no leading zero, and no part is empty."""
    with pytest.raises(ValidationError):
        config(version=version)


@pytest.mark.parametrize(
    ("values", "meant"),
    [
        ({}, ("litert",)),
        ({"targets": ("tflm",)}, ("tflm",)),
        ({"verification": {"runtimes": ("tflm",)}}, ("tflm",)),
        (
            {"targets": ("litert", "qualcomm"), "verification": {"runtimes": ("tflm", "litert")}},
            ("litert", "qualcomm", "tflm"),
        ),
    ],
)
def test_a_layer_has_to_suit_what_is_named(values: dict[str, Any], meant: tuple[str, ...]) -> None:
    """Targets, and the runtimes of the verification; the default where neither is named."""
    assert config(**values).meant_for == meant


@pytest.mark.parametrize(
    ("targets", "yes"),
    [
        (("litert",), True),
        (("tflm",), False),
        (("tflm-cmsis-nn", "ethos-u55", "edgetpu"), False),
        (("tflm", "qualcomm"), True),
    ],
)
def test_which_targets_use_xnnpack(targets: tuple[str, ...], yes: bool) -> None:
    """All that run some of the model on a CPU with LiteRT."""
    assert config(targets=targets).uses_xnnpack == yes


def test_bounds_follow_from_the_scheme() -> None:
    """auto has none before the search has chosen."""
    assert config(quantization={"scheme": "float16"}).tolerance == 5e-3
    assert config(quantization={"scheme": "float16"}).min_snr_db == 20.0
    values = {"scheme": "auto", "max_accuracy_drop": 0.1}
    searched = config(quantization=values, verification={"data": {"path": "t.npz"}})
    with pytest.raises(ValueError, match="not settled"):
        assert searched.tolerance
    assert "max_abs_error" not in searched.normalized()["verification"]
    with pytest.raises(ValidationError):
        config(quantization=values)


def test_the_normalized_form_names_the_runtimes() -> None:
    """Those of the targets that can be run here; a target that cannot is left out."""
    told = config(targets=("qualcomm", "tflm")).normalized()
    assert told["verification"]["runtimes"] == ["tflm"]
    told = config(targets=("tflm",), verification={"runtimes": ("litert",)}).normalized()
    assert told["verification"]["runtimes"] == ["litert"]


def test_the_normalized_form_tells_nothing_of_the_machine() -> None:
    """Of every absolute path the last part is kept, so that each machine makes the same release."""
    told = config(
        source={"format": "h5", "path": "/home/me/m.json", "weights": "/home/me/w.h5"},
        quantization={"scheme": "int8", "calibration": {"path": "/data/c.npz"}},
        verification={"data": {"path": "/data/t.npz"}},
        metadata={
            "inputs": ({"name": "x", "vocabulary": "/data/words.txt"},),
            "outputs": ({"name": "y", "labels": "/data/labels.txt"},),
        },
    ).normalized()
    assert (told["source"]["path"], told["source"]["weights"]) == ("m.json", "w.h5")
    assert told["quantization"]["calibration"]["path"] == "c.npz"
    assert told["verification"]["data"]["path"] == "t.npz"
    assert told["metadata"]["inputs"][0]["vocabulary"] == "words.txt"
    assert told["metadata"]["outputs"][0]["labels"] == "labels.txt"


def test_annotations_are_free_text() -> None:
    """Whatever their keys are called, they are carried as they are."""
    notes = {"path": "/data/raw", "labels": "/x/y", "a": "/"}
    told = config(annotations=notes).normalized()
    assert told["annotations"] == notes
    assert list(told["annotations"]) == sorted(notes)


def test_other_variants_do_not_change_a_release() -> None:
    """The normalized form has no variants."""
    assert config(variants={"a": {"version": "2.0.0"}}).normalized() == config().normalized()


@pytest.mark.parametrize(
    ("keys", "same", "other"),
    [
        (["quantization"], {"version": "2.0.0"}, {"quantization": {"scheme": "float16"}}),
        (
            ["recurrent.state"],
            {"recurrent": {"lowering": "loop"}},
            {"recurrent": {"state": "reset"}},
        ),
        (["recurrent", "recurrent.state"], {}, {"recurrent": {"lowering": "loop"}}),
        ([], {"name": "n", "targets": ("tflm",)}, None),
    ],
)
def test_a_config_of_some_keys(keys: list[str], same: Any, other: Any) -> None:
    """All other keys have their defaults: what a stage does not read does not change it."""
    narrowed = config().only(keys).normalized()
    assert config(**same).only(keys).normalized() == narrowed
    if other is not None:
        assert config(**other).only(keys).normalized() != narrowed


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"metadata": {"author": "me"}, "annotations": {"b": "1", "a": "2"}},
        {"quantization": {"scheme": "none"}, "targets": ("litert",), "version": "0.0.0"},
        {"verification": {"data": {"path": "/data/test.npz"}, "max_abs_error": 0.5}},
        {"package": {"include": ("README.md",)}, "variants": {"a": {"version": "1.0.0"}}},
    ],
)
def test_defaults_are_normalized_as_if_they_were_written(values: dict[str, Any]) -> None:
    """The normalized form is that of the whole config, whichever of its keys were given."""
    some = config(**values)
    whole = Config.model_construct(set(Config.model_fields), **vars(some))
    whole.model_post_init(None)
    assert some.normalized() == whole.normalized()
    assert list(some.normalized()) == sorted(some.normalized())
    assert (
        some.only(["name", "source"]).normalized() == config().only(["name", "source"]).normalized()
    )


def test_a_config_of_some_keys_is_in_the_same_place() -> None:
    """Its folder is that of the whole; its name is `model` where it has none."""
    whole = config(source={"format": "keras", "path": "a.keras"})
    some = whole.only(["source"])
    assert some.name == "model"
    assert (some.folder, some.source, some.document) == (whole.folder, whole.source, whole.document)
    assert whole.only(["name"]).name == "m"


@pytest.mark.parametrize(
    ("path", "relative", "found"),
    [
        ("configs/m.yaml", "../models/m", "models/m"),
        ("configs/../m.yaml", "x", "x"),
        ("m.yaml", "./a/../b", "b"),
    ],
)
def test_paths_are_relative_to_the_file(
    tmp_path: Path, path: str, relative: str, found: str
) -> None:
    """Without `..`, and whether the file is named so or not."""
    (tmp_path / "configs").mkdir()
    (tmp_path / path).write_text("name: m\nsource: {format: keras, path: m}\n")
    read = load_config(tmp_path / path)
    assert read.resolve(relative) == tmp_path / found
    assert read.resolve("/abs") == Path("/abs")
    assert read.reference == read.path
