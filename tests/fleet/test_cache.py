"""`--cache URL`: what is shared, what is refused, and what happens where the place fails."""

from __future__ import annotations

import hashlib
import http.server
import json
import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("fsspec", reason="the extra `cache` is not installed")

from rnnlite_pipeline.errors import CallError
from rnnlite_pipeline.fleet.cache import Cache
from rnnlite_pipeline.fleet.location import ReadOnly, Unreachable
from tests.fake import s3
from tests.fake.project import Project

KEY = "ab" + "0" * 62
MADE_OF = {".work/source.tflite": "c" * 64}
NO_NAMES: frozenset[str] = frozenset()


class Stage:
    """The files of one stage in a folder of their own."""

    def __init__(self, folder: Path, content: bytes = b"model") -> None:
        self.files = {"model.tflite": folder / "model.tflite", ".work/layers": folder / "l"}
        self.optional = frozenset({".work/layers"})
        folder.mkdir(parents=True)
        self.files["model.tflite"].write_bytes(content)

    def store(self, cache: Cache) -> None:
        """Keeps what is there."""
        there = {name: path for name, path in self.files.items() if path.exists()}
        cache.store(KEY, there, MADE_OF)

    def fetch(self, cache: Cache) -> bool:
        """Takes what the cache has."""
        return cache.fetch(KEY, self.files, self.optional, MADE_OF)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """The folder of a cache."""
    return tmp_path / "cache"


@pytest.fixture
def there(tmp_path: Path) -> Stage:
    """A stage that was made somewhere else."""
    return Stage(tmp_path / "there")


@pytest.fixture
def here(tmp_path: Path) -> Stage:
    """The same stage, with results of something else in its place."""
    stage = Stage(tmp_path / "here", b"old")
    stage.files[".work/layers"].write_bytes(b"old")
    return stage


def entry_of(place: Path) -> Path:
    """The one entry of a cache."""
    (entry,) = (place / "stages").rglob("*.json")
    return entry


def blob_of(place: Path) -> Path:
    """The one blob of a cache."""
    (blob,) = (path for path in (place / "blobs").rglob("*") if not path.is_dir())
    return blob


def test_what_is_stored_is_fetched(place: Path, there: Stage, here: Stage) -> None:
    """All files of a stage come, byte for byte; what the stage did not make goes."""
    assert not here.fetch(Cache(str(place)))
    assert here.files["model.tflite"].read_bytes() == b"old"
    there.store(Cache(str(place)))
    assert here.fetch(Cache(place.as_uri()))
    assert here.files["model.tflite"].read_bytes() == b"model"
    assert not here.files[".work/layers"].exists()


def test_an_entry_made_of_other_files_is_no_hit(place: Path, there: Stage, here: Stage) -> None:
    """A stage whose digest is the same, and whose intermediate files differ, is made anew."""
    there.store(Cache(str(place)))
    other = {".work/source.tflite": "d" * 64}
    assert not Cache(str(place)).fetch(KEY, here.files, here.optional, other)
    assert here.files["model.tflite"].read_bytes() == b"old"


def _rewritten(change: Callable[[dict[str, Any]], object]) -> Callable[[Path], None]:
    def damage(place: Path) -> None:
        entry = json.loads(entry_of(place).read_text())
        change(entry)
        entry_of(place).write_text(json.dumps(entry))

    return damage


def _to_pipe(place: Path) -> None:
    blob_of(place).unlink()
    os.mkfifo(blob_of_name(place))


def blob_of_name(place: Path) -> Path:
    """Where the blob of `model` stands."""
    sha256 = hashlib.sha256(b"model").hexdigest()
    return place / "blobs" / sha256[:2] / sha256


def _to_link(place: Path) -> None:
    blob = blob_of(place)
    blob.rename(place / "elsewhere")
    blob.symlink_to(place / "elsewhere")


