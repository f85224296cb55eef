"""`--cluster ADDRESS`: the same bytes as on one machine, whatever dies meanwhile."""

from __future__ import annotations

import errno
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

pytest.importorskip("distributed", reason="the extra `cluster` is not installed")

from rnnlite_pipeline.config.chosen import CHOSEN
from rnnlite_pipeline.config.part import BATCHES
from rnnlite_pipeline.errors import CallError, StageError
from rnnlite_pipeline.fleet import cluster
from rnnlite_pipeline.fleet.cache import Blob, Cache
from rnnlite_pipeline.fleet.cluster import Clustered, check_address
from rnnlite_pipeline.fleet.worker import Ended, Job, run_job
from rnnlite_pipeline.tasks import batches, graph
from rnnlite_pipeline.tasks.graph import Means
from rnnlite_pipeline.tasks.plan import load_plan
from tests.conftest import FAKE
from tests.fake.project import RNNLITE, ROOT, Project, keras_file


def _variants(count: int) -> str:
    lines = (
        f"  v{i}: {{annotations: {{number: '{i}'}}, recurrent: {{bidirectional: split}}}}\n"
        for i in range(count)
    )
    return f"variants:\n{''.join(lines)}"


class Direct:
    """A cluster of one worker, which is this process."""

    def __init__(self) -> None:
        self.jobs: list[Job] = []

    def do(self, job: Job, label: str) -> Ended:
        """Does the job at once."""
        del label
        self.jobs.append(job)
        return run_job(job)


@pytest.fixture
def direct(project: Project) -> Clustered:
    """Brings stages up to date by a worker in this process, through a cache in a folder."""
    cache = Cache(str(project.folder / "cache"), strict=True)
    return Clustered(Direct(), cache, FAKE)  # type: ignore[arg-type]  # it is all that is used


def _not_here() -> None:
    raise AssertionError("the stage ran here")


@pytest.mark.parametrize(
    ("address", "cache", "message"),
    [
        ("local", "", "is no address"),
        ("local[0]", "", "is no address"),
        ("http://a:1", "x", "is no address"),
        ("tcp://a:1", "", "needs a cache"),
    ],
)
def test_a_wrong_address(address: str, cache: str, message: str) -> None:
    """An address that names no cluster, or workers without a way to them, is a wrong call."""
    with pytest.raises(CallError, match=message):
        check_address(address, cache)


def test_a_stage_on_a_worker(project: Project, direct: Clustered) -> None:
    """It works in another folder, and what it made is here afterwards; again, it is a hit."""
    plan = load_plan(project.config, project.build)
    for group in ("import", "graph", "model"):
        assert direct(group, plan, _not_here) == ""
    assert (project.out / "model.tflite").is_file()
    assert "working on convert" in (project.out / "convert.log").read_text()
    assert not (project.build / "runs").exists()
    (project.out / "model.tflite").unlink()
    assert direct("model", plan, _not_here) == "from the cache"
    assert (project.out / "model.tflite").is_file()


