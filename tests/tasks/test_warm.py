"""Stages as forks of a process that has done their imports."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from rnnlite_pipeline.errors import StageError
from rnnlite_pipeline.preloaded import ANEW
from rnnlite_pipeline.tasks import warm
from rnnlite_pipeline.tasks.child import COMMAND, run_stage
from tests.conftest import FAKE
from tests.fake.project import ROOT, Project

STARTS_A_THREAD = """\
import threading, time
threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
"""


pytestmark = pytest.mark.usefixtures("fake_forks")


def _running() -> list[int]:
    return [server.process.pid for server in warm._SERVERS.values()]


def _told(project: Project, folder: str = "fake") -> dict[str, Any]:
    out = project.build / folder
    run_stage("tell", project.config, out)
    told: dict[str, Any] = json.loads((out / "told.json").read_text())
    return told


def test_stages_are_forks_of_one_process(project: Project) -> None:
    """Each stage is a process of its own, with one thread beside the leash's and own numbers."""
    first, second = _told(project), _told(project)
    assert _running()
    assert [first["parent"], second["parent"]] == _running() * 2
    assert first["pid"] != second["pid"]
    assert first["threads"] == 2
    assert first["interruptible"]
    assert all(a != b for a, b in zip(first["numbers"], second["numbers"], strict=True))


def test_a_fork_has_no_handle_of_another_one(project: Project) -> None:
    """However many stages ran, a fork has its leash, its report, its log and its lock."""
    folders = ["first", "second", "third"]
    with ThreadPoolExecutor() as pool:
        for folder, told in zip(folders, pool.map(partial(_told, project), folders), strict=True):
            work = str(project.build / folder / ".work" / "lock")
            log = str(project.build / folder / "tell.log")
            assert sorted(set(told["handles"])) == sorted({"pipe", log, work})


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("segfault", "crashed with SIGSEGV"),
        ("abort at exit", "crashed with SIGABRT"),
        ("refused", "Replace it."),
    ],
)
def test_a_crash_takes_no_other_stage_along(
    project: Project, monkeypatch: pytest.MonkeyPatch, kind: str, said: str
) -> None:
    """While one fork dies, another one goes on to its end, and the process serves the next."""
    monkeypatch.setenv("FAKE_TROUBLE", f"convert={kind}")
    monkeypatch.setenv("FAKE_DELAY", "0.2")
    other = Project(project.folder.parent / "other").write_config().write_source(b"other")
    run_stage("import", project.config, project.out)
    before = _running()
    with ThreadPoolExecutor() as pool:
        dies = pool.submit(run_stage, "convert", project.config, project.out)
        lives = pool.submit(run_stage, "import", other.config, other.out)
        with pytest.raises(StageError) as told:
            dies.result()
        lives.result()
    assert said in str(told.value)
    assert not (project.out / ".work" / "converted.tflite").exists()
    assert (other.out / ".work" / "source.tflite").read_bytes() == b"other"
    assert _running() == before


def test_stages_at_a_time_share_one_process(project: Project) -> None:
    """Threads that start stages at the same moment start one process for them."""
    others = [Project(project.folder.parent / f"p{k}").write_config() for k in range(4)]
    with ThreadPoolExecutor() as pool:
        told = list(pool.map(_told, [each.write_source(b"") for each in others]))
    assert len({each["parent"] for each in told}) == 1
    assert len({each["pid"] for each in told}) == len(others)


def test_files_are_those_of_a_new_process(project: Project) -> None:
    """A fork leaves the same bytes and the same log."""
    run_stage("import", project.config, project.out)
    forked = {**project.results(), "log": (project.out / "import.log").read_bytes()}
    shutil.rmtree(project.build)
    run_stage("import", project.config, project.out, FAKE)
    assert forked == {**project.results(), "log": (project.out / "import.log").read_bytes()}


def test_a_lost_process_is_replaced(project: Project) -> None:
    """Where the process that forks was killed, the next stage has another one."""
    run_stage("import", project.config, project.out)
    first = _running()
    os.kill(first[0], signal.SIGKILL)
    warm._SERVERS[next(iter(warm._SERVERS))].process.wait()
    run_stage("import", project.config, project.out)
    assert _running() != first


