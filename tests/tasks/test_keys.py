"""The digest of a stage: what is part of it, and what is not."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from rnnlite_pipeline.config.chosen import Chosen
from rnnlite_pipeline.config.part import Part
from rnnlite_pipeline.errors import CallError
from rnnlite_pipeline.tasks.keys import (
    made_before,
    read_from_outside,
    same_imports,
    stage_digest,
)
from rnnlite_pipeline.tasks.plan import BrokenPlan, Plan, load_plan, plans_of
from rnnlite_pipeline.tasks.table import GROUPS
from tests.fake.project import AUTO, Project

#: Of the stages of a release, from the first to the last.
LINE = ("validate", "import", "graph", "model", "verify", "report", "package")


def _plan(project: Project) -> Plan:
    return load_plan(project.config, project.build)


def _digests(project: Project) -> dict[str, str]:
    return {group: stage_digest(group, _plan(project)) for group in (*LINE, "inspect")}


def test_each_stage_has_its_digest(project: Project) -> None:
    """It is a sha256, the same when asked again, and no two stages have one."""
    digests = _digests(project)
    assert all(re.fullmatch("[0-9a-f]{64}", each) for each in digests.values())
    assert len(set(digests.values())) == len(digests)
    assert _digests(project) == digests


def test_no_place_and_no_time_is_part_of_it(project: Project) -> None:
    """The same project in another folder, under another DIR, has the same digests."""
    other = Project(project.folder.parent / "elsewhere").write_config().write_source(b"first")
    moved = load_plan(other.config, project.folder / "another")
    assert {group: stage_digest(group, moved) for group in LINE} == {
        group: digest for group, digest in _digests(project).items() if group in LINE
    }


def _changed(project: Project, edit: Callable[[Project], object]) -> set[str]:
    before = _digests(project)
    edit(project)
    after = _digests(project)
    return {group for group in before if before[group] != after[group]}


@pytest.mark.parametrize(
    ("edit", "changed"),
    [
        (lambda p: p.write_source(b"second"), {*LINE, "inspect"}),
        (lambda p: p.source.unlink(), {*LINE, "inspect"}),
        (lambda p: p.write_config("# only a comment\n"), set()),
        (lambda p: p.write_config("metadata: {author: me}\n"), {*LINE} - {"import", "graph"}),
        (
            lambda p: p.write_config("recurrent: {bidirectional: split}\n"),
            {*LINE, "inspect"} - {"import"},
        ),
    ],
    ids=["source", "no source", "comment", "metadata", "recurrent"],
)
def test_what_a_change_makes_anew(
    project: Project, edit: Callable[[Project], object], changed: set[str]
) -> None:
    """The stages that read it, and those after them; validate reads all of a config."""
    assert _changed(project, edit) == changed | ({"validate"} if changed else set())


def test_results_are_no_part_of_it(project: Project) -> None:
    """It is known before anything was made, and is the same afterwards, whatever was made."""
    before = _digests(project)
    plan = _plan(project)
    for group in LINE:
        for path in (*GROUPS[group].makes(plan), *GROUPS[group].may_make(plan)):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"made")
    assert _digests(project) == before


def test_a_file_that_no_stage_made_is_part_of_it(project: Project) -> None:
    """The benchmark that a report shows, where no task of this run makes it."""
    before = _digests(project)
    (project.out).mkdir(parents=True)
    (project.out / "benchmark.json").write_text("{}")
    after = _digests(project)
    changed = {group for group in before if before[group] != after[group]}
    assert changed <= {"report", "package"}


def test_what_a_stage_reads_and_who_makes_it(project: Project) -> None:
    """Files of earlier stages are known by their makers; the others are the user's."""
    plan = _plan(project)
    assert made_before("import", plan) == ()
    assert read_from_outside("import", plan) == [project.source]
    assert read_from_outside("graph", plan) == []
    assert {maker for maker, _ in made_before("graph", plan)} == {"import"}
    makers = {path.name: maker for maker, path in made_before("package", plan)}
    assert makers["model.tflite"] == "model"
    assert makers["verification.json"] == "verify"
    assert makers["source.tflite"] == "import"


def test_no_later_stage_makes_what_is_read(project: Project) -> None:
    """A stage that may write over a file is not the one that an earlier stage has it from."""
    plan = _plan(project)
    groups = list(GROUPS)
    for group in groups:
        for maker, _ in made_before(group, plan):
            assert groups.index(maker) < groups.index(group)


def test_a_choice_a_candidate_and_a_part_count(project: Project) -> None:
    """Each where it is used, and nowhere else."""
    np.savez(project.folder / "test.npz", x=np.zeros(2))
    project.write_config(AUTO)
    plan = _plan(project)
    chosen = replace(plan, chosen=Chosen("float16"))
    assert stage_digest("search", chosen) != stage_digest("search", plan)
    assert stage_digest("graph", chosen) != stage_digest("graph", plan)
    assert stage_digest("import", chosen) == stage_digest("import", plan)
    candidates = [replace(plan, candidate=Chosen("dynamic_range", skip)) for skip in ((), ("a",))]
    assert len({stage_digest("candidate", each) for each in candidates}) == 2
    assert len({stage_digest("graph", each) for each in (plan, *candidates)}) == 1
    parts = [replace(plan, part=Part(*each)) for each in ((0, 2), (1, 2), (0, 3))]
    assert len({stage_digest("batch", each) for each in parts}) == 3
    assert len({stage_digest("verify", each) for each in (plan, *parts)}) == 1


def test_a_folder_counts_by_its_files(project: Project) -> None:
    """A source that is a folder is another one with a file more."""
    project.source.unlink()
    project.source.mkdir()
    (project.source / "a").write_bytes(b"a")
    before = stage_digest("import", _plan(project))
    (project.source / "b").write_bytes(b"")
    assert stage_digest("import", _plan(project)) != before
    (project.source / "b").unlink()
    assert stage_digest("import", _plan(project)) == before


def test_releases_that_import_the_same(project: Project) -> None:
    """The first of them imports for the others; what imports otherwise does it itself."""
    project.write_config(
        "variants:\n"
        "  a: {recurrent: {bidirectional: split}}\n"
        "  b: {converter: {select_tf_ops: true}}\n"
        "  c: {converter: {select_tf_ops: true}, quantization: {scheme: float16}}\n"
    )
    plans = plans_of(project.config, project.build)
    broken = BrokenPlan("x", project.config, CallError("wrong"))
    found = same_imports([broken, *plans])
    assert {name: first.name for name, first in found.items()} == {
        "fake-a": "fake",
        "fake-c": "fake-b",
    }
    assert same_imports(plans[1:2]) == {}
    assert same_imports([]) == {}


def test_releases_of_other_files_are_not_compared(project: Project, tmp_path: Path) -> None:
    """Their paths are found from other folders, so the same words may mean other files."""
    other = Project(tmp_path / "other").write_config().write_source(b"another")
    assert same_imports([_plan(project), _plan(other)]) == {}
