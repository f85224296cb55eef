"""The sections on what was judged: each case's errors, and everything else in groups."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from typing import TYPE_CHECKING

from rnnlite_pipeline.report.html import section, table

if TYPE_CHECKING:
    from rnnlite_pipeline.verify.evidence import Check, Evidence


def failures(evidence: Evidence) -> str:
    """What did not pass, in words; nothing where all did."""
    lines = [str(check) for check in evidence.headlines]
    if evidence.broken_off:
        lines.append(f"The verification broke off: {evidence.broken_off}")
    if not lines:
        return ""
    items = "".join(f"<li>{escape(line)}</li>" for line in lines)
    return f'<section class="failures"><h2>What failed</h2><ul>{items}</ul></section>'


def comparisons(evidence: Evidence) -> str:
    """One row an output of a case; its errors on each kernels' first and second call."""
    rows: dict[tuple[str | None, str | None], list[Check]] = {}
    for check in evidence.checks:
        if check.call is not None:
            rows.setdefault((check.data, check.output), []).append(check)
    if not rows:
        return ""
    runs = list(dict.fromkeys(_run(check) for row in rows.values() for check in row))
    columns = ("", "input", "#batch", "output", *(f"#{run}" for run in runs), "#limit", "#dB")
    shown = table(columns, [_comparison(row, runs) for row in rows.values()])
    skipped = "".join(
        f"<li>“{escape(name)}”: {escape(why)}</li>" for name, why in evidence.skipped.items()
    )
    note = f"<p>Not applicable to this model:</p><ul>{skipped}</ul>" if skipped else ""
    return section("Largest error against the source", shown + note)


def _run(check: Check) -> str:
    return f"{check.kernels}, call {check.call}"


def _comparison(row: Sequence[Check], runs: Iterable[str]) -> Sequence[str]:
    first = row[0]
    errors = {_run(check): f"{check.max_abs_error:.1e}" for check in row}
    return (
        _mark(row),
        str(first.data),
        ", ".join(map(str, first.batch or ())),
        str(first.output),
        *(errors.get(run, "") for run in runs),
        f"{first.limit:.1e}",
        _ratio(row),
    )


def _ratio(row: Sequence[Check]) -> str:
    """The least signal-to-noise ratio, and the one that passes; empty where it is not judged."""
    found = [(c.snr_db, c.min_snr_db) for c in row if c.snr_db is not None]
    return f"{min(found)[0]:.0f} of {found[0][1]:g}" if found else ""


def others(evidence: Evidence) -> str:
    """Every other judgement; those of one name that say the same, and passed, share a row."""
    groups: dict[tuple[object, ...], list[Check]] = {}
    for number, check in enumerate(c for c in evidence.checks if c.call is None):
        key = (check.name, check.detail) if check.passed else (check.name, number)
        groups.setdefault(key, []).append(check)
    rows = [
        (
            _mark(group),
            group[0].name,
            _several([c.data for c in group]),
            _several([c.kernels for c in group]),
            group[0].detail or _error(group),
        )
        for group in groups.values()
    ]
    return section("Other checks", table(("", "check", "input", "kernels", "found"), rows))


def _several(names: Iterable[str | None]) -> str:
    distinct = list(dict.fromkeys(name for name in names if name))
    return ", ".join(distinct) if len(distinct) <= 3 else f"all {len(distinct)}"


def _error(group: Sequence[Check]) -> str:
    errors = [check.max_abs_error for check in group if check.max_abs_error is not None]
    return f"error at most {max(errors):.1e}" if errors else ""


def _mark(group: Sequence[Check]) -> str:
    return "✓" if all(check.passed for check in group) else "✗"
