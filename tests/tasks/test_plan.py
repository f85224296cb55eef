"""The releases of config files, and what their stages depend on besides files."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from rnnlite_pipeline.errors import ConfigError
from rnnlite_pipeline.tasks import plan as module
from rnnlite_pipeline.tasks.plan import (
    BrokenPlan,
    Plan,
    load_plan,
    load_plans,
    plans_of,
    toolchain,
)
from rnnlite_pipeline.tasks.state import value_digest
from tests.fake.project import Project

VARIANTS = "variants: {a: {quantization: {scheme: float16}}, b: {}}\n"


def _write(folder: Path, file: str, name: str, more: str = "") -> Path:
    path = folder / file
    path.parent.mkdir(exist_ok=True)
    text = f"name: {name}\nsource: {{format: keras, path: source.keras}}\n{more}"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_plan_works_in_a_folder_of_its_name(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The folder is absolute, though DIR may be relative."""
    monkeypatch.chdir(project.folder)
    assert load_plan(project.config, Path("build")).out == project.build / "fake"


def test_what_follows_from_a_plan_is_computed_once(plan: Plan) -> None:
    """For each key; and it does not make two plans of one config differ."""
    asked: list[str] = []

    def value(word: str) -> str:
        asked.append(word)
        return word

    assert plan.once("x", lambda: value("one")) == "one"
    assert plan.once("x", lambda: value("two")) == "one"
    assert plan.once("y", lambda: value("")) == plan.once("y", lambda: value("again")) == ""
    assert asked == ["one", ""]
    assert plan == Plan(plan.config, plan.pipeline, plan.out)


def test_settings_name_the_runtimes_a_model_is_meant_for(project: Project) -> None:
    """Their versions count; those of a runtime that nobody asks for do not."""
    assert "runtimes" not in load_plan(project.config, project.build).settings
    project.write_config("targets: [litert, tflm]\n")
    assert set(load_plan(project.config, project.build).settings["runtimes"]) == {"tflite-micro"}


def test_settings_of_some_keys(project: Project) -> None:
    """A stage that is given some keys depends on no other key, and on no pipeline."""
    before = load_plan(project.config, project.build)
    project.write_config("metadata: {author: me}\nversion: 2.0.0\n")
    after = load_plan(project.config, project.build)
    keys = ("source", "converter")
    assert before.settings_of(keys) == after.settings_of(keys)
    assert before.settings != after.settings
    assert "pipeline" not in before.settings_of(keys)
    assert before.settings_of(keys)["toolchain"] == value_digest(toolchain())


def test_the_releases_of_a_file(project: Project) -> None:
    """The config and its variants, each with its folder and its name for the commands."""
    project.write_config(VARIANTS)
    plans = plans_of(project.config, project.build)
    assert [plan.name for plan in plans] == ["fake", "fake-a", "fake-b"]
    assert [plan.out.name for plan in plans] == ["fake", "fake-a", "fake-b"]
    assert plans[1].reference == project.config / "a"
    assert [plan.name for plan in plans_of(project.config / "b", project.build)] == ["fake-b"]


def _told(plans: list[Plan | BrokenPlan]) -> Iterator[tuple[str, str]]:
    for plan in plans:
        yield plan.name, str(plan.error).split("\n", 1)[0] if isinstance(plan, BrokenPlan) else ""


def test_a_broken_config_does_not_stop_the_others(tmp_path: Path) -> None:
    """It is called by its file, and keeps its error."""
    broken = tmp_path / "broken.yaml"
    broken.write_text("name: x\nsauce: {}\n")
    good = _write(tmp_path, "good.yaml", "good")
    plans = load_plans([broken, good], tmp_path / "build")
    assert [plan.name for plan in plans] == ["broken", "good"]
    assert isinstance(plans[0], BrokenPlan)
    assert isinstance(plans[0].error, ConfigError)
    assert plans[0].reference == broken


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_a_broken_config_takes_nobody_s_name(tmp_path: Path, order: tuple[int, int]) -> None:
    """A release named as the broken file is made, and the broken one keeps its own error."""
    broken = tmp_path / "good.yaml"
    broken.write_text("name: x\nsauce: {}\n")
    paths = [broken, _write(tmp_path, "other.yaml", "good")]
    plans = load_plans([paths[i] for i in order], tmp_path / "build")
    told = dict(_told(plans))
    assert told["good"] == ""
    assert "sauce" in told["good@good"]


def test_of_releases_of_one_name_the_first_is_made(tmp_path: Path) -> None:
    """The others say which two there are; their tasks have names of their own, however many."""
    paths = [_write(tmp_path / folder, "m.yaml", "m") for folder in ("a", "b", "c")]
    plans = load_plans([*paths, _write(tmp_path, "n.yaml", "m")], tmp_path / "build")
    assert [plan.name for plan in plans] == ["m", "m@m", "m@m@2", "m@n"]
    errors = [str(plan.error) for plan in plans if isinstance(plan, BrokenPlan)]
    assert errors[1].startswith(f"{paths[0]} and {paths[2]} are both named m.")


def test_a_variant_s_name_may_be_taken(tmp_path: Path) -> None:
    """A config named as another one's variant would work in its folder."""
    first = _write(tmp_path, "m.yaml", "m", "variants: {a: {}}\n")
    told = dict(_told(load_plans([first, _write(tmp_path, "x.yaml", "m-a")], tmp_path)))
    assert told["m-a"] == ""
    assert f"{first}/a and " in told["m-a@x"]


def test_files_are_known_by_their_names_below_a_folder(tmp_path: Path) -> None:
    """So a package has one digest wherever it is installed; another name or content is another."""

    def digest(folder: str, **files: str) -> str:
        paths = []
        for name, content in files.items():
            path = tmp_path / folder / f"{name}.py"
            path.parent.mkdir(exist_ok=True)
            path.write_text(content)
            paths.append(path)
        return module._files_digest(paths)

    first = digest("one", a="1", b="2")
    assert digest("two", b="2", a="1") == first
    others = [digest("three", a="1", c="2"), digest("four", a="1", b="3"), digest("five", a="1")]
    assert len({first, *others}) == 4
    assert module._files_digest([]) != first


def test_two_packages_that_convert_the_same_both_count(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither hides the other one: with both, no model that names it can be converted."""
    for name in ("one", "two"):
        about = tmp_path / f"{name}-1.0.dist-info"
        about.mkdir()
        (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        (about / "entry_points.txt").write_text(f"[rnnlite.converters]\nsome.Cell = {name}:f\n")
        (tmp_path / f"{name}.py").write_text("")
    monkeypatch.syspath_prepend(tmp_path)
    found = toolchain.__wrapped__()["plugins"]
    assert {"some.Cell of one 1.0", "some.Cell of two 1.0"} <= set(found)
