"""The stages as the graph sees them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from rnnlite_pipeline.config.chosen import Chosen
from rnnlite_pipeline.config.model import Config
from rnnlite_pipeline.config.part import Part
from rnnlite_pipeline.errors import ConfigError
from rnnlite_pipeline.stages.process import GATED, STAGES
from rnnlite_pipeline.tasks.plan import Plan, load_plan
from rnnlite_pipeline.tasks.table import GROUP_OF, GROUPS, groups_before, needed_groups
from tests.fake.project import AUTO, Project


@pytest.fixture
def searching(project: Project) -> Plan:
    """A release that asks for a search."""
    np.savez(project.folder / "test.npz", x=np.zeros(2))
    return load_plan(project.write_config(AUTO).config, project.build)


def test_every_stage_is_known_to_both_sides() -> None:
    """The graph and the process have the same stages; only validate needs no process."""
    assert {stage.name for stage in GROUPS.values()} == {*STAGES, "validate"}
    assert set(GROUP_OF) == {stage.name for stage in GROUPS.values()}
    assert (GROUP_OF["convert"], GROUP_OF["verify"]) == ("model", "report")


def test_stages_come_in_their_order(plan: Plan) -> None:
    """Whatever a stage comes after stands before it in the table."""
    groups = list(GROUPS)
    for name, stage in GROUPS.items():
        assert all(groups.index(before) < groups.index(name) for before in stage.after)
        assert all(before in GROUPS for before in groups_before(name, plan))


def test_no_two_stages_make_one_file(searching: Plan) -> None:
    """A file has one maker, also those that a stage may leave or not."""
    plan = replace(searching, candidate=Chosen("float16"), part=Part(0, 2))
    made = [
        path for stage in GROUPS.values() for path in (*stage.makes(plan), *stage.may_make(plan))
    ]
    assert len(made) == len(set(made))
    assert all(path.is_relative_to(plan.out) for path in made)


def test_every_file_of_the_config_is_read_by_some_stage(project: Project) -> None:
    """Calibration, test data, labels and included files belong to the stages that use them."""
    project.write_config(
        "quantization: {scheme: int8, calibration: {path: calibration.npz}}\n"
        "verification: {data: {path: test.npz}}\n"
        "metadata: {outputs: [{name: y, labels: labels.txt}]}\n"
        "package: {include: [notes.md]}\n"
    )
    made = load_plan(project.config, project.build)
    reads = {
        name: {path.name for path in stage.reads(made) if path} for name, stage in GROUPS.items()
    }
    assert reads["import"] == {"source.keras"}
    assert "calibration.npz" in reads["graph"]
    assert "labels.txt" in reads["model"]
    assert {"test.npz", "source.keras", "calibration.npz", "labels.txt"} <= reads["verify"]
    assert {"test.npz", "source.keras", "calibration.npz"} <= reads["benchmark"]
    assert "report.html" in reads["report"]
    whole = {"source.keras", "calibration.npz", "test.npz", "labels.txt", "notes.md"}
    assert reads["validate"] == whole
    assert whole <= reads["package"]


def test_keys_are_those_of_a_config() -> None:
    """A stage that is given a part of the config is given its source, and existing keys."""
    for stage in GROUPS.values():
        assert not stage.keys or "source" in stage.keys
        assert {key.split(".")[0] for key in stage.keys} <= set(Config.model_fields)
        assert not stage.keys or stage.name not in GATED  # it is given the pipeline, so all


def test_a_release_needs_what_its_pipeline_lists(project: Project) -> None:
    """A stage that is listed comes first, whether its files are read or not; search is not."""
    (project.folder / "pipelines").mkdir()
    listed = "stages: [validate, convert, benchmark, verify, package]\n"
    (project.folder / "pipelines" / "timed.yaml").write_text(listed)
    usual = load_plan(project.config, project.build)
    timed = load_plan(project.write_config("pipeline: timed\n").config, project.build)
    assert "benchmark" not in needed_groups("package", usual)
    assert "benchmark" in needed_groups("package", timed)
    assert groups_before("report", timed) == ["verify", "benchmark"]
    assert groups_before("report", usual) == ["verify"]
    assert "inspect" in needed_groups("package", timed)
    assert needed_groups("graph", timed) == {"validate", "import", "graph"}


def test_a_stage_that_a_release_does_not_have_is_not_before(plan: Plan, searching: Plan) -> None:
    """A search comes first where one is asked for; a candidate and a part are no one's need."""
    assert groups_before("graph", plan) == ["import"]
    assert groups_before("graph", searching) == ["import", "search"]
    assert not {"candidate", "reference", "batch"} & needed_groups("package", searching)


