"""The stage report: writes report.html, with the times that were measured on this machine.

Verify's page is part of a release and the same on every machine. In the copy beside the model, the
section on latency replaces that on multiply-adds, and the candidates of a search are shown.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rnnlite_pipeline.files import write_atomically
from rnnlite_pipeline.graph.read import read_model
from rnnlite_pipeline.latency import rows
from rnnlite_pipeline.lower.layer_record import read_layers
from rnnlite_pipeline.report.html import Section
from rnnlite_pipeline.report.latency import counted, measured
from rnnlite_pipeline.report.page import WORK, contents_slot, entry, whole
from rnnlite_pipeline.report.search import TRIED, searched
from rnnlite_pipeline.report.slots import filled

if TYPE_CHECKING:
    from rnnlite_pipeline.config import Config

#: Verify's page in the model's folder. It has no times, and is part of the release.
PAGE = Path(".work") / "report.html"


def report(config: Config, out: Path) -> None:  # noqa: ARG001
    """Writes `out/report.html`: verify's page with the times of `out/benchmark.json`."""
    page = with_times((out / PAGE).read_text(encoding="utf-8"), out)
    write_atomically(out / "report.html", page.encode())


def with_times(page: str, out: Path) -> str:
    """Verify's page with what was measured on this model.

    Args:
        page: The page.
        out: The model's folder.
    """
    model = out / "model.tflite"
    if model.is_file() and (out / "benchmark.json").is_file():
        page = _shown(page, WORK, _latency(out, model.read_bytes()))
    if tried := searched(_read(out / "search.json")) if (out / "search.json").is_file() else None:
        page = _shown(page, TRIED, tried)
    return page


def _shown(page: str, place: str, section: Section) -> str:
    page = filled(page, contents_slot(place), entry(section))
    return filled(page, place, whole(section))


def _latency(out: Path, content: bytes) -> Section:
    told = _read(out / "benchmark.json")
    if told.get("model_sha256") == hashlib.sha256(content).hexdigest():
        return measured(told)
    another = (
        "benchmark.json beside this page belongs to another model; `rnnlite benchmark CONFIG`"
        " measures this one."
    )
    return counted(rows(read_model(content), read_layers(out)), another)


def _read(path: Path) -> dict[str, Any]:
    try:
        told = json.loads(path.read_bytes())
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}
