"""One stage in a process of its own: what it is given, and what it reports."""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from rnnlite_pipeline.config import Config
from rnnlite_pipeline.config.chosen import CHOSEN, Chosen
from rnnlite_pipeline.config.part import Part
from rnnlite_pipeline.errors import ConfigError, NotConvertible, Problem, StageError
from rnnlite_pipeline.stages import process
from rnnlite_pipeline.stages.process import GATED, STAGES, UNFORESEEN, UNSETTLED
from tests.fake.project import ROOT, Project

#: Stages of a module that a test writes.
PROGRAM = """\
import os, sys
from pathlib import Path
sys.path[:0] = [{root!r}, {folder!r}]
from rnnlite_pipeline.stages.process import main
sys.exit(main(sys.argv[1:], {{"work": "written:work"}}))
"""


class Given:
    """What a stage was called with."""

    def __init__(self) -> None:
        self.config: Any = None
        self.options: dict[str, Any] = {}

    def __call__(self, config: Config, out: Path, **options: Any) -> None:
        """A stage that only notes it."""
        del out
        self.config, self.options = config, options


def _given(
    project: Project,
    stage: str,
    monkeypatch: pytest.MonkeyPatch,
    options: Mapping[str, str] | None = None,
) -> Given:
    """What a stage of this name is called with."""
    given = Given()
    module = SimpleNamespace(work=given)
    monkeypatch.setattr(importlib, "import_module", lambda _: module)
    process._run(stage, project.config, project.out, {stage: "written:work"}, options or {})
    return given


def test_every_stage_is_a_function() -> None:
    """The module of each is there, and has it; imported only when it runs."""
    for place in STAGES.values():
        module, function = place.split(":")
        path = ROOT / Path(*module.split(".")).with_suffix(".py")
        assert f"\ndef {function}(" in path.read_text(encoding="utf-8")
    assert set(STAGES) >= GATED | UNSETTLED


