"""The lock: what it holds, when a build matches it, and how a difference is shown."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest

from rnnlite_pipeline.errors import StageError
from rnnlite_pipeline.release.lock import check_locks, lock_bytes, read_lock
from tests.fake.project import Project

LOCK = {"model.semantic": "c" * 64, "model.sha256": "a" * 64, "source": "b" * 64}
PATH = Path("m.lock.json")
CHANGES = {"a": {"source": "d" * 64}, "b": {}, "c": {"model.sha256": "d" * 64}}


def test_lock_and_locked(project: Project) -> None:
    """`lock` writes it, `--locked` accepts the same build, and refuses another source by line."""
    missing = project.run("package", "config.yaml", "--locked")
    assert missing.returncode == 1
    assert "There is no lock" in missing.stderr

    assert project.run("lock", "config.yaml").returncode == 0
    path = project.folder / "config.lock.json"
    text = path.read_text(encoding="utf-8")
    lock = json.loads(text)
    keys = [line.split('"')[1] for line in text.splitlines()[1:-1]]
    assert keys == sorted(lock)
    assert {
        "config.name",
        "pipeline.stages[0]",
        "source",
        "model.sha256",
        "model.semantic",
    } < set(keys)
    assert "toolchain.tensorflow" in keys

    locked = project.run("package", "config.yaml", "--locked")
    assert locked.returncode == 0
    assert "config.lock.json: matches" in locked.stdout
    with zipfile.ZipFile(project.bundle) as archive:
        assert archive.read("lock.json") == path.read_bytes()
    project.write_source(b"second")
    refused = project.run("package", "config.yaml", "--locked")
    assert refused.returncode == 1
    assert "\n  source: locked " in refused.stderr
    assert "model" not in refused.stderr.split("source: locked")[1].split("\n")[0]
    assert "convert" not in refused.stdout  # nothing ran
    project.write_source(b"first").write_config("recurrent: {bidirectional: split}\n")
    refused = project.run("convert", "config.yaml", "--locked")
    assert "\n  config.recurrent.bidirectional: locked group, now split\n" in refused.stderr


def test_another_model_from_the_same_inputs_is_refused(project: Project) -> None:
    """It is compared before it is verified or packaged."""
    assert project.run("lock", "config.yaml").returncode == 0
    path = project.folder / "config.lock.json"
    lock = read_lock(path)
    path.write_bytes(lock_bytes(lock | {"model.sha256": "0" * 64}))
    refused = project.run("package", "config.yaml", "--locked")
    assert refused.returncode == 1
    found = lock["model.sha256"][:16]
    assert f"\n  model.sha256: locked 0000000000000000..., now {found}...\n" in refused.stderr
    assert "It still computes the same" in refused.stderr
    assert "`rnnlite lock config.yaml`" in refused.stderr
    assert "verify" not in refused.stdout
    assert not project.bundle.exists()


def test_all_that_differ_are_told_at_once() -> None:
    """Of several models, each that differs from its lock, and the command that locks those."""
    locks = [(Path(f"{name}.lock.json"), LOCK, LOCK | change) for name, change in CHANGES.items()]
    with pytest.raises(StageError) as caught:
        check_locks(locks)
    told = str(caught.value)
    assert "a.lock.json" in told
    assert "b.lock.json" not in told
    assert "`rnnlite lock a.yaml c.yaml`" in told


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"source": "d" * 64}, "source: locked bbbbbbbbbbbbbbbb..., now dddddddddddddddd..."),
        ({"model.sha256": "d" * 64}, "It still computes the same"),
        ({"data.verification": "1"}, "data.verification: locked nothing, now 1"),
    ],
)
def test_a_difference_is_a_line(change: dict[str, str], said: str) -> None:
    """Each key that differs is shown; a model that computes the same is told from another."""
    check_locks([(PATH, LOCK, LOCK)])
    with pytest.raises(StageError) as caught:
        check_locks([(PATH, LOCK, LOCK | change)])
    assert said in str(caught.value)
    assert len(caught.value.message.splitlines()) == 1 + len(change)


def test_before_the_build_only_its_inputs_are_compared() -> None:
    """What is known after the build alone is no difference before it."""
    check_locks([(PATH, LOCK, {"source": "b" * 64})], inputs_only=True)
    with pytest.raises(StageError):
        check_locks([(PATH, LOCK, {"source": "d" * 64})], inputs_only=True)


@pytest.mark.parametrize("text", ["", "[]", '{"source": 1}', "{"])
def test_what_is_no_lock_is_refused(tmp_path: Path, text: str) -> None:
    """A damaged lock is one clear error."""
    path = tmp_path / "m.lock.json"
    path.write_text(text)
    with pytest.raises(StageError, match="is not a lock"):
        read_lock(path)


def test_a_lock_reads_back(tmp_path: Path) -> None:
    """What is written is what is read."""
    path = tmp_path / "m.lock.json"
    path.write_bytes(lock_bytes(LOCK))
    assert read_lock(path) == LOCK