def test_arguments_of_a_stage_s_process(searching: Plan) -> None:
    """The keys that it is given, and which candidate or part it makes."""
    assert GROUPS["import"].options(searching) == ("--keys", "source,converter")
    assert GROUPS["verify"].options(searching) == ()
    chosen = Chosen("float16", ("dense",))
    candidate = replace(searching, candidate=chosen)
    *_, flag, told = GROUPS["candidate"].options(candidate)
    assert (flag, Chosen.of(told)) == ("--candidate", chosen)
    part = replace(searching, part=Part(1, 3))
    assert GROUPS["batch"].options(part)[-2:] == ("--part", "2/3")


def test_the_log_of_a_stage(searching: Plan) -> None:
    """By its name; of those of which several run at a time, by what each makes."""
    assert GROUPS["graph"].log(searching) == searching.out / "convert.log"
    parts = [replace(searching, part=Part(n, 2)) for n in range(2)]
    candidates = [replace(searching, candidate=Chosen("float16", s)) for s in ((), ("a",))]
    logs = {GROUPS["batch"].log(each) for each in parts}
    logs |= {GROUPS["candidate"].log(each) for each in candidates}
    assert len(logs) == 4
    assert all(path.is_relative_to(searching.out / ".work") for path in logs)


def test_a_reference_and_a_candidate_are_both_kept(searching: Plan) -> None:
    """A candidate reads what the reference left, and makes files of its own."""
    plan = replace(searching, candidate=Chosen("float16"))
    left = set(GROUPS["reference"].makes(plan))
    assert left <= set(GROUPS["candidate"].reads(plan))
    assert not left & {*GROUPS["candidate"].makes(plan), *GROUPS["candidate"].may_make(plan)}
    assert list(GROUPS["reference"].makes(searching)) == []


def test_a_tflite_source_needs_no_tensorflow(project: Project) -> None:
    """Only stages that open the source import a framework, and only for another format."""
    plan = load_plan(project.config, project.build)
    (project.folder / "m.tflite").write_bytes(b"x")
    project.config.write_text("name: fake\nsource: {format: tflite, path: m.tflite}\n")
    plain = load_plan(project.config, project.build)
    opening = {name for name, stage in GROUPS.items() if stage.frameworks(plan)}
    assert opening == {"import", "batch", "verify", "benchmark"}
    assert not any(stage.frameworks(plain) for stage in GROUPS.values())


def test_what_needs_no_process(plan: Plan, searching: Plan) -> None:
    """validate checks here; a search whose choice a lock says is written down here."""
    alone = {name for name, stage in GROUPS.items() if stage.within(plan)}
    assert alone == {"validate"}
    assert {name for name, stage in GROUPS.items() if stage.within(searching)} == alone
    locked = replace(searching, chosen=Chosen("float16"))
    take = GROUPS["search"].within(locked)
    assert take is not None
    take()
    for path in GROUPS["search"].makes(locked):
        assert path.is_file()
    broken = replace(
        plan, config=plan.config.model_copy(update={"source": searching.config.source})
    )
    Path(broken.config.resolve("source.keras")).unlink()
    check = GROUPS["validate"].within(broken)
    assert check is not None
    with pytest.raises(ConfigError, match="no such file"):
        check()


def test_files_that_a_verification_condemns(plan: Plan) -> None:
    """A model that failed does not keep its name; describe begins without either."""
    model, failed = plan.out / "model.tflite", plan.out / "model.failed.tflite"
    assert GROUPS["verify"].condemns(plan) == {model: failed}
    assert failed in GROUPS["model"].may_make(plan)
    assert set(GROUPS["graph"].spoils(plan)) == {model, failed}
    assert all(not s.condemns(plan) for name, s in GROUPS.items() if name != "verify")
