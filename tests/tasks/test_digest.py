"""The digest of a file is kept while the file is as it was, and no longer."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from rnnlite_pipeline import files
from rnnlite_pipeline.files import digest


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
