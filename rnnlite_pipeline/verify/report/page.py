"""Evidence to a page a person reads: the verdict first, then the figures it rests on."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from typing import TYPE_CHECKING

import numpy as np

from rnnlite_pipeline.verify.report import svg
from rnnlite_pipeline.verify.report.quantization import quantization
from rnnlite_pipeline.verify.report.style import STYLE

if TYPE_CHECKING:
    from rnnlite_pipeline.sources.model import Array
    from rnnlite_pipeline.verify.evidence import Check, Evidence

#: The bins of the error histogram: next to nothing, then by powers of ten.
EDGES = (0.0, *(10.0**e for e in range(-9, 1)))


def render(evidence: Evidence) -> str:
    """The report of a verification, HTML."""
    name = escape(str(evidence.facts.get("name", "model")))
    sections = [
        _summary(evidence),
        _failures(evidence),
        _accuracy(evidence),
        quantization(evidence.facts.get("quantization")),
        *(_profile(evidence, output) for output in evidence.profiles),
        _comparisons(evidence),
        _others(evidence),
        _ops(evidence),
        _versions(evidence),
    ]
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{name}: verification</title><style>{STYLE}</style></head><body><main>"
        f"{''.join(filter(None, sections))}</main></body></html>\n"
    )


def _summary(evidence: Evidence) -> str:
    passed = evidence.passed
    verdict = "Verified" if passed else "Not verified"
    facts = evidence.facts
    error = evidence.max_abs_error
    size = facts.get("bytes", {}).get("model")
    worst = min((each.litert for each in evidence.accuracy), default=None)
    tiles = [
        ("checks passed", f"{sum(c.passed for c in evidence.checks)} of {len(evidence.checks)}"),
        ("largest error", "" if error is None else f"{error:.1e}"),
        ("tolerance", f"{facts['tolerance']:.0e}" if "tolerance" in facts else ""),
        ("accuracy", "" if worst is None else f"{worst:.2%}"),
        ("size", "" if size is None else _bytes(size)),
    ]
    shown = "".join(
        f'<div class="tile"><b>{escape(value)}</b><span>{title}</span></div>'
        for title, value in tiles
        if value
    )
    digest = escape(str(facts.get("model_sha256", "")))
    return (
        f'<header><p class="verdict {"good" if passed else "bad"}">{verdict}</p>'
        f"<h1>{escape(str(facts.get('name', 'model')))}</h1>"
        f'<p class="digest">pipeline {escape(str(facts.get("pipeline", "")))} · sha256 {digest}'
        f'</p><div class="tiles">{shown}</div></header>'
    )


def _failures(evidence: Evidence) -> str:
    lines = [str(check) for check in evidence.headlines]
    if evidence.broken_off:
        lines.append(f"The verification broke off: {evidence.broken_off}")
    if not lines:
        return ""
    items = "".join(f"<li>{escape(line)}</li>" for line in lines)
    return f'<section class="failures"><h2>What failed</h2><ul>{items}</ul></section>'


def _accuracy(evidence: Evidence) -> str:
    rows = [
        (a.output, a.kernels, f"{a.samples:,}", f"{a.source:.2%}", f"{a.litert:.2%}")
        for a in evidence.accuracy
    ]
    return _section(
        "Accuracy", _table(("output", "kernels", "#samples", "#source", "#LiteRT"), rows)
    )


def _profile(evidence: Evidence, output: str) -> str:
    source, model = evidence.profiles[output]
    if source.dtype.kind != "f" or source.shape != model.shape:
        return ""
    error = np.abs(source.astype(np.float64) - model.astype(np.float64))
    limit = _limit(evidence, output)
    charts = ""
    if error.ndim >= 3:
        steps = error.max(axis=tuple(a for a in range(error.ndim) if a != 1), initial=0.0)
        charts = "<h3>Largest error at each time step</h3>" + svg.line(
            [float(step) for step in steps], "time step", limit
        )
    counts, edges = _binned(error)
    charts += f"<h3>How large the errors of {error.size:,} values are</h3>" + svg.histogram(
        counts, edges, "absolute error (bars logarithmic)"
    )
    title = f"Output “{escape(output)}” on the data, default kernels"
    return f"<section><h2>{title}</h2>{charts}</section>"


def _binned(error: Array) -> tuple[list[int], list[float]]:
    """Counts by power of ten, up to the last bin that is not empty."""
    finite = error[np.isfinite(error)]
    places = np.searchsorted(EDGES[1:], finite, side="right")
    counts = np.bincount(places.ravel(), minlength=len(EDGES))
    last = int(np.max(np.nonzero(counts)[0], initial=4)) + 1
    return [int(c) for c in counts[:last]], list(EDGES)


def _limit(evidence: Evidence, output: str) -> float:
    limits = (
        c.limit for c in evidence.checks if c.output == output and c.limit and c.rounding is None
    )
    return max(limits, default=0.0)


def _comparisons(evidence: Evidence) -> str:
    """One row an output of a case; its errors on each kernels' first and second call."""
    rows: dict[tuple[str | None, str | None], list[Check]] = {}
    for check in evidence.checks:
        if check.call is not None:
            rows.setdefault((check.data, check.output), []).append(check)
    if not rows:
        return ""
    columns = ("", "input", "#batch", "output", *(f"#{_run(c)}" for c in next(iter(rows.values()))))
    table = _table((*columns, "#limit"), [_comparison(row) for row in rows.values()])
    skipped = "".join(
        f"<li>“{escape(name)}”: {escape(why)}</li>" for name, why in evidence.skipped.items()
    )
    note = f"<p>Not applicable to this model:</p><ul>{skipped}</ul>" if skipped else ""
    return _section("Largest error against the source", table + note)


