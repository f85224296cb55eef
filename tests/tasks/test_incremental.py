"""What runs again, and what does not."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from rnnlite_pipeline.config import Config, load_config
from rnnlite_pipeline.tasks import plan
from rnnlite_pipeline.tasks.state import value_digest
from tests.fake.project import Project

ALL = ["import", "convert", "describe", "inspect", "verify", "report", "package"]


def _edit_source_unseen(project: Project) -> None:
    """Other content of the same size under the same modification time."""
    before = project.source.stat()
    project.write_source(b"secnd")
    os.utime(project.source, ns=(before.st_atime_ns, before.st_mtime_ns))


def test_second_run_does_nothing(project: Project) -> None:
    """A run after a run has nothing to do, even if every input has a new modification time."""
    assert sorted(project.package()) == sorted(ALL)
    for path in (project.source, project.config):
        path.write_bytes(path.read_bytes())
        os.utime(path)
    assert project.package() == []


def test_comment_in_config_changes_nothing(project: Project) -> None:
    """A config that says the same in other words is the same config."""
    project.package()
    project.write_config("# a comment\nrecurrent: {bidirectional: group}\n")
    assert project.package() == []


@pytest.mark.parametrize(
    ("edit", "stages"),
    [
        (_edit_source_unseen, ALL),
        (lambda project: project.write_config("recurrent: {bidirectional: split}\n"), ALL[1:]),
        (lambda project: project.write_config("converter: {select_tf_ops: true}\n"), ALL),
    ],
    ids=["source", "config", "config of the import"],
)
def test_edit_runs_what_depends_on_it(
    project: Project, edit: Callable[[Project], object], stages: list[str]
) -> None:
    """An edited source or config runs all stages, to the results of a clean build.

    The import runs again only if what it reads of the config is another.
    """
    project.package()
    edit(project)
    assert sorted(project.package()) == sorted(stages)
    clean = Project(project.folder.parent / "clean").write_config()
    clean.config.write_bytes(project.config.read_bytes())
    clean.source.write_bytes(project.source.read_bytes())
    clean.package()
    assert project.results() == clean.results()


DAMAGE: dict[str, tuple[Callable[[Project], object], list[str]]] = {
    "imported": (lambda p: (p.out / ".work/source.tflite").write_bytes(b"x"), ["import"]),
    "model": (lambda p: (p.out / "model.tflite").write_bytes(b"x"), ["describe"]),
    "inspection": (lambda p: (p.out / "inspect.json").unlink(), ["inspect"]),
    "report": (lambda p: (p.out / "report.html").write_bytes(b"x"), ["report"]),
    "page": (lambda p: (p.out / ".work/report.html").unlink(), ["verify"]),
    "bundle": (lambda p: p.bundle.unlink(), ["package"]),
    "tampered bundle": (lambda p: p.bundle.write_bytes(b"x"), ["package"]),
}


@pytest.mark.parametrize(("damage", "stages"), DAMAGE.values(), ids=DAMAGE)
def test_damage_is_repaired(
    project: Project, damage: Callable[[Project], object], stages: list[str]
) -> None:
    """A tampered or missing output is made again by its own stage, and that suffices."""
    project.package()
    results = project.results()
    damage(project)
    assert project.package() == stages
    assert project.results() == results


#: What runs again where a key of the config changes, beside verify, report and package.
CHANGES: dict[str, tuple[str, list[str]]] = {
    "version": ("version: 1.0.1", ["describe"]),
    "source": ("source: {format: keras, path: source.keras, inputs: {x: [1]}}", ALL[:4]),
    "targets": ("targets: [litert, tflm]", ["convert", "describe", "inspect"]),
    "recurrent": ("recurrent: {bidirectional: split}", ["convert", "describe", "inspect"]),
    "quantization": ("quantization: {scheme: float16}", ["convert", "describe", "inspect"]),
    "converter": ("converter: {select_tf_ops: true}", ALL[:4]),
    "verification": ("verification: {max_abs_error: 1.0e-4}", []),
    "metadata": ("metadata: {author: me}", ["describe"]),
    "package": ("package: {include: [source.keras]}", []),
    "annotations": ("annotations: {a: b}", []),
}


@pytest.mark.parametrize("key", CHANGES)
def test_a_key_runs_what_it_matters_to(project: Project, key: str) -> None:
    """No key but `source` and `converter` imports again; none but what converts, converts."""
    line, stages = CHANGES[key]
    project.package()
    if key == "source":
        project.config.write_text(f"name: fake\n{line}\n")
    else:
        project.write_config(f"{line}\n")
    assert set(project.package()) - {"verify", "report", "package"} == set(stages)


def test_every_key_is_tried() -> None:
    """A new key of the config needs a line above."""
    assert set(CHANGES) == set(Config.model_fields) - {"name", "pipeline", "variants"}


def test_a_stage_sees_no_more_than_its_keys(project: Project) -> None:
    """What a stage is given of a config has the defaults of all keys that its entry leaves out."""
    project.write_config(
        "metadata: {author: me}\nquantization: {scheme: float16}\n"
        "verification: {runtimes: [litert], max_abs_error: 0.5}\n"
    )
    given = load_config(project.config).only(("quantization", "verification.runtimes", "source"))
    assert (given.name, given.metadata, given.quantization.scheme) == ("model", None, "float16")
    assert given.verification.runtimes == ("litert",)
    assert given.verification.max_abs_error is None
    assert given.path == project.config


def test_failed_verification_makes_the_model_again(project: Project) -> None:
    """A model that failed is not left under its final name, and the next run makes it anew."""
    project.run("convert", "config.yaml")
    ended = project.run("package", "config.yaml", FAKE_TROUBLE="verify=gate")
    assert ended.returncode == 1
    assert "accuracy is 0.5" in ended.stderr
    assert not (project.out / "model.tflite").exists()
    assert not project.bundle.exists()
    assert {"describe", "verify", "package"} <= set(project.package())
    assert not (project.out / "model.failed.tflite").exists()


def test_failure_leaves_no_older_result(project: Project) -> None:
    """A stage that fails does not leave what it made of an older config."""
    project.package()
    project.write_config("recurrent: {bidirectional: split}\n")
    assert project.run("convert", "config.yaml", FAKE_TROUBLE="convert=refused").returncode == 1
    assert not (project.out / "model.tflite").exists()


def test_parallel_run_makes_the_same(project: Project) -> None:
    """Two stages at a time end in the same results, and are remembered as well."""
    assert project.run("package", "config.yaml", "-n", "2").returncode == 0
    results = project.results()
    assert project.package() == []
    serial = Project(project.folder.parent / "serial").write_config().write_source(b"first")
    serial.package()
    assert results == serial.results()


@pytest.mark.parametrize("what", ["python_version", "versions", "_code_digest"])
def test_toolchain_is_part_of_the_settings(
    project: Project, what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another Python, package version or line of this package's code is another setting."""
    before = plan.toolchain.__wrapped__()
    settings = plan.load_plan(project.config, project.build).settings
    assert settings["toolchain"] == value_digest(before)
    monkeypatch.setattr(plan, what, lambda *_: "another")
    assert plan.toolchain.__wrapped__() != before


