"""Takes the pictures of docs/images: `python .ci/pictures.py BUILD`, which `make pictures` calls.

BUILD holds the reports of configs/*.yaml and of examples/targets, and a benchmark of digits-bilstm.
Each picture is a part of a page, drawn by headless Chromium for the width of a desk or a phone.
Chromium is driven by its DevTools protocol over two pipes (`--remote-debugging-pipe`): messages are
JSON, each with a zero byte behind it. Source: chromedevtools.github.io/devtools-protocol.
"""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

IMAGES = Path(__file__).parents[1] / "docs" / "images"

#: The widths of a desk and of a phone, in pixels of the page.
DESK, PHONE = 1280, 390

#: How long Chromium may take to answer, in seconds.
SECONDS = 60.0

_FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
    *("--remote-debugging-pipe", "--force-color-profile=srgb"),
)


@dataclass(frozen=True)
class Picture:
    """A part of a page.

    Attributes:
        page: The page, relative to BUILD.
        first: A CSS selector: the picture begins above this element.
        last: It ends below this one; empty for the same element.
        width: Of the page.
        dark: Whether the browser asks for dark pages.
        most: The height, at most.
    """

    page: str
    first: str
    last: str = ""
    width: int = DESK
    dark: bool = False
    most: int = 2000


#: Every picture of docs/images, by its name.
PICTURES: Mapping[str, Picture] = {
    "report": Picture("digits-bilstm/report.html", "body", most=1700),
    "report-phone": Picture("digits-bilstm/report.html", "body", width=PHONE, most=1500),
    "quantization": Picture("digits-bilstm-int8/report.html", "#quantization", most=1300),
    "latency": Picture("digits-bilstm/report.html", "#latency", most=1200),
    "index": Picture("index.html", "body", dark=True, most=1700),
    "variants": Picture("digits-everywhere/variants.html", "body", most=900),
}


class Browser:
    """Headless Chromium with one page.

    Args:
        program: Chromium.
        profile: A folder for its profile.
    """

    def __init__(self, program: str, profile: Path) -> None:
        (commands, self._send), (self._receive, answers) = os.pipe(), os.pipe()
        # Chromium reads from 3 and writes to 4.
        keep = f'exec 3<&{commands} 4>&{answers}; exec "$0" "$@"'
        self._process = subprocess.Popen(
            ["/bin/bash", "-c", keep, program, *_FLAGS, f"--user-data-dir={profile}"],
            pass_fds=(commands, answers),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(commands)
        os.close(answers)
        self._rest, self._count, self._session = b"", 0, ""
        self._seen: list[str] = []  # the events of this page
        target = self._call("Target.createTarget", url="about:blank")["targetId"]
        attached = self._call("Target.attachToTarget", targetId=target, flatten=True)
        self._session = attached["sessionId"]
        self._call("Page.enable")

    def taken(self, page: Path, picture: Picture) -> bytes:
        """The picture of a page, as PNG."""
        size = {"width": picture.width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
        scheme = [{"name": "prefers-color-scheme", "value": "dark" if picture.dark else "light"}]
        self._call("Emulation.setDeviceMetricsOverride", **size)
        self._call("Emulation.setEmulatedMedia", features=scheme)
        self._seen.clear()
        self._call("Page.navigate", url=page.absolute().as_uri())
        self._event("Page.loadEventFired")
        left, top, right, bottom = self._run(_EXTENT % json.dumps([picture.first, picture.last]))
        width, height = right - left, min(bottom - top, picture.most)
        clip = {"x": left, "y": top, "width": width, "height": height, "scale": 1}
        shot = self._call("Page.captureScreenshot", clip=clip, captureBeyondViewport=True)
        return base64.b64decode(shot["data"])

    def _run(self, code: str) -> Any:
        told = self._call("Runtime.evaluate", expression=code, returnByValue=True)
        if "exceptionDetails" in told:
            raise RuntimeError(told["exceptionDetails"]["exception"]["description"])
        return told["result"]["value"]

    def _call(self, method: str, **parameters: Any) -> Any:
        self._count += 1
        message: dict[str, Any] = {"id": self._count, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._send, json.dumps(message).encode() + b"\0")
        while (answer := self._next()).get("id") != self._count:
            self._seen.append(answer.get("method", ""))
        if "error" in answer:
            raise RuntimeError(f"{method}: {answer['error']['message']}")
        return answer["result"]

    def _event(self, method: str) -> None:
        while method not in self._seen:
            self._seen.append(self._next().get("method", ""))

    def _next(self) -> dict[str, Any]:
        while b"\0" not in self._rest:
            more = os.read(self._receive, 1 << 20)
            if not more:
                raise RuntimeError("Chromium ended.")
            self._rest += more
        told, _, self._rest = self._rest.partition(b"\0")
        message: dict[str, Any] = json.loads(told)
        return message

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        os.close(self._send)
        os.close(self._receive)
        try:
            self._process.wait(SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


#: Where a picture begins and ends, in pixels of the page, with a margin.
_EXTENT = """(() => {
  const [first, last] = %s;
  const one = document.querySelector(first), other = document.querySelector(last || first);
  if (!one || !other) throw new Error(`the page has no ${one ? last : first}`);
  const [a, b] = [one, other].map((each) => each.getBoundingClientRect());
  const left = Math.max(0, Math.min(a.left, b.left) - 16);
  const right = Math.min(innerWidth, Math.max(a.right, b.right) + 16);
  return [left, Math.max(0, a.top + scrollY - 16), right, b.bottom + scrollY + 16];
})()"""


def take(build: Path, images: Path = IMAGES, pictures: Mapping[str, Picture] = PICTURES) -> None:
    """Takes pictures.

    Args:
        build: The folder of the reports.
        images: Where `NAME.png` is written.
        pictures: By name.

    Raises:
        FileNotFoundError: A page, or Chromium, is not there.
        RuntimeError: A page does not have an element.
    """
    program = shutil.which("chromium") or shutil.which("google-chrome")
    if not program:
        raise FileNotFoundError("There is no Chromium on the PATH.")
    with (
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile,
        Browser(program, Path(profile)) as browser,
    ):
        for name, picture in pictures.items():
            page = build / picture.page
            if not page.is_file():
                raise FileNotFoundError(f"There is no {page}; `make pictures` makes it.")
            images.joinpath(f"{name}.png").write_bytes(browser.taken(page, picture))


if __name__ == "__main__":
    take(Path(sys.argv[1]))
