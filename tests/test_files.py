"""Files appear whole or not at all; equal zips are equal bytes; digests of files and folders."""

from __future__ import annotations

import hashlib
import io
import os
import stat
import zipfile
from pathlib import Path

import pytest

from rnnlite_pipeline import files
from rnnlite_pipeline.files import (
    FIRST_MOMENT,
    LAST_MOMENT,
    Held,
    digest,
    hold_back,
    moment_of_release,
    near,
    source_date_epoch,
    write_atomically,
    written_atomically,
    zip_bytes,
)


@pytest.fixture(autouse=True)
def holds(monkeypatch: pytest.MonkeyPatch) -> None:
    """This process is no stage."""
    monkeypatch.setattr(files, "_HELD", [])


def names_in(folder: Path) -> set[str]:
    """The files in a folder and in those below it."""
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_a_file_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that was not changed is not read again, and one that was is."""
    monkeypatch.setattr(files, "_SETTLED", -1)  # as if it had been changed long ago
    path = tmp_path / "model"
    path.write_bytes(b"first")
    first = digest(path)
    assert first == hashlib.sha256(b"first").hexdigest()
    with monkeypatch.context() as patch:
        patch.setattr(hashlib, "file_digest", None)
        assert digest(path) == first
    path.write_bytes(b"other")
    assert digest(path) == hashlib.sha256(b"other").hexdigest()


def test_a_change_within_one_step_of_the_clock_is_seen(tmp_path: Path) -> None:
    """A file of the same size and times is read anew as long as its last change was just now."""
    path = tmp_path / "model"
    path.write_bytes(b"first")
    times = path.stat()
    digest(path)
    for content in (b"a", b"b", b"c"):
        path.write_bytes(content * 5)
        os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
        assert digest(path) == hashlib.sha256(content * 5).hexdigest()


def test_a_folder_is_its_names_and_contents(tmp_path: Path) -> None:
    """Where it is and the order of writing make no difference; a name or a byte does."""
    made = []
    for name, layout in {
        "a": {"x": b"1", "b/y": b"2"},
        "same": {"b/y": b"2", "x": b"1"},
        "content": {"x": b"1", "b/y": b"3"},
        "name": {"x": b"1", "b/z": b"2"},
        "deeper": {"x": b"1", "b/b/y": b"2"},
    }.items():
        for file, content in layout.items():
            path = tmp_path / name / file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        made.append(digest(tmp_path / name))
    assert made[0] == made[1]
    assert len({*made}) == 4


def test_an_empty_folder_has_a_digest(tmp_path: Path) -> None:
    """That of an empty list: folders without files do not count."""
    (tmp_path / "a" / "b").mkdir(parents=True)
    assert digest(tmp_path / "a") == hashlib.sha256(b"").hexdigest()


def test_a_link_counts_as_what_it_leads_to(tmp_path: Path) -> None:
    """A folder behind a link is part of the digest: its change is seen, as that of any file."""
    real, store = tmp_path / "real", tmp_path / "store"
    for folder in (real / "variables", store, tmp_path / "linked"):
        folder.mkdir(parents=True)
    for folder in (real / "variables", store):
        (folder / "data").write_bytes(b"weights")
    (real / "graph").write_bytes(b"graph")
    (tmp_path / "linked" / "variables").symlink_to(store)
    (tmp_path / "linked" / "graph").symlink_to(real / "graph")
    assert digest(tmp_path / "linked") == digest(real)
    (store / "data").write_bytes(b"trained")
    assert digest(tmp_path / "linked") != digest(real)


@pytest.mark.parametrize("target", [".", "..", "../a", "missing"])
def test_a_link_that_leads_nowhere_is_an_error(tmp_path: Path, target: str) -> None:
    """Neither a circle of folders nor a lost file is left out of the digest without a word."""
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "link").symlink_to(target)
    with pytest.raises(OSError, match=r"symbolic links|No such file"):
        digest(tmp_path / "a")


def test_a_missing_file_has_no_digest(tmp_path: Path) -> None:
    """It is the system's own error."""
    with pytest.raises(FileNotFoundError):
        digest(tmp_path / "none")


@pytest.mark.parametrize("mode", [0o644, 0o600, 0o755])
def test_a_file_has_its_mode_whatever_the_umask(tmp_path: Path, mode: int) -> None:
    """So that a release is the same for every user."""
    before = os.umask(0o077)
    try:
        write_atomically(tmp_path / "new" / "file", b"content", mode)
    finally:
        os.umask(before)
    path = tmp_path / "new" / "file"
    assert path.read_bytes() == b"content"
    assert stat.S_IMODE(path.stat().st_mode) == mode