def test_an_edited_plugin_is_another_toolchain(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A converter edited where it is installed counts without a new version, nor is it imported."""
    about = tmp_path / "edited-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: edited\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text("[rnnlite.converters]\nedited.Cell = edited:convert\n")
    module = tmp_path / "edited.py"
    module.write_text("raise AssertionError('imported')\n")
    monkeypatch.syspath_prepend(tmp_path)
    before = plan.toolchain.__wrapped__()
    assert "edited.Cell of edited 1.0" in before["plugins"]
    assert plan.toolchain.__wrapped__() == before
    module.write_text("raise AssertionError('imported again')\n")
    assert plan.toolchain.__wrapped__() != before


def test_another_source_date_epoch_is_another_release(project: Project) -> None:
    """SOURCE_DATE_EPOCH dates the bundle alone: nothing is converted again."""
    project.package()
    assert project.package(SOURCE_DATE_EPOCH="1700000000") == ["package"]
    assert project.package(SOURCE_DATE_EPOCH="1700000000") == []


def test_report_follows_the_benchmark(project: Project) -> None:
    """What was measured is in the next report; nothing else runs again, and no release changes."""
    project.package()
    bundle = project.bundle.read_bytes()
    assert project.run("benchmark", "config.yaml").returncode == 0
    assert project.package() == ["report"]
    size = (project.out / "model.tflite").stat().st_size
    assert (project.out / "report.html").read_text() == f"<p>passed, {size}"
    assert project.bundle.read_bytes() == bundle
    (project.out / "benchmark.json").unlink()
    ended = project.run("verify", "config.yaml")
    assert "report fake: done" in ended.stdout
    assert "verify fake: up to date" in ended.stdout
    assert (project.out / "report.html").read_text() == "<p>passed, not measured"


def test_listed_benchmark_comes_before_the_report(project: Project) -> None:
    """A pipeline that lists benchmark measures first, and its release is that of one without."""
    project.package()
    release = _files(project.bundle)
    (project.folder / "pipelines").mkdir()
    listed = "stages: [validate, convert, benchmark, verify, package]\n"
    (project.folder / "pipelines" / "timed.yaml").write_text(listed)
    project.write_config("pipeline: timed\n")
    ran = project.package()
    assert ran.index("benchmark") < ran.index("report") < ran.index("package")
    assert "not measured" not in (project.out / "report.html").read_text()
    assert _files(project.bundle)["report.html"] == release["report.html"] == b"<p>passed"


def test_a_dump_of_passes_converts_anew(project: Project, tmp_path: Path) -> None:
    """convert runs although nothing changed, writes to DIR/NAME, and is done for the next run."""
    project.package()
    ended = project.run("convert", "config.yaml", "--dump-passes", str(tmp_path / "dump"))
    assert ended.returncode == 0, ended.stderr
    assert "convert fake: done" in ended.stdout
    assert (tmp_path / "dump" / "fake" / "index.txt").read_text() == "passes\n"
    assert project.package() == []


def _files(bundle: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(bundle) as archive:
        return {name: archive.read(name) for name in archive.namelist()}
