"""The pictures of the documentation are those that `make pictures` takes."""

from __future__ import annotations

import importlib.util
import re
import struct
import sys
from pathlib import Path
from types import ModuleType

import pytest

from tests.fake.project import ROOT
from tests.report.browser import needs_chromium


def _pictures() -> ModuleType:
    spec = importlib.util.spec_from_file_location("pictures", ROOT / ".ci" / "pictures.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # for its dataclasses
    spec.loader.exec_module(module)
    return module


PICTURES = _pictures()


def _size(png: bytes) -> tuple[int, int]:
    """The width and the height of a PNG file, in pixels."""
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    width, height = struct.unpack_from(">II", png, 16)
    return width, height


def test_every_picture_is_taken_and_shown() -> None:
    """docs/images has these pictures and no others, of their size, and a page shows each."""
    there = {path.stem: _size(path.read_bytes()) for path in PICTURES.IMAGES.glob("*.png")}
    assert set(there) == set(PICTURES.PICTURES)
    for name, picture in PICTURES.PICTURES.items():
        width, height = there[name]
        assert width == picture.width if picture.first == "body" else width < picture.width
        assert 100 < height <= picture.most
    texts = [path.read_text(encoding="utf-8") for path in (ROOT / "docs").rglob("*.md")]
    shown = {name for text in texts for name in re.findall(r"images/(\w[\w-]*)\.png\)", text)}
    assert shown == set(there)


PAGE = """<!doctype html><meta charset="utf-8"><body style="margin:0;background:canvas">
<h1 style="height:50px;margin:0">One</h1>
<div id="a" style="height:300px;margin:0 30px">x</div><div id="b" style="height:100px">y</div>
<p>more</p>"""


@pytest.mark.browser
@needs_chromium
def test_a_part_of_a_page_is_taken(tmp_path: Path) -> None:
    """From one element to another with a margin, or up to a height, at the width of a phone."""
    (tmp_path / "p.html").write_text(PAGE, encoding="utf-8")
    PICTURES.take(
        tmp_path,
        tmp_path,
        {
            "one": PICTURES.Picture("p.html", "#a", width=390),
            "both": PICTURES.Picture("p.html", "#a", "#b", width=1280),
            "cut": PICTURES.Picture("p.html", "body", width=390, dark=True, most=200),
        },
    )
    sizes = {
        name: _size((tmp_path / f"{name}.png").read_bytes()) for name in ("one", "both", "cut")
    }
    assert sizes == {"one": (362, 332), "both": (1280, 432), "cut": (390, 200)}
    with pytest.raises(RuntimeError, match="the page has no #none"):
        PICTURES.take(tmp_path, tmp_path, {"none": PICTURES.Picture("p.html", "#none")})
    with pytest.raises(FileNotFoundError, match="make pictures"):
        PICTURES.take(tmp_path, tmp_path, {"none": PICTURES.Picture("none.html", "body")})
