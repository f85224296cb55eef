"""Damaged and hostile files: an error of ours, at once and in little memory, or nothing wrong."""

from __future__ import annotations

import io
import json
import os
import struct
import subprocess
import sys
import zipfile
from pathlib import Path

import h5py
import numpy as np
import pytest

from rnnlite_pipeline.config import check_files, load_config
from rnnlite_pipeline.errors import ConfigError, RnnliteError, SourceError
from rnnlite_pipeline.sources.formats.keras_archive import read_archive
from tests.fake.project import ROOT
from tests.fuzz.readers import READERS, whole

#: Files read in `make test`, of each format; and in `make test-slow`, of all.
SAMPLE, ALL = 25, 10_000


def _read(kind: str, first: int, count: int, folder: Path) -> None:
    """Reads damaged files in a process of its own; none may crash, hang, or raise otherwise."""
    ended = subprocess.run(
        [sys.executable, "-m", "tests.fuzz.run", kind, str(first), str(count), str(folder)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    lines = ended.stdout.splitlines()
    assert ended.returncode == 0, f"{lines[-1:]} {ended.stderr[-2000:]}"
    assert not [line for line in lines if line.startswith("wrong ")], ended.stdout[-20_000:]
    assert f"seed {first + count - 1}" in lines


@pytest.mark.parametrize("kind", READERS)
def test_damaged_files(kind: str, tmp_path: Path) -> None:
    """A sample of damaged files: each is read, or refused with an error of ours."""
    _read(kind, 1_000_000, SAMPLE, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("kind", READERS)
def test_many_damaged_files(kind: str, tmp_path: Path) -> None:
    """10,000 damaged files of all formats: each is read, or refused with an error of ours."""
    _read(kind, 0, ALL // len(READERS) + 1, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["keras", "h5"])
def test_damaged_models_are_opened_by_keras(kind: str, tmp_path: Path) -> None:
    """What passes our own checks is opened by Keras in a child process: an error, or a model."""
    author = (
        "import sys\n"
        "from rnnlite_pipeline.toolchain import load\n"
        "keras = load('keras')\n"
        "x = keras.Input((None, 3), name='x')\n"
        "keras.Model(x, keras.layers.LSTM(4, name='lstm')(x)).save(sys.argv[1])\n"
    )
    path = tmp_path / f"whole.{kind}"
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    subprocess.run([sys.executable, "-c", author, str(path)], check=True, env=environment)
    ended = subprocess.run(
        [sys.executable, "-m", "tests.fuzz.opened", str(path), "200", str(tmp_path)],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    lines = ended.stdout.splitlines()
    assert lines[-1].startswith("done"), f"{lines[-3:]} {ended.stderr[-2000:]}"
    assert not [line for line in lines if line.startswith("wrong ")], ended.stdout[-20_000:]


def _archive(folder: Path, **entries: bytes) -> Path:
    """A .keras file with further, or other, entries."""
    path = folder / "a.keras"
    with (
        zipfile.ZipFile(io.BytesIO(whole("keras"))) as before,
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive,
    ):
        for name in before.namelist():
            archive.writestr(name, entries.pop(name, before.read(name)))
        for name, content in entries.items():
            archive.writestr(name, content)
    return path


@pytest.mark.parametrize("name", ["../out.py", "/etc/out", "assets/../../out", "..\\out", "C:\\x"])
def test_entry_that_leaves_its_folder(name: str, tmp_path: Path) -> None:
    """A .keras file with an entry that would be written elsewhere is refused, whoever opens it."""
    with pytest.raises(SourceError, match="leaves its folder"):
        read_archive(_archive(tmp_path, **{name: b"x"}))


def test_zip_bomb(tmp_path: Path) -> None:
    """A small file that says that it unpacks to more than a model can hold is not unpacked."""
    bomb = _archive(tmp_path, **{"config.json": b" " * 2**27})
    assert bomb.stat().st_size < 2**20
    with pytest.raises(SourceError, match="at most"):
        read_archive(bomb)


def test_deep_config(tmp_path: Path) -> None:
    """A config nested deeper than Python can read is damage, not a crash."""
    deep = b"[" * 200_000 + b"]" * 200_000
    with pytest.raises(SourceError, match="cannot be read"):
        read_archive(_archive(tmp_path, **{"config.json": deep}))


@pytest.mark.parametrize("kind", ["npz", "calibration"])
def test_array_that_says_it_is_huge(kind: str, tmp_path: Path) -> None:
    """An array whose header says terabytes is refused before NumPy makes room for it."""
    text = b"{'descr': '<f4', 'fortran_order': False, 'shape': (1000000000000, 3)}"
    text += b" " * (118 - len(text) - 1) + b"\n"
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("x.npy", b"\x93NUMPY\1\0" + struct.pack("<H", len(text)) + text)
    with pytest.raises(RnnliteError, match="only"):
        READERS[kind](tmp_path, buffer.getvalue())


def test_pickle_is_never_read(tmp_path: Path) -> None:
    """An array of Python objects, which only pickle reads, is refused."""
    buffer = io.BytesIO()
    np.savez(buffer, x=np.array([{"a": 1}], dtype=object))
    with pytest.raises(RnnliteError, match="object"):
        READERS["npz"](tmp_path, buffer.getvalue())


def test_h5_that_reaches_into_another_file(tmp_path: Path) -> None:
    """An H5 file with a link to another file is refused."""
    path = tmp_path / "a.h5"
    path.write_bytes(whole("h5"))
    with h5py.File(path, "a") as file:
        file["layers/other"] = h5py.ExternalLink("/etc/other.h5", "/")
    with pytest.raises(SourceError, match="link"):
        READERS["h5"](tmp_path, path.read_bytes())


@pytest.mark.parametrize("entry", ["../secret", "/etc/hostname", "a/../../secret", "link"])
def test_included_file_stays_in_the_folder(entry: str, tmp_path: Path) -> None:
    """`package.include` cannot reach outside the config's folder, by its text or by a link."""
    folder = tmp_path / "project"
    folder.mkdir()
    (tmp_path / "secret").write_text("secret")
    (folder / "link").symlink_to(tmp_path / "secret")
    (folder / "a.keras").write_bytes(whole("keras"))
    path = folder / "a.yaml"
    source = "source: {format: keras, path: a.keras}"
    path.write_text(f"name: a\n{source}\npackage: {{include: [{json.dumps(entry)}]}}\n")
    with pytest.raises(ConfigError) as refused:
        check_files(load_config(path))
    assert "package.include[0]" in str(refused.value)


@pytest.mark.parametrize(
    "text",
    [
        "a: &a [x, x]\nb: &b [*a, *a]\n" + "".join(f"c{k}: [*b, *b]\n" for k in range(9)),
        "a: &a " + "[" * 3000 + "]" * 3000,
        "a: !!python/object/apply:os.system [id]",
        "a: &a [*a]",
        "a: " + "9" * 5000,
        "a: *unknown",
    ],
)
def test_hostile_yaml(text: str, tmp_path: Path) -> None:
    """Bombs of aliases, depth, tags, cycles and huge numbers are errors with a place."""
    path = tmp_path / "a.yaml"
    path.write_text(f"name: a\n{text}\n")
    with pytest.raises(ConfigError) as refused:
        load_config(path)
    assert refused.value.details