def test_a_block_that_fails_leaves_the_old_file(tmp_path: Path) -> None:
    """And nothing beside it."""
    path = tmp_path / "file"
    path.write_bytes(b"old")

    def interrupted() -> None:
        with written_atomically(path) as file:
            file.write(b"half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert path.read_bytes() == b"old"
    assert names_in(tmp_path) == {"file"}


def test_a_final_name_that_is_a_folder_is_an_error(tmp_path: Path) -> None:
    """What was written beside it is removed."""
    (tmp_path / "taken").mkdir()
    with pytest.raises(OSError, match="taken"):
        write_atomically(tmp_path / "taken", b"content")
    assert names_in(tmp_path) == set()


def test_at_once(tmp_path: Path) -> None:
    """A file that tells of a failure is not held back, and nor is one of another folder."""
    out, elsewhere = tmp_path / "out", tmp_path / "elsewhere"
    held = Held.of("verify", out)
    hold_back(held)
    write_atomically(out / "a" / "waits", b"1")
    write_atomically(out / "now", b"2", at_once=True)
    write_atomically(elsewhere, b"3")
    assert names_in(tmp_path) == {"out/.work/held/verify/a/waits", "out/now", "elsewhere"}
    held.release()
    assert names_in(tmp_path) == {"out/a/waits", "out/now", "elsewhere"}


def test_what_waits_can_be_thrown_away(tmp_path: Path) -> None:
    """Of a process that ended badly; twice is no error."""
    held = Held.of("convert", tmp_path)
    hold_back(held)
    write_atomically(tmp_path / "model", b"1")
    held.discard()
    held.discard()
    assert names_in(tmp_path) == set()


def test_the_folder_for_later_stages_is_released_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run that is killed between two moves has no final file without what belongs to it."""
    held = Held.of("convert", tmp_path)
    hold_back(held)
    for name in ("a.txt", ".work/z", "model"):
        write_atomically(tmp_path / name, b"1")
    moved: list[str] = []
    monkeypatch.setattr(Path, "replace", lambda _own, final: moved.append(final.name))
    held.release()
    assert moved == ["z", "a.txt", "model"]


def test_the_last_stage_of_a_process_holds_back(tmp_path: Path) -> None:
    """A path is one of the model's folder, however it is written."""
    hold_back(Held.of("first", tmp_path / "a"))
    hold_back(Held.of("second", tmp_path / "b"))
    write_atomically(tmp_path / "a" / "x", b"1")
    write_atomically(tmp_path / "b" / "x", b"2")
    assert names_in(tmp_path) == {"a/x", "b/.work/held/second/x"}


@pytest.fixture
def inside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder is a new one."""
    monkeypatch.chdir(tmp_path)
    return Path.cwd()


def test_a_path_as_the_user_would_type_it(inside: Path) -> None:
    """Relative below the working folder, absolute elsewhere."""
    assert near(inside / "a" / "b") == Path("a/b")
    assert near(Path("a")) == Path("a")
    assert near(inside.parent) == inside.parent
    assert near(inside) == Path()


def test_equal_contents_are_equal_zips(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the order nor the day matters; names are sorted, members stored."""
    first = zip_bytes({"b/ü": b"2", "a": b"1"})
    monkeypatch.setattr("time.localtime", lambda *_: (2050, 1, 1, 0, 0, 0, 0, 1, 0))
    assert zip_bytes({"a": b"1", "b/ü": b"2"}) == first
    with zipfile.ZipFile(io.BytesIO(first)) as archive:
        members = archive.infolist()
        assert [member.filename for member in members] == ["a", "b/ü"]
        assert {member.date_time for member in members} == {FIRST_MOMENT}
        assert {member.external_attr >> 16 for member in members} == {0o100644}
        assert archive.testzip() is None


def test_a_zip_behind_other_bytes_counts_from_their_start() -> None:
    """Readers that know of nothing in front of an archive find its members."""
    front = b"flatbuffer" * 3
    packed = zip_bytes({"a": b"1"}, after=len(front))
    with zipfile.ZipFile(io.BytesIO(front + packed)) as archive:
        assert archive.infolist()[0].header_offset == len(front)
        assert archive.read("a") == b"1"
    assert zip_bytes({}) != b""


@pytest.mark.parametrize(
    ("epoch", "seconds", "moment"),
    [
        (None, None, FIRST_MOMENT),
        ("", None, FIRST_MOMENT),
        ("yesterday", None, FIRST_MOMENT),
        ("-1", None, FIRST_MOMENT),
        ("1.5", None, FIRST_MOMENT),
        ("٣", None, FIRST_MOMENT),
        ("0", 0, FIRST_MOMENT),
        ("1700000000", 1_700_000_000, (2023, 11, 14, 22, 13, 20)),
        ("9" * 12, 10**12 - 1, LAST_MOMENT),
        ("9" * 30, 10**30 - 1, LAST_MOMENT),
    ],
)
def test_the_moment_of_a_release(
    monkeypatch: pytest.MonkeyPatch,
    epoch: str | None,
    seconds: int | None,
    moment: tuple[int, ...],
) -> None:
    """SOURCE_DATE_EPOCH in UTC, within what a zip can hold; what is no number counts as unset."""
    monkeypatch.delenv("SOURCE_DATE_EPOCH", raising=False)
    if epoch is not None:
        monkeypatch.setenv("SOURCE_DATE_EPOCH", epoch)
    assert source_date_epoch() == seconds
    assert moment_of_release() == moment
