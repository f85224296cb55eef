"""Headless Chromium, for tests that look at a page."""

from __future__ import annotations

import html
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome") or ""

#: For tests that need it; where there is none, they are skipped with the reason.
needs_chromium = pytest.mark.skipif(
    not CHROMIUM, reason="there is no Chromium to look at pages with"
)

_FLAGS = [
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--hide-scrollbars", "--disable-background-networking", "--disable-component-update"),
    *("--disable-sync", "--enable-logging=stderr", "--virtual-time-budget=2000"),
]

#: A window is not narrower than 500 pixels; a frame in it is as narrow as a phone. The page is part
#: of this one, so that a script here may measure it.
_FRAME = """<!doctype html><meta charset="utf-8"><title></title>
<iframe id="page" style="border:0;width:{width}px;height:900px" srcdoc="{page}"></iframe>
<script>
onload = () => {{
  const frame = document.getElementById("page").contentWindow;
  const measure = () => {{ {measure} }};
  document.title = JSON.stringify(measure());
}};
</script>"""


def measured(page: str, folder: Path, width: int, measure: str, *, dark: bool = False) -> Any:
    """What a script measures in a page, as JSON values.

    Args:
        page: The page, HTML.
        folder: Where the browser keeps its profile.
        width: Of the page, in pixels.
        measure: The body of a function that knows the page's window as `frame`.
        dark: Whether the browser asks for dark pages.

    Raises:
        AssertionError: The page wrote to the console: an error or a warning.
    """
    file = folder / "frame.html"
    text = _FRAME.format(width=width, page=html.escape(page), measure=measure)
    file.write_text(text, encoding="utf-8")
    command = [CHROMIUM, *_FLAGS, f"--user-data-dir={folder / 'profile'}"]
    command += [f"--blink-settings=preferredColorScheme={0 if dark else 1}"]
    command += ["--window-size=1400,1000", "--dump-dom", file.as_uri()]
    ended = subprocess.run(command, check=True, capture_output=True, text=True, timeout=240)
    said = [line for line in ended.stderr.splitlines() if ":CONSOLE" in line]
    assert not said, said
    found = re.search(r"<title>(.*?)</title>", ended.stdout, re.S)
    assert found is not None
    return json.loads(html.unescape(found[1]))