HOSTILE: dict[str, Callable[[Path], object]] = {
    "other bytes": lambda place: blob_of(place).write_bytes(b"MODEL"),
    "longer": lambda place: blob_of(place).write_bytes(b"model" * 1000),
    "shorter": lambda place: blob_of(place).write_bytes(b"mode"),
    "no file": lambda place: blob_of(place).unlink(),
    "a link": _to_link,
    "a pipe": _to_pipe,
    "an endless size": _rewritten(lambda e: e["files"]["model.tflite"].update(size=2**60)),
    "a negative size": _rewritten(lambda e: e["files"]["model.tflite"].update(size=-1)),
    "a true size": _rewritten(lambda e: e["files"]["model.tflite"].update(size=True)),
    "no digest": _rewritten(lambda e: e["files"]["model.tflite"].update(sha256="../../x")),
    "a path": _rewritten(lambda e: e["files"].update({"../../evil": e["files"]["model.tflite"]})),
    "an absolute path": _rewritten(lambda e: e["files"].update({"/evil": {}})),
    "a missing file": _rewritten(lambda e: e["files"].clear()),
    "another stage": _rewritten(lambda e: e.update(key="0" * 64)),
    "another form": _rewritten(lambda e: e.update(form=99)),
    "a list": lambda place: entry_of(place).write_text("[]"),
    "no JSON": lambda place: entry_of(place).write_bytes(b"\xff\xfe{"),
    "deep JSON": lambda place: entry_of(place).write_text("[" * 100_000),
    "a huge entry": lambda place: entry_of(place).write_text(" " * 2**21),
}


