"""The cache on a server of S3 that this test starts."""

from __future__ import annotations

import logging
import os
import re
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("s3fs", reason="the extra `cache` is not installed")
pytest.importorskip("moto", reason="moto[server] is not installed")

from rnnlite_pipeline.fleet.cache import Cache
from rnnlite_pipeline.fleet.location import Unreachable
from tests.fake.project import Project
from tests.fleet.test_cache import KEY, MADE_OF, Stage

BUCKET = "models"


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    """The address of a server of S3, with an empty bucket, in a process of its own."""
    server = subprocess.Popen(
        [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", "0"],
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
    )
    assert server.stderr is not None
    try:
        lines = iter(server.stderr.readline, "")
        address = next(m[0] for line in lines if (m := re.search(r"http://127\.0\.0\.1:\d+", line)))
        threading.Thread(target=server.stderr.read, daemon=True).start()
        yield address
    finally:
        server.kill()
        server.wait()


@pytest.fixture
def bucket(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """The URL of a folder of a bucket; credentials stand in the environment."""
    import s3fs

    for name, value in {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ACCESS_KEY_ID": "someone",
        "AWS_SECRET_ACCESS_KEY": "hidden",
        "AWS_DEFAULT_REGION": "us-east-1",
    }.items():
        monkeypatch.setenv(name, value)
    files = s3fs.S3FileSystem(skip_instance_cache=True)
    if not files.exists(BUCKET):
        files.mkdir(BUCKET)
    return f"s3://{BUCKET}/{os.urandom(4).hex()}"


def test_a_stage_travels_through_s3(bucket: str, tmp_path: Path) -> None:
    """What one machine stores another one fetches, byte for byte."""
    there = Stage(tmp_path / "there", os.urandom(3_000_000))
    here = Stage(tmp_path / "here", b"old")
    assert not here.fetch(Cache(bucket))
    there.store(Cache(bucket))
    assert here.fetch(Cache(bucket))
    assert here.files["model.tflite"].read_bytes() == there.files["model.tflite"].read_bytes()


def test_a_damaged_object_is_refused(
    bucket: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """An object with other bytes is not taken, and is written over by the next store."""
    import s3fs

    there, here = Stage(tmp_path / "there"), Stage(tmp_path / "here", b"old")
    there.store(Cache(bucket))
    files = s3fs.S3FileSystem(skip_instance_cache=True)
    (blob,) = files.find(f"{bucket}/blobs")
    files.pipe_file(blob, b"MODEL")
    cache = Cache(bucket)
    assert not here.fetch(cache)
    assert "an entry of the cache is refused" in capsys.readouterr().err
    there.store(cache)
    assert here.fetch(Cache(bucket))


def test_a_bucket_that_is_not_there(
    bucket: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Work goes on without it, after one warning that has no secret."""
    del bucket
    cache = Cache("s3://no-such-bucket/x")
    stage = Stage(tmp_path / "here")
    assert not stage.fetch(cache)
    stage.store(cache)
    cache.store(KEY, {}, MADE_OF)
    said = capsys.readouterr().err
    assert said.count("warning: ") == 1
    assert "s3://no-such-bucket/x: NoSuchBucket" in said
    assert "hidden" not in said


def test_without_credentials(
    bucket: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Work goes on without the cache, after one warning."""
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    cache, stage = Cache(bucket), Stage(tmp_path / "here")
    assert not stage.fetch(cache)
    stage.store(cache)
    assert capsys.readouterr().err.count("warning: ") == 1


@pytest.fixture
def guarded(endpoint: str, bucket: str) -> Iterator[str]:
    """The same bucket while the server checks who asks; it knows nobody."""

    def check_after(count: str) -> None:
        kind = {"Content-Type": "text/plain"}
        asked = urllib.request.Request(f"{endpoint}/moto-api/reset-auth", count.encode(), kind)
        urllib.request.urlopen(asked).close()

    check_after("0")
    yield bucket
    check_after("inf")


def test_wrong_credentials(
    guarded: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A server that refuses them is one warning, which says so; no line of a log has the secret."""
    caplog.set_level(logging.DEBUG)
    cache, stage = Cache(guarded), Stage(tmp_path / "here")
    assert not stage.fetch(cache)
    stage.store(cache)
    said = capsys.readouterr().err
    assert said.count("warning: ") == 1
    assert "the credentials are wrong" in said
    assert "hidden" not in said + caplog.text
    with pytest.raises(Unreachable, match="the credentials are wrong"):
        stage.fetch(Cache(guarded, strict=True))


@pytest.mark.slow
def test_a_build_with_wrong_credentials(guarded: str, project: Project) -> None:
    """The release is made here all the same; the error is one line, and no log has a secret."""
    ended = project.run("package", "config.yaml", "--cache", guarded)
    assert ended.returncode == 0, ended.stderr
    assert project.bundle.is_file()
    assert ended.stderr.count("warning: ") == 1
    assert "the cache cannot be used, all is made here" in ended.stderr
    assert "Traceback" not in ended.stderr
    logs = "".join(path.read_text() for path in project.build.rglob("*.log"))
    assert "hidden" not in ended.stdout + ended.stderr + logs