def test_a_stage_that_fails_on_a_worker(
    project: Project, direct: Clustered, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its error is the stage's own, and what it left behind is here: no failed model is final."""
    plan = load_plan(project.config, project.build)
    for group in ("import", "graph", "model"):
        direct(group, plan, _not_here)
    monkeypatch.setenv("FAKE_TROUBLE", "verify=gate")
    with pytest.raises(StageError, match=r"accuracy is 0\.5"):
        direct("verify", plan, _not_here)
    assert not (project.out / "model.tflite").exists()
    assert (project.out / "model.failed.tflite").is_file()


def test_a_damaged_file_in_the_cache_is_brought_again(project: Project, direct: Clustered) -> None:
    """A worker refuses what is not what the job names; the job is done with the right file."""
    plan = load_plan(project.config, project.build)
    direct("import", plan, _not_here)
    for blob in (project.folder / "cache" / "blobs").rglob("*"):
        if blob.is_file():
            blob.write_bytes(bytes(blob.stat().st_size))
    assert direct("graph", plan, _not_here) == ""
    assert (project.out / ".work" / "converted.tflite").stat().st_size > 0


def test_a_worker_with_other_versions_makes_nothing(project: Project, direct: Clustered) -> None:
    """A job whose settings the worker does not have is refused before its stage runs."""
    plan = load_plan(project.config, project.build)
    direct("import", plan, _not_here)
    jobs = direct._cluster.jobs  # type: ignore[attr-defined]  # it is `Direct`
    ended = run_job(replace(jobs[0], settings="0" * 64))
    assert ended.status == 1
    assert "its versions differ" in ended.message


def test_an_absolute_path_is_refused_by_a_worker(project: Project, direct: Clustered) -> None:
    """What a worker would find on its own disk is not what the config means."""
    text = project.config.read_text().replace("source.keras", str(project.source))
    project.config.write_text(text)
    with pytest.raises(StageError, match="by an absolute path"):
        direct("import", load_plan(project.config, project.build), _not_here)


def test_a_worker_ends_what_takes_too_much_memory(
    project: Project, direct: Clustered, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The stage is ended, and the error names the limit."""
    plan = load_plan(project.config, project.build)
    direct("import", plan, _not_here)
    job = direct._cluster.jobs[0]  # type: ignore[attr-defined]
    monkeypatch.setenv("FAKE_DELAY", "30")
    ended = run_job(job, memory=2**20)
    assert ended.status == 1
    assert "took more than the 0.0 GiB of memory" in ended.message


def test_a_full_disk_at_a_worker(
    project: Project, direct: Clustered, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error names the worker and what is wrong with it; with room again the stage is made."""
    plan = load_plan(project.config, project.build)

    def full(**_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", "rnnlite-1")

    with monkeypatch.context() as patch:
        patch.setattr("tempfile.TemporaryDirectory", full)
        with pytest.raises(StageError, match=r"at the worker here: .*No space left on device"):
            direct("import", plan, _not_here)
    assert direct("import", plan, _not_here) == ""


def test_code_is_not_sent(project: Project, direct: Clustered) -> None:
    """A source that is built by code is made here."""
    project.config.write_text("name: fake\nsource: {format: jax, factory: my.module:build}\n")
    ran: list[str] = []
    plan = load_plan(project.config, project.build)
    assert direct("import", plan, lambda: ran.append("here")) == ""
    assert ran == ["here"]


def test_what_a_lost_cluster_left_is_made_here(
    project: Project, direct: Clustered, capsys: pytest.CaptureFixture[str]
) -> None:
    """One warning; the stage runs on this machine, and is in the cache for the others."""
    plan = load_plan(project.config, project.build)

    def lost(job: Job, label: str) -> Ended:
        raise cluster.Lost(f"no cluster for {job.group} {label}")

    def run() -> None:
        for name in ("source.tflite", "source.json"):
            (plan.out / ".work" / name).write_bytes(b"{}")

    direct._cluster.do = lost  # type: ignore[method-assign]
    assert direct("import", plan, run) == ""
    assert capsys.readouterr().err.count("the rest is made here") == 1
    assert direct("import", plan, _not_here) == "from the cache"


def test_candidates_of_a_search_go_to_workers(project: Project, direct: Clustered) -> None:
    """Each is a job; the search itself, which takes times, stays on this machine."""
    np.savez(project.folder / "test.npz", x=np.zeros(2))
    project.write_config(
        "quantization: {scheme: auto, max_accuracy_drop: 0.01}\n"
        "verification: {data: {path: test.npz}}\n"
    )
    plan = load_plan(project.config, project.build)
    means = Means.of(FAKE, direct, 1, 3, None)
    for group in ("import", "search"):
        (task,) = graph.group(group, [plan], means)
        work = task["actions"][0][1][0]
        assert work() == ""
    jobs = direct._cluster.jobs  # type: ignore[attr-defined]  # it is `Direct`
    sent = [(job.group, str(job.candidate)) for job in jobs]
    assert sent[:2] == [("import", "None"), ("reference", "none")]
    assert {each for _, each in sent[2:]} == {
        "float16",
        "dynamic_range",
        "dynamic_range without lstm",
        "dynamic_range without dense",
    }
    assert json.loads((project.out / CHOSEN).read_text())["scheme"] == "float16"


def test_parts_of_the_data_go_to_workers(
    project: Project, direct: Clustered, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each is a job; verify is one too and brings their outputs. Afterwards it is a hit."""
    monkeypatch.setattr(batches, "parts_of", lambda _: 2)
    plan = load_plan(project.config, project.build)
    means = Means.of(FAKE, direct, 1, 2, None)

    def do(group: str) -> str:
        (task,) = graph.group(group, [plan], means)
        how: str = task["actions"][0][1][0]()
        return how

    for group in ("import", "graph", "model", "verify"):
        assert do(group) == ""
    jobs = direct._cluster.jobs  # type: ignore[attr-defined]  # it is `Direct`
    assert [job.group for job in jobs[3:]] == ["batch", "batch", "verify"]
    assert "1/2 2/2" in (project.out / "verify.log").read_text()
    assert not (project.out / BATCHES).exists()
    assert do("verify") == "from the cache"
    assert len(jobs) == 6


def test_no_cluster_is_one_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """An address where nobody answers ends with one sentence."""
    monkeypatch.setattr(cluster, "CONNECT", 1.0)
    with (
        pytest.raises(StageError, match=r"The cluster at tcp://127\.0\.0\.1:9 cannot be used"),
        cluster.connected("tcp://127.0.0.1:9"),
    ):
        pass


class Broken:
    """A client of Dask, and the future of all that is given to it."""

    status = "running"

    def __init__(self, error: Exception) -> None:
        self.error, self.given = error, 0

    def submit(self, *_: object, **__: object) -> Any:
        """Counts it."""
        self.given += 1
        state = "error" if isinstance(self.error, OSError) else "lost"
        return SimpleNamespace(status=state, result=self.result)

    def result(self, timeout: float) -> None:  # noqa: ARG002  # the name is Dask's
        """Raises what was told."""
        raise self.error


@pytest.mark.parametrize(
    ("error", "expected", "given"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), "the cluster cannot run it: OSError", 1),
        (RuntimeError("closed"), "lost import fake 10 times", 10),
    ],
)
def test_a_job_is_not_given_for_ever(
    error: Exception, expected: str, given: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A cluster that cannot run it is an error at once; one that loses it, after ten times."""
    broken = Broken(error)
    made = object.__new__(cluster.Cluster)
    made.address, made._client, made._resources = "tcp://a:1", broken, None
    monkeypatch.setattr(made, "_renew", lambda _: None)
    with pytest.raises((StageError, cluster.Lost), match=expected):
        made.do(None, "import fake")  # type: ignore[arg-type]  # nobody looks at the job
    assert broken.given == given


def test_a_take_of_unknown_files_is_refused(project: Project, direct: Clustered) -> None:
    """A failed stage brings back what some stage makes, and no file of another name."""
    project.out.mkdir(parents=True)
    plan = load_plan(project.config, project.build)
    blob = Blob("0" * 64, 1)
    direct._take_what_is_left(plan, Ended("x", status=1, left={"../../evil": blob}))
    assert not (project.folder / "evil").exists()


class Processes:
    """A scheduler and two workers, each a process that can be killed and started again."""

    def __init__(self, folder: Path) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.folder = folder
        self.address = f"tcp://127.0.0.1:{self.port}"
        self.running: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, name: str) -> None:
        """Starts `scheduler`, or a worker of any other name."""
        if name == "scheduler":
            words = ["scheduler", "--host", "127.0.0.1", "--port", str(self.port), "--no-dashboard"]
        else:
            resources = ["--resources", "rnnlite=1", "--nthreads", "1", "--no-dashboard"]
            place = ["--local-directory", str(self.folder / name)]
            words = ["worker", self.address, "--no-nanny", "--name", name, *resources, *place]
        self.running[name] = subprocess.Popen(
            [sys.executable, "-m", "distributed.cli.dask_" + words[0], *words[1:]],
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def kill(self, name: str) -> None:
        """Ends one with SIGKILL."""
        process = self.running.pop(name)
        process.send_signal(signal.SIGKILL)
        process.wait()

    def keep_alive(self) -> None:
        """Starts again what has ended, as a supervisor does."""
        for name, process in list(self.running.items()):
            if process.poll() is not None:
                self.start(name)


@pytest.fixture
def processes(tmp_path: Path) -> Iterator[Processes]:
    """Two workers and their scheduler."""
    made = Processes(tmp_path)
    for name in ("scheduler", "one", "two"):
        made.start(name)
    yield made
    for name in list(made.running):
        made.kill(name)


def _run(project: Project, *words: str) -> subprocess.CompletedProcess[str]:
    """As `project.run`, for as long as it takes."""
    return subprocess.run(
        [*RNNLITE, *words], cwd=project.folder, capture_output=True, text=True, check=False
    )


def _two_sources(folder: Path, variants: str) -> Project:
    """A config with variants, and one with another source."""
    project = Project(folder).write_config(variants).write_source(b"first")
    (folder / "other.keras").write_bytes(keras_file(b"other"))
    other = "name: other\nsource: {format: keras, path: other.keras}\n"
    (folder / "other.yaml").write_text(other)
    return project


def _made(ended: subprocess.CompletedProcess[str]) -> set[str]:
    """What ran and was not taken from the cache."""
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return _done(ended.stdout)


def _done(stdout: str) -> set[str]:
    """The stages that a run names as done by itself."""
    lines = [line for line in stdout.splitlines() if ": done in" in line]
    return {line.split(":")[0] for line in lines if not line.startswith("validate")}


def _survives(run: subprocess.Popen[str], processes: Processes) -> None:
    """A worker is killed and started again, then the scheduler; the run ends well all the same."""
    assert run.stdout is not None
    said: list[str] = []
    killed: list[str] = []
    for line in run.stdout:
        said.append(line)
        if line.startswith("convert") and ": done" in line and not killed:
            processes.kill("one")
            processes.start("one")
            killed.append("worker")
        if line.startswith("verify") and ": done" in line and len(killed) == 1:
            processes.kill("scheduler")
            processes.start("scheduler")
            killed.append("scheduler")
            time.sleep(1)
        processes.keep_alive()
    assert run.wait() == 0, "".join(said)
    assert killed == ["worker", "scheduler"]


@pytest.mark.slow
def test_a_build_survives_its_cluster(tmp_path: Path, processes: Processes) -> None:
    """A worker is killed, then the scheduler: all completes, with the bytes of one machine.

    A second machine with the same cache then runs nothing, and an edited source runs what
    depends on it. RNNLITE_FLEET=300 asks for as many variants.
    """
    variants = _variants(int(os.environ.get("RNNLITE_FLEET", "2")))
    project = _two_sources(tmp_path / "cluster", variants)
    shared = ["--cluster", processes.address, "--cache", str(tmp_path / "cache")]
    words = ["package", "config.yaml", "other.yaml"]
    began = time.monotonic()
    run = subprocess.Popen(
        [*RNNLITE, *words, *shared],
        cwd=project.folder,
        env={**os.environ, "FAKE_DELAY": "0.5"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    _survives(run, processes)
    print(f"on the cluster: {time.monotonic() - began:.0f} s")

    alone = _two_sources(tmp_path / "alone", variants)
    began = time.monotonic()
    assert _run(alone, *words, "-n", "2").returncode == 0
    print(f"on one machine, -n 2: {time.monotonic() - began:.0f} s")
    results = alone.results()
    assert project.results() == results

    again = _two_sources(tmp_path / "again", variants)
    began = time.monotonic()
    ended = _run(again, *words, *shared)
    assert {line.split()[0] for line in _made(ended)} <= {"import"}  # copied, not imported
    print(f"from the cache: {time.monotonic() - began:.0f} s")
    assert "import fake: from the cache" in ended.stdout
    assert again.results() == results
    assert ": start" not in _run(again, *words, *shared).stdout

    (again.folder / "other.keras").write_bytes(keras_file(b"edited"))
    edited = _made(_run(again, *words, *shared))
    assert len(edited) == 7
    assert {line.split()[1] for line in edited} == {"other"}
    kept = {name: each for name, each in results.items() if not name.startswith("other/")}
    assert kept.items() <= again.results().items()


TINY = """
import keras
keras.utils.set_random_seed(1)
layers = [keras.Input((5, 3)), keras.layers.LSTM(4), keras.layers.Dense(2, activation="softmax")]
keras.Sequential(layers).save("tiny.keras")
"""

SCHEMES = ("none", "float16", "dynamic_range")


def _rnnlite(folder: Path, *words: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "rnnlite_pipeline", *words],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def _text(run: subprocess.Popen[str]) -> str:
    """What a run that ends well has said."""
    text, _ = run.communicate()
    assert run.returncode == 0, text
    return text


def _fleet(folder: Path, count: int, models: dict[str, bytes]) -> None:
    """A config of so many variants of one model, and a config of another model."""
    folder.mkdir()
    variants = "".join(
        f"  v{i}: {{annotations: {{number: '{i}'}}, quantization: {{scheme: {SCHEMES[i % 3]}}}}}\n"
        for i in range(count)
    )
    for name, more in (("tiny", f"variants:\n{variants}"), ("other", "")):
        (folder / f"{name}.keras").write_bytes(models[name])
        (folder / f"{name}.yaml").write_text(
            f"name: {name}\nsource: {{format: keras, path: {name}.keras}}\n"
            f"verification: {{data: {{random: {{samples: 2}}}}}}\n{more}"
        )


def _bundles(folder: Path) -> dict[str, bytes]:
    """The files of every release, by their places."""
    paths = sorted((folder / "build").glob("*/dist/*"))
    return {str(path.relative_to(folder / "build")): path.read_bytes() for path in paths}


@pytest.mark.slow
def test_a_fleet_of_real_models(tmp_path: Path, processes: Processes) -> None:
    """Variants of a small Keras model, a worker and the scheduler killed: the bytes of one machine.

    A second machine with the same cache runs no stage, and an edited source runs what depends on
    it. RNNLITE_FLEET=300 asks for as many variants; a quarter of an hour for each hundred and core.
    """
    count = int(os.environ.get("RNNLITE_FLEET", "3"))
    environment = {**os.environ, "CUDA_VISIBLE_DEVICES": "-1"}
    models: dict[str, bytes] = {}
    for seed, name in enumerate(("tiny", "other", "edited"), start=1):
        code = TINY.replace("seed(1)", f"seed({seed})")
        subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=environment, check=True)
        models[name] = (tmp_path / "tiny.keras").read_bytes()
    cluster, alone, again = (tmp_path / name for name in ("cluster", "alone", "again"))
    words = ["package", "tiny.yaml", "other.yaml"]
    shared = ["--cluster", processes.address, "--cache", f"{tmp_path}/cache"]

    _fleet(cluster, count, models)
    began = time.monotonic()
    _survives(_rnnlite(cluster, *words, *shared), processes)
    print(f"on the cluster: {time.monotonic() - began:.0f} s")

    _fleet(alone, count, models)
    began = time.monotonic()
    _text(_rnnlite(alone, *words, "-n", "2"))
    print(f"on one machine, -n 2: {time.monotonic() - began:.0f} s")
    bundles = _bundles(alone)
    assert len(bundles) == 4 * (count + 2)
    assert _bundles(cluster) == bundles

    _fleet(again, count, models)
    began = time.monotonic()
    made = _done(_text(_rnnlite(again, *words, *shared)))
    print(f"from the cache: {time.monotonic() - began:.0f} s")
    assert {line.split()[0] for line in made} <= {"import"}  # copied, not imported
    assert _bundles(again) == bundles
    assert ": start" not in _text(_rnnlite(again, *words, *shared))

    (again / "other.keras").write_bytes(models["edited"])
    edited = _done(_text(_rnnlite(again, *words, *shared)))
    assert {line.split()[0] for line in edited} >= {"import", "convert", "verify", "package"}
    assert {line.split()[1] for line in edited} == {"other"}
    kept = {place: each for place, each in bundles.items() if not place.startswith("other/")}
    assert kept.items() <= _bundles(again).items()
    assert _bundles(again) != bundles


PARTED = """
import numpy
x = numpy.random.default_rng(0).standard_normal((6000, 100, 3)).astype("float32")
numpy.savez("data.npz", x=x)
"""


@pytest.mark.slow
def test_real_data_in_parts_on_a_cluster(
    tmp_path: Path, processes: Processes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Workers run the parts of a large data set; verification.json is that of one process."""
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "-1")
    folders = [tmp_path / name for name in ("cluster", "alone")]
    folders[0].mkdir()
    (folders[0] / "tiny.yaml").write_text(
        "name: tiny\nsource: {format: keras, path: tiny.keras, inputs: {x: [null, 100, 3]}}\n"
        "verification: {data: {path: data.npz}}\n"
    )
    large = TINY.replace("Input((5, 3))", 'Input((100, 3), name="x")').replace("(4)", "(128)")
    subprocess.run([sys.executable, "-c", large + PARTED], cwd=folders[0], check=True)
    shutil.copytree(folders[0], folders[1])
    shared = ["--cluster", processes.address, "--cache", f"{tmp_path}/cache"]
    took: list[float] = []
    for folder, more in zip(folders, (shared, ["-n", "1"]), strict=True):
        began = time.monotonic()
        _text(_rnnlite(folder, "verify", "tiny.yaml", *more))
        took.append(time.monotonic() - began)
    print(f"two workers, one process: {took[0]:.0f} s, {took[1]:.0f} s")
    entries = [path.read_text() for path in (tmp_path / "cache" / "stages").rglob("*.json")]
    assert len([text for text in entries if str(BATCHES) in text]) >= 2
    reports = [folder / "build" / "tiny" / "verification.json" for folder in folders]
    assert reports[0].read_bytes() == reports[1].read_bytes()


LABELLED = """
import numpy
x = numpy.random.default_rng(0).standard_normal((200, 5, 3)).astype("float32")
labels = numpy.argmax(keras.saving.load_model("tiny.keras").predict(x, verbose=0), -1)
numpy.savez("data.npz", x=x, labels=labels)
"""

AUTO = """
name: tiny
source: {format: keras, path: tiny.keras, inputs: {x: [null, 5, 3]}}
quantization:
  scheme: auto
  max_accuracy_drop: 0.02
  calibration: {path: calibration.npz}
verification: {data: {path: data.npz}}
"""


@pytest.mark.slow
def test_a_real_search_on_a_cluster(tmp_path: Path, processes: Processes) -> None:
    """The candidates are made by the workers; scheme, model and table are those of one machine.

    Times, and who is beaten in time, are of the machine that was called at that moment.
    """
    folders = [tmp_path / name for name in ("cluster", "alone")]
    folders[0].mkdir()
    (folders[0] / "tiny.yaml").write_text(AUTO)
    named = TINY.replace("keras.Input((5, 3))", 'keras.Input((5, 3), name="x")')
    environment = {**os.environ, "CUDA_VISIBLE_DEVICES": "-1"}
    made = [sys.executable, "-c", named + LABELLED]
    subprocess.run(made, cwd=folders[0], env=environment, check=True)
    with np.load(folders[0] / "data.npz") as data:
        np.savez(folders[0] / "calibration.npz", x=data["x"][:50])
    shutil.copytree(folders[0], folders[1])
    shared = ["--cluster", processes.address, "--cache", f"{tmp_path}/cache"]
    for folder, more in zip(folders, (shared, []), strict=True):
        run = _rnnlite(folder, "package", "tiny.yaml", *more)
        text, _ = run.communicate()
        assert run.returncode == 0, text
    entries = [path.read_text() for path in (tmp_path / "cache" / "stages").rglob("*.json")]
    assert len([text for text in entries if ".work/candidates/" in text]) >= 5
    outs = [folder / "build" / "tiny" for folder in folders]
    for name in (CHOSEN, Path("model.tflite"), Path("verification.json")):
        assert (outs[0] / name).read_bytes() == (outs[1] / name).read_bytes()
    tables = [json.loads((out / "search.json").read_text())["candidates"] for out in outs]
    assert len(tables[0]) >= 5
    kept = [[each | {"ms": 0, "pareto": False} for each in table] for table in tables]
    assert kept[0] == kept[1]
