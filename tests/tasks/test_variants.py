"""The releases of one config: their folders, tasks and locks."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import pytest

from rnnlite_pipeline.files import write_atomically
from rnnlite_pipeline.tasks import graph
from rnnlite_pipeline.tasks.plan import plans_of
from tests.fake.project import Project

VARIANTS = "variants:\n  split: {recurrent: {bidirectional: split}}\n  again: {version: 2.0.0}\n"


def _runs(project: Project) -> list[str]:
    return (project.build / "runs").read_text().splitlines()


def test_a_config_stands_for_all_of_its_releases(project: Project) -> None:
    """Each release has its own folder and bundle; a second run does nothing."""
    project.write_config(VARIANTS)
    ended = project.run("package", "config.yaml")
    assert ended.returncode == 0, ended.stderr
    for name, version in (("fake", "0.0.0"), ("fake-split", "0.0.0"), ("fake-again", "2.0.0")):
        assert (project.build / name / "dist" / f"{name}-{version}.zip").is_file()
    before = _runs(project)
    again = project.run("package", "config.yaml")
    assert "package fake-split: up to date" in again.stdout
    assert _runs(project) == before


def test_a_variant_can_be_named(project: Project) -> None:
    """CONFIG/VARIANT is that release alone, CONFIG/base the one without variants."""
    project.write_config(VARIANTS)
    assert project.run("convert", "config.yaml/split").returncode == 0
    assert {line.split()[1] for line in _runs(project)} == {"fake-split"}
    assert project.run("convert", "config.yaml/base").returncode == 0
    assert {line.split()[1] for line in _runs(project)} == {"fake-split", "fake"}
    models = [
        (project.build / name / "model.tflite").read_bytes() for name in ("fake", "fake-split")
    ]
    assert models[0] != models[1]


def test_each_variant_has_its_lock(project: Project) -> None:
    """`lock` writes one for each release, and --locked holds each to its own."""
    project.write_config(VARIANTS)
    assert project.run("lock", "config.yaml").returncode == 0
    names = sorted(path.name for path in project.folder.glob("*.lock.json"))
    assert names == ["config-again.lock.json", "config-split.lock.json", "config.lock.json"]
    assert project.run("convert", "config.yaml", "--locked").returncode == 0
    project.write_config(VARIANTS.replace("split}", "group}"))
    refused = project.run("convert", "config.yaml", "--locked")
    assert refused.returncode == 1
    assert "config.recurrent.bidirectional: locked split, now group" in refused.stderr
    assert "`rnnlite lock config.yaml/split`" in refused.stderr


def test_validate_tells_each_problem_once(project: Project) -> None:
    """A missing source that three releases share is one problem."""
    project.write_config(VARIANTS)
    project.source.unlink()
    ended = project.run("validate", "config.yaml")
    assert ended.returncode == 2
    assert ended.stderr.count("no such file") == 1


def test_a_failed_release_does_not_stop_the_others(project: Project) -> None:
    """The others are made, and the end of what is told names those that failed."""
    project.write_config(
        "variants:\n  a: {}\n  b: {source: {format: tflite, path: broken.tflite}}\n"
    )
    (project.folder / "broken.tflite").mkdir()
    ended = project.run("convert", "config.yaml")
    assert ended.returncode == 2
    assert (project.build / "fake-a" / "model.tflite").is_file()
    *_, count, why = ended.stderr.splitlines()
    assert count == "2 done, 1 failed:"
    assert why.startswith("  validate fake-b (config.yaml/b): ")


def test_two_releases_of_one_name_are_refused(project: Project) -> None:
    """A config whose name is that of another one's variant would work in its folder."""
    project.write_config(VARIANTS)
    other = project.folder / "other.yaml"
    other.write_text("name: fake-split\nsource: {format: keras, path: source.keras}\n")
    ended = project.run("convert", "config.yaml", "other.yaml")
    assert ended.returncode == 2
    assert "are both named fake-split" in ended.stderr


def test_an_import_is_copied_when_no_run_is_making_it(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The folder of the release that imported is held, so that its files are there and whole."""
    project.write_config(VARIANTS)
    first, second, _ = plans_of(project.folder / "config.yaml", project.build)
    for name in ("source.tflite", "source.json"):
        write_atomically(first.out / ".work" / name, name.encode())
    held: list[Path] = []

    def occupied(out: Path) -> AbstractContextManager[None]:
        held.append(out)
        return nullcontext()

    monkeypatch.setattr(graph, "occupied", occupied)
    graph._copy(first, second)
    assert held == [first.out, second.out]
    assert (second.out / ".work" / "source.json").read_bytes() == b"source.json"
