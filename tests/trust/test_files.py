"""A release read without trusting it."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from rnnlite_pipeline.errors import CallError, StageError
from rnnlite_pipeline.files import zip_bytes
from rnnlite_pipeline.trust import files
from rnnlite_pipeline.trust.files import BESIDE, read_bundle
from tests.trust.conftest import names


def test_a_release_is_read_whole(path: Path) -> None:
    """Its members, their time, and what stands beside it; a bill of materials if it is there."""
    bundle = read_bundle(path)
    assert list(bundle.members) == names(path)
    assert bundle.moment == (1980, 1, 1, 0, 0, 0)
    needed = {f"{path.stem}{ending}" for ending, must in BESIDE.items() if must}
    assert set(bundle.beside) == needed
    assert bundle.signature == path.with_suffix(".sig")
    bill = path.with_name(f"{path.stem}.cdx.json")
    bill.write_bytes(b"{}")
    assert set(read_bundle(path).beside) == {*needed, bill.name}


@pytest.mark.parametrize("name", ["none.zip", "folder.zip", "file.txt"])
def test_what_is_no_release_is_a_wrong_call(tmp_path: Path, name: str) -> None:
    """No file, a folder, or another kind of file."""
    (tmp_path / "folder.zip").mkdir()
    (tmp_path / "file.txt").write_text("")
    with pytest.raises(CallError, match=r"expected a release, NAME-VERSION\.zip"):
        read_bundle(tmp_path / name)


@pytest.mark.parametrize(
    "name",
    [
        "../evil",
        "a/../evil",
        "/evil",
        "a\\evil",
        "a//b",
        "./a",
        "folder/",
        "a\nb",
        "a\x1b[2J",
        "C:\\x",
    ],
)
def test_a_name_that_no_release_has(path: Path, name: str) -> None:
    """It leads out of a folder, means another file elsewhere, or is more than a terminal shows."""
    path.write_bytes(zip_bytes({"model.tflite": b"", name: b""}))
    with pytest.raises(StageError) as told:
        read_bundle(path)
    assert "which no release contains" in str(told.value)
    assert "\x1b" not in str(told.value)


def test_a_name_that_is_there_twice(path: Path) -> None:
    """Readers differ in which of both they take."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("model.tflite", b"one")
        with pytest.warns(UserWarning, match="Duplicate name"):
            archive.writestr("model.tflite", b"two")
    with pytest.raises(StageError, match="holds a name twice"):
        read_bundle(path)


def test_a_compressed_release_is_none(path: Path) -> None:
    """A small file could hold more than a disk."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("model.tflite", bytes(100_000))
    with pytest.raises(StageError, match="is compressed"):
        read_bundle(path)


def test_a_release_that_is_too_large(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By one member, or by all together, before anything of it is read."""
    size = max(len(content) for content in read_bundle(path).members.values())
    monkeypatch.setattr(files, "LARGEST", size)
    assert read_bundle(path)
    monkeypatch.setattr(files, "LARGEST", size - 1)
    with pytest.raises(StageError, match="more content than a release may have"):
        read_bundle(path)
    monkeypatch.setattr(files, "LARGEST", size)
    monkeypatch.setattr(files, "LARGEST_BUNDLE", size)
    with pytest.raises(StageError, match="more content than a release may have"):
        read_bundle(path)


@pytest.mark.parametrize("end", [0, 2, 100, -1])
def test_a_damaged_release(path: Path, end: int) -> None:
    """An empty file, and one that was cut anywhere."""
    path.write_bytes(path.read_bytes()[:end])
    with pytest.raises(StageError, match="is damaged"):
        read_bundle(path)


def test_a_flipped_bit(path: Path) -> None:
    """The zip's own checksum finds it."""
    content = bytearray(path.read_bytes())
    content[content.index(b"read me\n")] ^= 1
    path.write_bytes(content)
    with pytest.raises(StageError, match="is damaged"):
        read_bundle(path)


@pytest.mark.parametrize("ending", [ending for ending, must in BESIDE.items() if must])
def test_a_file_that_is_missing_beside_it(path: Path, ending: str) -> None:
    """It is named, with what to do."""
    path.with_name(f"{path.stem}{ending}").unlink()
    with pytest.raises(StageError, match=f"There is no {path.stem}{ending} beside") as told:
        read_bundle(path)
    assert told.value.remedy == "Download it with the bundle."


def test_a_file_beside_it_that_is_too_large(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is not read; and it is not called missing."""
    monkeypatch.setattr(files, "_LARGEST_BESIDE", 10)
    with pytest.raises(StageError, match="is larger than what rnnlite writes"):
        read_bundle(path)