def _run(check: Check) -> str:
    return f"{check.kernels}, call {check.call}"


def _comparison(row: Sequence[Check]) -> Sequence[str]:
    first = row[0]
    return (
        "✓" if all(check.passed for check in row) else "✗",
        str(first.data),
        ", ".join(map(str, first.batch or ())),
        str(first.output),
        *(f"{check.max_abs_error:.1e}" for check in row),
        f"{first.limit:.1e}",
    )


def _others(evidence: Evidence) -> str:
    rows = [
        (_mark(c), c.name, c.data or "", c.kernels or "", c.detail or _error(c))
        for c in evidence.checks
        if c.call is None
    ]
    return _section("Other checks", _table(("", "check", "input", "kernels", "found"), rows))


def _error(check: Check) -> str:
    return "" if check.max_abs_error is None else f"error {check.max_abs_error:.1e}"


def _ops(evidence: Evidence) -> str:
    ops = evidence.facts.get("ops")
    if not ops:
        return ""
    names = sorted({*ops["source"], *ops["model"]})
    rows = [(n, str(ops["source"].get(n, "")), str(ops["model"].get(n, ""))) for n in names]
    sizes = evidence.facts["bytes"]
    total = ("bytes", f"{sizes['source']:,}", f"{sizes['model']:,}")
    table = _table(("op", "#as imported", "#converted"), [*rows, total])
    return _section("Ops and size", table)


def _versions(evidence: Evidence) -> str:
    versions = evidence.facts.get("versions", {})
    said = " · ".join(f"{escape(n)} {escape(v)}" for n, v in sorted(versions.items()))
    return f"<footer>{said}</footer>" if said else ""


def _section(title: str, content: str) -> str:
    return f"<section><h2>{title}</h2>{content}</section>" if content else ""


def _table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table; a column whose title begins with # holds numbers. Empty without rows."""
    kinds = [' class="n"' if c.startswith("#") else "" for c in columns]
    head = "".join(
        f"<th{k}>{escape(c.removeprefix('#'))}</th>" for k, c in zip(kinds, columns, strict=True)
    )
    body = "".join(
        "<tr>" + "".join(_cell(k, v) for k, v in zip(kinds, row, strict=True)) + "</tr>"
        for row in rows
    )
    if not body:
        return ""
    return (
        f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>'
        "</div>"
    )


_MARKS = {"✓": '<td class="yes">✓</td>', "✗": '<td class="no">✗</td>'}


def _cell(kind: str, value: str) -> str:
    return _MARKS.get(value, f"<td{kind}>{escape(value)}</td>")


def _mark(check: Check) -> str:
    return "✓" if check.passed else "✗"


def _bytes(count: int) -> str:
    return f"{count:,} B" if count < 10_000 else f"{count / 1000:,.1f} kB"
