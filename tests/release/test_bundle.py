"""The release: what is in it, that it is always the same, and what never gets into it."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from rnnlite_pipeline.config import load_config, pipeline_of
from rnnlite_pipeline.errors import StageError
from rnnlite_pipeline.files import moment_of_release, zip_bytes
from rnnlite_pipeline.graph.ir import Model, Subgraph
from rnnlite_pipeline.graph.write import write_model
from rnnlite_pipeline.release.bundle import package

MODEL = write_model(Model([Subgraph("main")]))

CONFIG = """\
name: digits
version: 1.2.0
source: {format: keras, path: source.keras}
package: {include: [notes/read me.md]}
annotations: {ticket: é-7}
"""


def _lay_out(folder: Path) -> Path:
    """A config and what the stages before leave; the config's path."""
    out = folder / "build" / "digits"
    (out / ".work").mkdir(parents=True)
    (folder / "notes").mkdir()
    (folder / "notes" / "read me.md").write_text("read me\n", encoding="utf-8")
    (folder / "digits.yaml").write_text(CONFIG, encoding="utf-8")
    (folder / "source.keras").write_bytes(b"a source")
    told = {"passed": True, "model_sha256": hashlib.sha256(MODEL).hexdigest()}
    (out / "model.tflite").write_bytes(MODEL)
    (out / "verification.json").write_text(json.dumps(told), encoding="utf-8")
    (out / "inspect.json").write_text("{}", encoding="utf-8")
    (out / ".work" / "report.html").write_text("<p>", encoding="utf-8")
    return folder / "digits.yaml"


def _package(path: Path) -> Path:
    config = load_config(path)
    out = path.parent / "build" / "digits"
    package(config, out, pipeline_of(config))
    return out / "dist" / "digits-1.2.0.zip"


def test_content(tmp_path: Path) -> None:
    """The zip holds the model, its evidence, the config, what is included, and their digests."""
    bundle = _package(_lay_out(tmp_path))
    with zipfile.ZipFile(bundle) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    assert [name for name in files if not name.startswith("deploy/")] == [
        "MODEL_CARD.md",
        "SHA256SUMS",
        "config.yaml",
        "files/notes/read me.md",
        "inspect.json",
        "lock.json",
        "manifest.json",
        "model.tflite",
        "report.html",
        "verification.json",
    ]
    listed = json.loads(files["manifest.json"])["files"]
    assert {each["path"] for each in listed} == set(files) - {"manifest.json", "SHA256SUMS"}
    for each in listed:
        content = files[each["path"]]
        assert (each["size"], each["sha256"]) == (
            len(content),
            hashlib.sha256(content).hexdigest(),
        )
    assert str(tmp_path).encode() not in b"".join(files.values())


def test_sums_can_be_checked(tmp_path: Path) -> None:
    """`sha256sum -c` accepts the zip and, unpacked, every file in it."""
    bundle = _package(_lay_out(tmp_path))
    unpacked = tmp_path / "unpacked"
    with zipfile.ZipFile(bundle) as archive:
        archive.extractall(unpacked)
    for folder, sums in ((bundle.parent, f"{bundle.name}.sha256"), (unpacked, "SHA256SUMS")):
        command = ["sha256sum", "--check", "--strict", sums]
        assert subprocess.run(command, cwd=folder, check=False).returncode == 0


def test_config_in_the_release_is_a_config(tmp_path: Path) -> None:
    """The normalized config reads back as itself."""
    path = _lay_out(tmp_path)
    with zipfile.ZipFile(_package(path)) as archive:
        (tmp_path / "again.yaml").write_bytes(archive.read("config.yaml"))
    again = load_config(tmp_path / "again.yaml").normalized()
    assert again == load_config(path).normalized()


_PACKAGE = """
import os, sys
from pathlib import Path
os.umask(int(sys.argv[2], 8))
from tests.release.test_bundle import _lay_out, _package
print(_package(_lay_out(Path(sys.argv[1]))))
"""


def test_two_builds_are_equal(tmp_path: Path) -> None:
    """Two folders, time zones, umasks and hash seeds give the same bytes and modes."""
    bundles = []
    for name, zone, umask, seed in (("a", "UTC", "022", "1"), ("b b", "Asia/Tokyo", "077", "2")):
        environment = {**os.environ, "TZ": zone, "PYTHONHASHSEED": seed}
        environment["PYTHONPATH"] = str(Path(__file__).parents[2])
        command = [sys.executable, "-c", _PACKAGE, str(tmp_path / name), umask]
        told = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
        bundles.append(Path(told.stdout.strip()))
    first, second = bundles
    names = sorted(path.name for path in first.parent.iterdir())
    assert names == [
        "digits-1.2.0.provenance.json",
        "digits-1.2.0.test-result.json",
        "digits-1.2.0.zip",
        "digits-1.2.0.zip.sha256",
    ]
    for name in names:
        one, other = first.with_name(name), second.with_name(name)
        assert one.read_bytes() == other.read_bytes(), name
        assert one.stat().st_mode == other.stat().st_mode


@pytest.mark.parametrize(
    ("epoch", "moment"),
    [
        ("", (1980, 1, 1, 0, 0, 0)),
        ("0", (1980, 1, 1, 0, 0, 0)),
        ("1700000000", (2023, 11, 14, 22, 13, 20)),
        ("99999999999", (2107, 12, 31, 23, 59, 58)),
        ("soon", (1980, 1, 1, 0, 0, 0)),
    ],
)
def test_source_date_epoch(
    tmp_path: Path,
    epoch: str,
    moment: tuple[int, int, int, int, int, int],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Members carry SOURCE_DATE_EPOCH, within what a zip can hold, and else the first moment."""
    monkeypatch.setenv("SOURCE_DATE_EPOCH", epoch)
    path = tmp_path / "a.zip"
    path.write_bytes(zip_bytes({"b": b"2", "a": b"1"}, moment_of_release()))
    with zipfile.ZipFile(path) as archive:
        assert [(i.filename, i.date_time) for i in archive.infolist()] == [
            ("a", moment),
            ("b", moment),
        ]


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("model.tflite", b"another model", "not the model that was verified"),
        ("verification.json", b'{"passed": false, "model_sha256": ""}', "did not pass"),
        ("verification.json", b'{"passed": 1, "model_sha256": ""}', "did not pass"),
        ("verification.json", b"{}", "does not say"),
        ("verification.json", b"not json", "does not say"),
        ("verification.json", None, "no verification.json"),
        ("model.tflite", None, "no model.tflite"),
    ],
)
def test_only_a_verified_model_is_released(
    tmp_path: Path, file: str, content: bytes | None, message: str
) -> None:
    """Any doubt about the verification is an error, and leaves no bundle."""
    path = _lay_out(tmp_path)
    changed = tmp_path / "build" / "digits" / file
    changed.unlink()
    if content is not None:
        changed.write_bytes(content)
    with pytest.raises(StageError, match=message):
        _package(path)
    assert not (tmp_path / "build" / "digits" / "dist").exists()
