"""The model as a C array."""

from __future__ import annotations

import bz2
import re

import pytest

from rnnlite_pipeline.release.deploy.c_array import c_header, packed_c_source
from rnnlite_pipeline.release.digests import sha256
from tests.release.deploy.ports import deployment


@pytest.mark.parametrize("size", [1, 15, 16, 17, 256])
def test_the_numbers_are_the_bytes(size: int) -> None:
    """All of them in order, 16 on a line; packed, the same bytes in every run."""
    content = bytes(range(256))[:size]
    packed = packed_c_source(deployment(), content)
    assert packed == packed_c_source(deployment(), content)
    text = bz2.decompress(packed).decode()
    lines = re.findall(r"^ +0x.*$", text, re.MULTILINE)
    full, rest = divmod(size, 16)
    assert [line.count("0x") for line in lines] == [16] * full + [rest] * bool(rest)
    assert bytes(int(n, 16) for n in re.findall(r"0x(..),", text)) == content


def test_both_files_name_the_model_and_its_digest() -> None:
    """The array of the header is that of the source."""
    source = bz2.decompress(packed_c_source(deployment(name="my-model"), b"x")).decode()
    header = c_header(deployment(name="my-model"), b"x")
    for text in (source, header):
        assert sha256(b"x") in text
        assert "unsigned char my_model_model[]" in text
    assert '#include "my_model_model.h"' in source
