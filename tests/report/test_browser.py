"""What a browser makes of the pages: at the width of a desk and of a phone, light and dark."""

from __future__ import annotations

from pathlib import Path

import pytest

from rnnlite_pipeline.report.page import render
from tests.report.browser import measured, needs_chromium
from tests.report.samples import about, evidence
from tests.report.test_index import page_of_three

pytestmark = [pytest.mark.browser, needs_chromium]

_OVERFLOW = """
const root = frame.document.documentElement;
const wide = [...frame.document.body.querySelectorAll("*")].filter((each) =>
  each.getBoundingClientRect().right > frame.innerWidth + 1 && !each.closest(".scroll"));
return {over: root.scrollWidth - frame.innerWidth, wide: wide.map((each) => each.outerHTML)};
"""


def _page(name: str, folder: Path) -> str:
    return page_of_three(folder) if name == "index" else render(evidence(), about(folder))


@pytest.mark.parametrize("name", ["report", "index"])
@pytest.mark.parametrize("width", [1280, 390])
def test_nothing_is_wider_than_the_window(tmp_path: Path, name: str, width: int) -> None:
    """No part is off the edge, and the console stays empty."""
    found = measured(_page(name, tmp_path), tmp_path, width, _OVERFLOW)
    assert found == {"over": 0, "wide": []}


_EDGE = """
const texts = [...frame.document.body.querySelectorAll("h1,h2,p,table,li,.tile,.layer,figcaption")];
return Math.min(...texts.map((each) => each.getBoundingClientRect().left));
"""


@pytest.mark.parametrize("name", ["report", "index"])
@pytest.mark.parametrize("width", [1280, 390])
def test_there_is_a_margin(tmp_path: Path, name: str, width: int) -> None:
    """No text touches the edge of the window."""
    assert measured(_page(name, tmp_path), tmp_path, width, _EDGE) >= 12


_LABELS = """
const boxes = [...frame.document.querySelectorAll(".plot")].map((plot) =>
  [...plot.querySelectorAll("text")].map((each) =>
    [each.textContent, each.getBoundingClientRect(), each.matches(".title")]));
const over = [];
for (const texts of boxes)
  for (const [i, [one, a]] of texts.entries())
    for (const [other, b, isTitle] of texts.slice(i + 1))
      if (Math.min(a.right, b.right) - Math.max(a.left, b.left) > (isTitle ? -2 : 2) &&
          Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 4)  // boxes have room for accents
        over.push([one, other]);
const small = [...frame.document.querySelectorAll(".plot text")].map((each) =>
  parseFloat(frame.getComputedStyle(each).fontSize) * each.ownerSVGElement.getScreenCTM().a);
return {count: boxes.length, over, small: Math.min(...small)};
"""


@pytest.mark.parametrize("width", [1280, 390])
def test_labels_of_charts_can_be_read(tmp_path: Path, width: int) -> None:
    """No label or title of an axis lies over another, and none is smaller than 8 pixels."""
    found = measured(_page("report", tmp_path), tmp_path, width, _LABELS)
    assert found["count"] == 3
    assert found["over"] == []
    assert found["small"] >= 8


_COLORS = """
const style = frame.getComputedStyle(frame.document.body);
return [style.color, style.backgroundColor];
"""


def _light(color: str) -> int:
    """The sum of red, green and blue of `rgb(r, g, b)`."""
    return sum(int(part) for part in color.removeprefix("rgb(").removesuffix(")").split(","))


@pytest.mark.parametrize("dark", [False, True])
def test_light_and_dark(tmp_path: Path, dark: bool) -> None:
    """Text is dark on a light ground, or light on a dark one, as the browser asks."""
    ink, ground = measured(_page("report", tmp_path), tmp_path, 1280, _COLORS, dark=dark)
    assert (_light(ink) > _light(ground)) == dark


_SORTED = """
const names = () => [...frame.document.querySelectorAll("#models tbody tr")]
  .map((row) => row.cells[1].textContent);
const title = [...frame.document.querySelectorAll("#models th")]
  .find((each) => each.textContent === "size");
const click = () => { title.querySelector("button").click(); return names(); };
return [names(), click(), click()];
"""


def test_a_click_on_a_title_sorts(tmp_path: Path) -> None:
    """By bytes, not by text: 9,000 B before 20.0 kB; a second click turns it; no size is last."""
    first, up, down = measured(_page("index", tmp_path), tmp_path, 1280, _SORTED)
    assert first == ["b-int8", "a", "gone"]
    assert up == ["b-int8", "a", "gone"]
    assert down == ["a", "b-int8", "gone"]