@pytest.mark.parametrize("damage", HOSTILE.values(), ids=HOSTILE)
def test_a_damaged_entry_is_refused_and_mended(
    place: Path,
    there: Stage,
    here: Stage,
    damage: Callable[[Path], object],
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Nothing of it appears under a final name; it is told once, and written over."""
    there.store(Cache(str(place)))
    damage(place)
    before = sorted(path for path in place.parent.rglob("*") if place not in path.parents)
    cache = Cache(str(place))
    assert not here.fetch(cache)
    assert here.files["model.tflite"].read_bytes() == b"old"
    assert before == sorted(p for p in place.parent.rglob("*") if place not in p.parents)
    said = capsys.readouterr().err
    assert said.count("warning: an entry of the cache is refused, and made anew: ") == 1
    there.store(cache)
    assert here.fetch(Cache(str(place)))
    assert here.files["model.tflite"].read_bytes() == b"model"


def test_writers_do_not_collide(place: Path, tmp_path: Path) -> None:
    """Of many that store one stage at once each leaves a whole entry, and no other file."""
    stages = [Stage(tmp_path / f"w{i}", b"x" * 100_000) for i in range(8)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda stage: stage.store(Cache(str(place))), stages))
    assert sorted(path.name for path in place.rglob("*") if path.is_file()) == sorted(
        [blob_of(place).name, f"{KEY}.json"]
    )
    assert Stage(tmp_path / "reader").fetch(Cache(str(place)))


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("gopher://x/y", "there is no way to read gopher://"),
        ("s3://key:hidden@bucket/x?token=hidden", "expected a URL without `?` and `#`"),
    ],
)
def test_a_url_that_cannot_be_used_is_a_wrong_call(url: str, message: str) -> None:
    """It is told at once, without the secrets in it."""
    with pytest.raises(CallError) as caught:
        Cache(url)
    assert message in str(caught.value)
    assert "hidden" not in str(caught.value)


@pytest.fixture
def web(place: Path) -> Iterator[str]:
    """The cache's folder as a web server shows it."""
    place.mkdir()

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            """Says nothing."""

    handler = partial(Quiet, directory=str(place))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_a_web_server_is_read_only(
    web: str, place: Path, there: Stage, here: Stage, capsys: pytest.CaptureFixture[str]
) -> None:
    """Hits are fetched, misses are misses, and nothing is sent to it."""
    pytest.importorskip("aiohttp", reason="the extra `cache` is not installed")
    assert not here.fetch(Cache(web))
    there.store(Cache(web))
    assert not list(place.rglob("*.json"))
    there.store(Cache(str(place)))
    assert here.fetch(Cache(web))
    assert here.files["model.tflite"].read_bytes() == b"model"
    assert capsys.readouterr().err == ""


def test_an_unreachable_cache_is_one_warning(
    there: Stage, here: Stage, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is told once, without the password in its URL, and is left alone from then on."""
    pytest.importorskip("aiohttp", reason="the extra `cache` is not installed")
    cache = Cache("http://someone:hidden@127.0.0.1:9/cache")
    assert not here.fetch(cache)
    assert not here.fetch(cache)
    there.store(cache)
    said = capsys.readouterr().err
    assert said.count("warning: ") == 1
    assert "the cache cannot be used, all is made here: http://127.0.0.1:9/cache" in said
    assert "hidden" not in said
    assert "someone" not in said


def test_a_user_who_may_not_list(
    bucket: s3.Bucket, there: Stage, here: Stage, capsys: pytest.CaptureFixture[str]
) -> None:
    """A miss, which S3 answers with 403, is a miss: what is stored after it is fetched."""
    bucket.may = frozenset({s3.READ, s3.WRITE})
    cache = Cache("s3://bucket/x")
    assert not here.fetch(cache)
    there.store(cache)
    asked = len(bucket.asked)
    there.store(cache)
    stores_again = len(bucket.asked) - asked
    assert here.fetch(cache)
    assert here.files["model.tflite"].read_bytes() == b"model"
    assert capsys.readouterr().err == ""
    assert stores_again == 2  # the blob is there; the entry is written; nothing is read back again


def test_a_user_who_may_not_read(
    bucket: s3.Bucket, there: Stage, here: Stage, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is told once, when it is known; nothing is asked for any more, and results are stored."""
    bucket.may = frozenset({s3.WRITE})
    cache = Cache("s3://bucket/x")
    for _ in range(2):
        assert not here.fetch(cache)
        there.store(cache)
    said = capsys.readouterr().err
    assert said.count("warning: ") == 1
    assert "nothing is taken from the cache, what it holds is refused: " in said
    assert len(bucket.objects) == 2
    asked = len(bucket.asked)
    assert not here.fetch(cache)
    assert len(bucket.asked) == asked
    strict = Cache("s3://bucket/x", strict=True)
    assert not here.fetch(strict)
    with pytest.raises(Unreachable, match="s3://bucket/x can only be written"):
        there.store(strict)


def test_a_user_who_may_only_read(
    bucket: s3.Bucket, there: Stage, here: Stage, capsys: pytest.CaptureFixture[str]
) -> None:
    """Results are not stored, which is told once; hits go on."""
    there.store(Cache("s3://bucket/x"))
    bucket.may = frozenset({s3.READ})
    cache = Cache("s3://bucket/x")
    there.files["model.tflite"].write_bytes(b"another")
    for _ in range(2):
        cache.store(
            "cd" + "0" * 62, there.files | {".work/layers": there.files["model.tflite"]}, {}
        )
    said = capsys.readouterr().err
    assert said.count("warning: ") == 1
    assert "nothing is stored in the cache: s3://bucket/x takes no files: " in said
    assert here.fetch(cache)
    with pytest.raises(ReadOnly):
        Cache("s3://bucket/x", strict=True).store(KEY, there.files, MADE_OF)


def test_a_project_is_made_from_the_cache(project: Project) -> None:
    """A second machine runs nothing and has the same bytes; doit then finds all up to date."""
    cache = str(project.folder / "cache")
    variants = "variants: {split: {recurrent: {bidirectional: split}}}\n"
    project.write_config(variants)
    assert project.run("package", "config.yaml", "--cache", cache).returncode == 0
    other = Project(project.folder.parent / "other").write_config(variants).write_source(b"first")
    ended = other.run("package", "config.yaml", "--cache", cache)
    assert ended.returncode == 0, ended.stderr
    assert not (other.build / "runs").exists()
    assert "package fake-split: from the cache in" in ended.stdout
    assert other.results() == project.results()
    again = other.run("package", "config.yaml")
    assert "package fake-split: up to date" in again.stdout
    assert not (other.build / "runs").exists()
    other.write_source(b"second")
    assert other.run("convert", "config.yaml", "--cache", cache).returncode == 0
    ran = (other.build / "runs").read_text().split("\n")
    both = [
        f"{stage} {name}" for stage in ("convert", "describe") for name in ("fake", "fake-split")
    ]
    assert sorted(filter(None, ran)) == [*both, "import fake"]
