"""The index: one page with a row for each model. A click on a column's title sorts the rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rnnlite_pipeline.files import write_atomically
from rnnlite_pipeline.report.figures import error, plural, share, times
from rnnlite_pipeline.report.forms import accuracy_of, error_of, forms, ranked, size_of, time_of
from rnnlite_pipeline.report.html import Both, Cell, Link, Mark, rendered, table
from rnnlite_pipeline.report.page import whole
from rnnlite_pipeline.report.results import Results, link

if TYPE_CHECKING:
    from rnnlite_pipeline.config import Config

#: The name of the page. It is written into DIR, the folder with the models' folders.
INDEX = "index.html"

_COLUMNS = (
    *("", "model", "version", "scheme", "#checks", "gates", "#largest error", "#accuracy"),
    *("#size", "release"),
)

#: The columns that are shown if at least one model was measured.
_TIMES = ("#time", "#stock conversion")


@dataclass(frozen=True)
class Entry:
    """A model of the index.

    Attributes:
        config: Its config.
        results: The results in its folder.
    """

    config: Config
    results: Results


def write_index(models: Sequence[tuple[Config, Path]], folder: Path) -> Path:
    """Writes the index of models.

    Args:
        models: Each config with its model's folder.
        folder: The folder of the page; its links are relative to it.

    Returns:
        The page.
    """
    entries = [Entry(config, Results.of(out)) for config, out in models]
    path = folder / INDEX
    write_atomically(path, index_page(entries, folder).encode())
    return path


def index_page(entries: Sequence[Entry], folder: Path) -> str:
    """The page, HTML.

    Args:
        entries: The models, in the order of their rows.
        folder: The folder of the page.
    """
    firsts = _firsts(entries)
    timed = any(entry.results.benchmark for entry in entries)
    rows = [_row(entry, firsts, folder, timed=timed) for entry in entries]
    columns = (*_COLUMNS[:-1], *(_TIMES if timed else ()), _COLUMNS[-1])
    if not any(row[-1] for row in rows):  # no release was made
        columns, rows = columns[:-1], [row[:-1] for row in rows]
    verdicts = [entry.results.passed for entry in entries]
    said = [plural(len(entries), "model"), f"{verdicts.count(True)} verified"]
    said += [f"{verdicts.count(False)} failed"] if False in verdicts else []
    said += [f"{verdicts.count(None)} without results"] if None in verdicts else []
    failures = [_failure(entry) for entry in entries if not entry.results.passed]
    values: dict[str, Any] = {
        "summary": ", ".join(said),
        "good": all(verdicts),
        "table": table(columns, rows),
        "failures": failures,
        "forms": [whole(part) for part in forms([e.results for e in entries], folder)],
        "machines": _machines(entries),
    }
    return str(rendered("index.html.jinja", values))


def _firsts(entries: Sequence[Entry]) -> dict[str, Results]:
    """For each source, the model that the others are compared with: a float one if possible."""
    models = [e.results for e in entries if e.results.source and e.results.bytes is not None]
    return {each.source: each for each in reversed(ranked(models))}


def _row(entry: Entry, firsts: dict[str, Results], folder: Path, *, timed: bool) -> list[Cell]:
    config, found = entry.config, entry.results
    first = firsts.get(found.source, found)
    name: Cell = Link(config.name, found.page(folder)) if found.has_page else config.name
    checks = found.verification.get("checks", [])
    passed = sum(bool(check.get("passed")) for check in checks)
    return [
        Mark(bool(found.passed)),
        name,
        config.version,
        config.quantization.scheme,
        Both(f"{passed} of {len(checks)}", share(passed, len(checks)), passed) if checks else "",
        _gates(found),
        error_of(found),
        accuracy_of(found),
        size_of(found, first),
        *([time_of(found, first), _against_stock(found)] if timed else []),
        _release(config, found, folder),
    ]


def _gates(found: Results) -> Cell:
    """The pipeline, and how many of its gates the model passed."""
    gates = [c for c in found.verification.get("checks", ()) if str(c["name"]).startswith("gate ")]
    if not found.verification:
        return ""
    met = sum(bool(gate.get("passed")) for gate in gates)
    pipeline = str(found.verification.get("pipeline", ""))
    return Both(pipeline, f"{met} of {plural(len(gates), 'gate')}" if gates else "no gates")


def _against_stock(found: Results) -> Cell:
    """The time of the stock conversion, as a multiple of the model's time."""
    stock = found.benchmark.get("models", {}).get("stock", {})
    if "ratio" in stock:
        return Both(times(stock["ratio"]), "of this time", float(stock["ratio"]))
    return "does not run" if stock.get("reason") else ""


def _release(config: Config, found: Results, folder: Path) -> Cell:
    name = f"{config.name}-{config.version}.zip"
    if name not in found.releases or not found.passed:
        return ""
    return Link(name, link(found.folder / "dist" / name, folder))


def _failure(entry: Entry) -> dict[str, Any]:
    """What is wrong with a model, in words."""
    told = entry.results.verification
    if not told:
        return {"name": entry.config.name, "lines": ["no verification of this model in its folder"]}
    worst: dict[tuple[str, str], dict[str, Any]] = {}
    for check in (c for c in told.get("checks", ()) if not c.get("passed")):
        key = check["name"], check.get("output", "")
        if key not in worst or _off(check) > _off(worst[key]):
            worst[key] = check
    lines = [_said(check) for check in worst.values()]
    lines += [f"broken off: {told['broken_off']}"] if "broken_off" in told else []
    return {"name": entry.config.name, "lines": lines}


def _off(check: dict[str, Any]) -> float:
    return float(check.get("max_abs_error", 0.0))


def _said(check: dict[str, Any]) -> str:
    output = f", output “{check['output']}”" if "output" in check else ""
    figures = ""
    if "max_abs_error" in check and "limit" in check:
        figures = f"error {error(_off(check))}, at most {error(float(check['limit']))} passes"
    detail = "; ".join(filter(None, (check.get("detail", ""), figures)))
    return f"{check['name']}{output}{f': {detail}' if detail else ''}"


def _machines(entries: Sequence[Entry]) -> list[str]:
    """The machines on which the times were measured, each once."""
    told = [e.results.benchmark["machine"] for e in entries if e.results.benchmark]
    names = [
        f"{m['processor'] or m['architecture']} ({m['processors']} processors, {m['system']}"
        f" {m['architecture']})"
        for m in told
    ]
    return list(dict.fromkeys(names))
