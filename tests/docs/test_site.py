"""The documentation: it builds, its generated pages are fresh, and its snippets run."""

from __future__ import annotations

import errno
import logging
import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from mkdocs.commands.build import build
from mkdocs.config import load_config as load_site

from rnnlite_pipeline.cells import registry
from rnnlite_pipeline.cells.gru import Gru
from rnnlite_pipeline.config import Config, Pipeline
from rnnlite_pipeline.config.keys import sections_of
from rnnlite_pipeline.config.reference import reference
from tests.cells.on_ops import SPELLINGS, check_cell, check_equations, gate
from tests.recognise.spelling import Spelling

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"


class Loads(HTMLParser):
    """Collects what a page loads from elsewhere."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """An address that the browser follows by itself."""
        if tag in ("script", "link", "img", "iframe"):
            addresses = [value or "" for key, value in attrs if key in ("src", "href")]
            self.found += [each for each in addresses if each.startswith(("http", "//"))]


def test_the_site_builds(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Without a warning: every link and anchor leads somewhere; no page loads from elsewhere."""
    with caplog.at_level(logging.WARNING, "mkdocs"):
        build(load_site(str(ROOT / "mkdocs.yml"), site_dir=str(tmp_path), strict=True))
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]
    for page in sorted(tmp_path.rglob("*.html")):
        loads = Loads()
        loads.feed(page.read_text("utf-8"))
        assert not loads.found, page.name


def test_every_page_can_be_reached() -> None:
    """Each page of docs/ stands in the navigation."""
    listed = re.findall(r"[\w/-]+\.md", (ROOT / "mkdocs.yml").read_text("utf-8"))
    assert sorted(listed) == sorted(p.relative_to(DOCS).as_posix() for p in DOCS.rglob("*.md"))


def test_the_config_reference_is_fresh() -> None:
    """docs/config.md is what the models give."""
    assert (DOCS / "config.md").read_text("utf-8") == reference(), (
        "run `python -m rnnlite_pipeline.config.reference > docs/config.md`"
    )


@pytest.mark.parametrize("whole", [Config, Pipeline])
def test_every_key_is_documented(whole: type[Config] | type[Pipeline]) -> None:
    """Each key of each section has a description, which stands in the reference."""
    page = reference()
    for loc, section in sections_of(whole):
        for key, field in section.model_fields.items():
            assert field.description, (*loc, key)
            assert re.search(
                rf"^\| `{key}` \|.*\| {re.escape(field.description)} \|$", page, re.M
            ), key


def test_troubleshooting_quotes_real_messages() -> None:
    """Each message of docs/troubleshooting.md stands in the code, but the system's own."""
    page = (DOCS / "troubleshooting.md").read_text("utf-8")
    quoted = re.findall(r"^\| `([^`]+)` \|", page, re.M)
    code = "".join(p.read_text("utf-8") for p in (ROOT / "rnnlite_pipeline").rglob("*.py"))
    joined = re.sub(r'"\s+f?"', "", code)  # text that goes on in the next line
    system = {os.strerror(errno.ENOSPC)}
    assert len(quoted) > 30
    assert [text for text in quoted if text not in joined and text not in system] == []


def test_the_glossary_is_sorted() -> None:
    """A word is found by its letter."""
    page = (DOCS / "glossary.md").read_text("utf-8")
    words = [word.lower() for word in re.findall(r"^\| ([^|]+?) \|", page, re.M)[2:]]
    assert words == sorted(words)


def test_the_links_of_the_readme_lead_somewhere() -> None:
    """Every relative link and picture of README.md is a file of the repository."""
    text = (ROOT / "README.md").read_text("utf-8")
    links = [link for link in re.findall(r"\]\(([^)#]+)", text) if "://" not in link]
    assert "docs/images/report.png" in links
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_the_picture_is_small() -> None:
    """A README that takes long to load is not read."""
    assert (DOCS / "images" / "report.png").stat().st_size < 300_000


@pytest.fixture
def cells_of_the_guide(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> dict[str, Any]:
    """What the snippets on cells define; each prints what its comment says."""
    monkeypatch.setattr(registry, "CELLS", {cell.kind: cell for cell in registry.cells()})
    names: dict[str, Any] = {"__name__": "guide"}
    monkeypatch.setitem(sys.modules, "guide", ModuleType("guide"))  # asked for by dataclass
    for _, snippet in blocks("extending.md", "python"):
        exec(compile(snippet, "extending.md", "exec", dont_inherit=True), names)
        (said,) = re.findall(r"print\(.*\)  # (.*)", snippet)
        assert capsys.readouterr().out.strip() == said
    return names


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_the_cell_of_the_guide_is_recognised(
    cells_of_the_guide: dict[str, Any], spelling: Spelling
) -> None:
    """The new cell of the guide needs nothing more: its loops are read as it, and converted."""
    cell = cells_of_the_guide["PeepholeGru"](gate(), gate(), gate(), np.linspace(-1.0, 1.0, 4))
    check_equations(cell)
    check_cell(cell, spelling)


def test_a_gru_is_not_the_cell_of_the_guide(cells_of_the_guide: dict[str, Any]) -> None:
    """A GRU is read as one, though the new cell could have a diagonal of zeros."""
    assert "peephole GRU" in registry.CELLS
    check_cell(Gru(gate(), gate(), gate()), SPELLINGS[0])
    assert cells_of_the_guide["cell"].kind == "peephole GRU"


def test_the_tutorial(tmp_path: Path) -> None:
    """From its first line to its last, as a reader does it, each block after the one before."""
    commands = tmp_path / "bin"
    commands.mkdir()
    script = f'#!/bin/sh\nexec "{sys.executable}" -m rnnlite_pipeline "$@"\n'
    (commands / "rnnlite").write_text(script)
    (commands / "rnnlite").chmod(0o755)
    environment = {
        **os.environ,
        "PATH": f"{commands}:{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "CUDA_VISIBLE_DEVICES": "-1",
    }
    for language, block in blocks("tutorial.md", "python|sh"):
        command = [sys.executable, "-c", block] if language == "python" else ["sh", "-ec", block]
        ran = subprocess.run(
            command,
            check=False,
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            timeout=300,
        )
        assert ran.returncode == 0, f"{block}\n{ran.stdout}{ran.stderr}"
    made = tmp_path / "build" / "gesture"
    assert (made / "report.html").stat().st_size > 10_000
    assert list((made / "dist").glob("*.zip"))
    assert re.match(r"\[\[[\d. e-]+\]", ran.stdout), ran.stdout


def blocks(page: str, languages: str) -> list[tuple[str, str]]:
    """The fenced blocks of a page in these languages, each after its language, in order."""
    text = (DOCS / page).read_text("utf-8")
    return re.findall(rf"^```({languages})\n(.*?)^```", text, re.M | re.S)