def test_what_a_fork_cannot_do_is_done_anew(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stage whose fork gives up is started in a new process, whose log is all there is."""
    words = ["give up", str(project.config), str(project.out)]
    project.out.mkdir(parents=True)
    monkeypatch.setattr(warm, "FIRST", ("tests.fake.forked", "tests.fake.tensorflow_stand_in"))
    with (project.out / "give up.log").open("wb") as log:
        ended = warm.run(words, log, None, _environment(), tensorflow=False)
    assert ended is None
    assert (project.out / "give up.log").read_text() == "a fork was here\n"
    assert ANEW == 75


def _environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT)}


def test_a_system_without_pidfd(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the system lacks what it takes, no process is started, and stages are new processes."""
    monkeypatch.setattr(os, "pidfd_open", _refused)
    warm.possible.cache_clear()
    try:
        words = ["import", str(project.config), str(project.out)]
        with (project.folder / "log").open("wb") as log:
            assert warm.run(words, log, None, _environment(), tensorflow=True) is None
        assert not _running()
    finally:
        warm.possible.cache_clear()


def _refused(pid: int) -> int:
    raise OSError(38, f"Function not implemented: {pid}")


def test_one_thread_or_none(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process whose imports started a thread that stays forks nothing, and says so by its end."""
    module = project.folder / "starts_a_thread.py"
    module.write_text(STARTS_A_THREAD)
    monkeypatch.setattr(warm, "FIRST", ("tests.fake.forked", "starts_a_thread"))
    environment = _environment() | {"PYTHONPATH": f"{ROOT}:{project.folder}"}
    words = ["import", str(project.config), str(project.out)]
    with (project.folder / "log").open("wb") as log:
        assert warm.run(words, log, None, environment, tensorflow=False) is None
        assert not _running()
        with monkeypatch.context() as patch:
            patch.setattr(subprocess, "Popen", None)  # it is not tried again
            assert warm.run(words, log, None, environment, tensorflow=False) is None


def test_another_environment_is_another_process(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stage never runs in the environment of an earlier one, whose process ends."""
    first = _told(project)["parent"]
    monkeypatch.setenv("RNNLITE_TEST", "other")
    assert _told(project)["parent"] != first
    assert len(_running()) == 1


@pytest.mark.parametrize(("name", "status"), [("numpy.py", ANEW), ("mine.py", 0), ("numpy", 0)])
def test_a_module_beside_the_config_that_a_fork_would_not_see(
    tmp_path: Path, name: str, status: int
) -> None:
    """A fork gives up where the user has a module of a name that was imported beforehand."""
    if name == "numpy":
        (tmp_path / name).mkdir()  # it hides no module: it has no __init__.py
    else:
        (tmp_path / name).write_text("")
    program = f"""
import numpy
from pathlib import Path
from rnnlite_pipeline import preloaded
preloaded.remember()
preloaded.importable([Path({str(ROOT)!r}), Path({str(tmp_path)!r})])
"""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    ended = subprocess.run([sys.executable, "-c", program], env=environment, check=False)
    assert ended.returncode == status


#: Keras of each kind: what saves a model, and what the file is.
SAVED = {
    "keras": ("import keras", "model.keras"),
    "tf_keras": ("import tf_keras as keras", "model.h5"),
}


#: A name that tf-keras draws for each function (`layers/rnn/lstm.py`: `"lstm_" + uuid4()`).
DRAWN = re.compile(rb"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@pytest.mark.slow
@pytest.mark.parametrize("kind", SAVED)
def test_imports_in_forks_give_the_bytes_of_new_processes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """What TensorFlow makes of a source in a fork is what it makes of it in a new process.

    A file of tf-keras decides how TensorFlow is imported: its stages are new processes in any case.
    """
    imports, name = SAVED[kind]
    program = f"""
{imports}
x = keras.Input((None, 3))
keras.Model(x, keras.layers.LSTM(4)(x)).save({str(tmp_path / name)!r})
"""
    subprocess.run([sys.executable, "-c", program], check=True, capture_output=True)
    form = "h5" if name.endswith("h5") else "keras"
    config = tmp_path / "model.yaml"
    config.write_text(f"name: model\nsource: {{format: {form}, path: {name}}}\n")
    monkeypatch.undo()  # the real modules
    assert "tensorflow" in warm.TENSORFLOW
    run_stage("import", config, tmp_path / "fork")
    assert _running()
    new = ["env", *COMMAND]
    run_stage("import", config, tmp_path / "new", new)
    for made in ("source.tflite", "source.json"):
        contents = [(tmp_path / out / ".work" / made).read_bytes() for out in ("fork", "new")]
        assert DRAWN.sub(b"", contents[0]) == DRAWN.sub(b"", contents[1])
