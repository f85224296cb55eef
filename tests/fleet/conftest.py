"""What tests of caches share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.fake import s3


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[s3.Bucket]:
    """A bucket of a user whose permissions the test sets."""
    pytest.importorskip("s3fs", reason="the extra `cache` is not installed")
    with s3.served() as bucket:
        for name, value in bucket.environment.items():
            monkeypatch.setenv(name, value)
        yield bucket
