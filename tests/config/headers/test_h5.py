"""The header of an HDF5 file."""

from __future__ import annotations

from pathlib import Path

import pytest

from rnnlite_pipeline.config.headers import h5 as header
from rnnlite_pipeline.config.headers.h5 import check_whole, read
from rnnlite_pipeline.config.headers.interface import Interface, Tensor, WrongSource
from rnnlite_pipeline.config.source import Source
from tests.config.written_sources import KERAS_2, h5

LOC = ("source", "weights")
WHOLE = h5(KERAS_2)
KNOWN = {"x": Tensor((None, 7, 3), "float32")}


def _read(path: Path) -> Interface | None:
    return read(path, Source(format="h5", path=str(path)))


@pytest.mark.parametrize("block", [0, 512, 1024, 4096])
def test_a_whole_file_behind_a_block_of_its_user(tmp_path: Path, block: int) -> None:
    """The superblock begins at 0, 512, or a power of two times that."""
    path = tmp_path / "m.h5"
    path.write_bytes(bytes(block) + WHOLE)
    check_whole(path, LOC)
    assert _read(path) == Interface(KNOWN)
    path.write_bytes(bytes(block) + WHOLE + b"more")
    check_whole(path, LOC)


@pytest.mark.parametrize("block", [0, 512])
@pytest.mark.parametrize("size", [8, 20, 40, len(WHOLE) // 2, len(WHOLE) - 1])
def test_a_file_that_was_cut_short(tmp_path: Path, block: int, size: int) -> None:
    """Anywhere behind its signature; the error tells both sizes and the key."""
    path = tmp_path / "m.h5"
    path.write_bytes(bytes(block) + WHOLE[:size])
    with pytest.raises(WrongSource, match="was cut short: it has") as raised:
        check_whole(path, LOC)
    assert raised.value.loc == LOC
    if size == len(WHOLE) - 1:
        total = f"{block + size:,} bytes of {block + size + 1:,}"
        assert total in raised.value.message


def test_another_file_is_none(tmp_path: Path) -> None:
    """Empty, short, or with the signature at another place."""
    path = tmp_path / "m.h5"
    for content in (b"", b"text", bytes(100) + WHOLE):
        path.write_bytes(content)
        with pytest.raises(WrongSource, match="is no HDF5 file"):
            check_whole(path, LOC)


def test_a_superblock_of_an_unknown_version_is_left_to_the_import(tmp_path: Path) -> None:
    """Nothing is known of its size."""
    path = tmp_path / "m.h5"
    path.write_bytes(WHOLE[:8] + b"\x09" + WHOLE[9:100])
    check_whole(path, LOC)


@pytest.mark.parametrize(
    ("model", "inputs", "layers"),
    [
        (KERAS_2, KNOWN, {"x", "both", "words"}),
        ({**KERAS_2, "class_name": "Model"}, KNOWN, {"x", "both", "words"}),
        ({"class_name": "Own", "config": {}}, None, set()),
        ({"class_name": "Sequential", "config": [{"class_name": "LSTM"}]}, None, set()),
        ([], None, set()),
    ],
)
def test_the_inputs_and_layers_of_a_model(
    tmp_path: Path, model: object, inputs: dict[str, Tensor] | None, layers: set[str]
) -> None:
    """As Keras 2 wrote them; None where the config does not say its inputs."""
    path = tmp_path / "m.h5"
    path.write_bytes(h5(model))
    for _ in "once", "again":
        found = _read(path)
        assert found == (None if inputs is None else Interface(inputs))
        assert found is None or found.layers == layers


def _full(path: Path, *_: object, **__: object) -> None:
    assert path.is_relative_to("/nonexistent")
    raise OSError


def test_a_file_is_opened_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What it says is kept by its content, wherever the file lies, and checked when it is read."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    path, other = tmp_path / "m.h5", tmp_path / "other.h5"
    path.write_bytes(WHOLE)
    other.write_bytes(WHOLE)
    assert _read(path) == Interface(KNOWN)
    (kept,) = (tmp_path / "cache").rglob("*.json")
    with monkeypatch.context() as patched:
        patched.setattr(header, "_kept", lambda _: pytest.fail("it was opened again"))
        assert _read(other) == Interface(KNOWN)
    kept.write_text("{")
    assert _read(path) == Interface(KNOWN)
    kept.write_text('{"inputs": {"x": 3}, "layers": []}')
    assert _read(path) is None


def test_a_cache_that_cannot_be_written_is_no_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file is opened at each call; so it is for a user that has no home."""
    (tmp_path / "cache").write_bytes(b"")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    path = tmp_path / "m.h5"
    path.write_bytes(WHOLE)
    assert _read(path) == Interface(KNOWN)
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.delenv("HOME")
    monkeypatch.setattr("os.getuid", lambda: 2**31 - 7)
    monkeypatch.setattr(header, "write_atomically", _full)
    assert _read(path) == Interface(KNOWN)


def test_damage_within_the_file(tmp_path: Path) -> None:
    """What h5py cannot open is damaged, though it has its whole size."""
    path = tmp_path / "m.h5"
    path.write_bytes(WHOLE[:48] + bytes(1000) + WHOLE[1048:])
    with pytest.raises(WrongSource, match="is damaged: its contents cannot be listed"):
        _read(path)


@pytest.mark.parametrize("program", ["import os; os.abort()", "import h6py", "while True: pass"])
def test_what_cannot_be_asked_is_left_to_the_import(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, program: str
) -> None:
    """A file that crashes h5py or hangs it, or no h5py: nothing is said, and nothing is kept."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (tmp_path / "h5_config.py").write_text(program)
    monkeypatch.setattr(header, "__file__", str(tmp_path / "h5.py"))
    monkeypatch.setattr(header, "_SECONDS", 0.5)
    path = tmp_path / "m.h5"
    path.write_bytes(WHOLE)
    assert _read(path) is None
    assert not (tmp_path / "cache").exists()


def test_weights_alone_are_no_source(tmp_path: Path) -> None:
    """The error names what is missing, and what to do."""
    path = tmp_path / "m.h5"
    path.write_bytes(h5())
    with pytest.raises(WrongSource, match=r"holds weights only.*source\.weights"):
        _read(path)