def test_a_stage_is_given_its_keys(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """With `--keys` the others have their defaults, without it all are there."""
    project.write_config("metadata: {author: me}\nrecurrent: {bidirectional: split}\n")
    whole = _given(project, "convert", monkeypatch).config
    assert whole.metadata.author == "me"
    some = _given(project, "convert", monkeypatch, {"--keys": "source,recurrent"}).config
    assert some.metadata is None
    assert (some.recurrent.bidirectional, some.name) == ("split", "model")


def test_a_stage_with_gates_is_given_the_pipeline(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And the whole config, in which the name of a release is its own."""
    for stage in ("verify", "package"):
        given = _given(project, stage, monkeypatch, {"--keys": "source"})
        assert given.options["pipeline"].name == "default"
        assert given.config.name == "fake"
    assert "pipeline" not in _given(project, "inspect", monkeypatch).options


def test_options_of_single_stages(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder for passes, a candidate, a part; nothing where none is asked for."""
    chosen, part = Chosen("float16", ("dense",)), Part(1, 3)
    asked = {
        "--dump-passes": "dump",
        "--candidate": chosen.as_json().decode(),
        "--part": str(part),
    }
    assert _given(project, "convert", monkeypatch, asked).options == {
        "dump_passes": Path("dump"),
        "chosen": chosen,
        "part": part,
    }
    assert _given(project, "convert", monkeypatch).options == {}


def test_a_choice_is_settled_before_a_stage(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stages after a search see what it chose; before it, and within it, they see `auto`."""
    project.write_config(
        "quantization: {scheme: auto, max_accuracy_drop: 0.01}\n"
        "verification: {data: {path: test.npz}}\n"
    )
    for stage in UNSETTLED:
        assert _given(project, stage, monkeypatch).config.quantization.scheme == "auto"
    with pytest.raises(StageError, match="has not run"):
        _given(project, "convert", monkeypatch)
    path = project.out / CHOSEN
    path.parent.mkdir(parents=True)
    path.write_bytes(Chosen("float16").as_json())
    assert _given(project, "convert", monkeypatch).config.quantization.scheme == "float16"


def test_an_error_of_the_config_gets_its_place(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An error that names a key is one of the config's; any other stays as it is."""

    def raising(error: Exception) -> None:
        def work(*_: object) -> None:
            raise error

        monkeypatch.setattr(importlib, "import_module", lambda _: SimpleNamespace(work=work))
        process._run("convert", project.config, project.out, {"convert": "x:work"}, {})

    with pytest.raises(ConfigError) as told:
        raising(NotConvertible("source.path: is odd.", "Take another.", ("source", "path")))
    (problem,) = told.value.details
    assert (problem.line, problem.key) == (2, "source.path")
    with pytest.raises(NotConvertible, match="It is odd"):
        raising(NotConvertible("It is odd."))


def _reported(error: Any, status: int = 0) -> tuple[int, dict[str, Any]]:
    read, write = os.pipe()
    returned = process._fail(write, error, status)
    with os.fdopen(read) as file:
        told: dict[str, Any] = json.load(file)
    return returned, told


def test_what_a_failure_reports() -> None:
    """Message, remedy and status; of a wrong config its path and each problem's place."""
    assert _reported(StageError("é", "Mend it.")) == (
        1,
        {"message": "é", "remedy": "Mend it.", "status": 1},
    )
    status, told = _reported(StageError("x"), UNFORESEEN)
    assert status == told["status"] == UNFORESEEN == 70
    problem = Problem(3, 5, "source.path", "is wrong", "  path: x")
    status, told = _reported(ConfigError(Path("a.yaml"), [problem], "Mend it."))
    assert (status, told["config"], told["remedy"]) == (2, "a.yaml", "Mend it.")
    assert told["problems"] == [
        {
            "line": 3,
            "column": 5,
            "key": "source.path",
            "message": "is wrong",
            "excerpt": "  path: x",
        }
    ]
    status, told = _reported(ConfigError(Path("a.yaml"), ["1:1: no parts"]))
    assert (status, told["message"]) == (2, "a.yaml:1:1: no parts")
    assert "problems" not in told


def _process(project: Project, work: str, *words: str) -> subprocess.Popen[str]:
    (project.folder / "written.py").write_text(f"def work(config, out):\n    {work}\n")
    program = PROGRAM.format(root=str(ROOT), folder=str(project.folder))
    return subprocess.Popen(
        [sys.executable, "-c", program, "work", str(project.config), str(project.out), *words],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def _ended(project: Project, work: str, *words: str) -> tuple[int, str, str]:
    """The status, the report and the log of a stage that does `work`."""
    with _process(project, work, *words) as running:
        assert running.stdout is not None
        assert running.stderr is not None
        report, log = running.stdout.read(), running.stderr.read()
        return running.wait(), report, log


@pytest.mark.parametrize(
    ("work", "status", "report", "log"),
    [
        ("print('said'); import os; os.system('echo by a child')", 0, "", "by a child"),
        ("raise ValueError('surprise\\nmore')", UNFORESEEN, "ValueError: surprise", "Traceback"),
        ("raise MemoryError", 1, "not enough memory", "Traceback"),
        ("open('/no/such/file')", 1, "/no/such/file: No such file", "Traceback"),
    ],
)
def test_how_a_process_ends(
    project: Project, work: str, status: int, report: str, log: str
) -> None:
    """What anyone prints is log; standard output has the report of a failure and nothing else."""
    ended, told, printed = _ended(project, work)
    assert ended == status
    assert log in printed
    if report:
        assert report in json.loads(told)["message"]
        assert "\n" not in json.loads(told)["message"]
    else:
        assert told == ""
        assert "said" in printed


def test_files_wait_for_the_end_of_the_process(project: Project) -> None:
    """They are held back under the name of the stage, or that which it is called by."""
    work = "from rnnlite_pipeline.files import write_atomically; write_atomically(out / 'x', b'')"
    for words, name in (((), "work"), (("--as", ".work/parts/1"), ".work/parts/1")):
        assert _ended(project, work, *words)[0] == 0
        assert (project.out / ".work" / "held" / name / "x").is_file()
        assert not (project.out / "x").exists()


def test_a_process_ends_with_its_parent(project: Project) -> None:
    """Its standard input is a leash: when it closes, the stage is over."""
    began = time.monotonic()
    with _process(project, "import time; print('begun', flush=True); time.sleep(60)") as running:
        assert running.stderr is not None
        assert running.stdin is not None
        assert running.stderr.readline() == "begun\n"
        running.stdin.close()
        assert running.wait() == 1
    assert time.monotonic() - began < 30
