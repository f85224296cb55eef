"""The sections on the checks: the errors of each case, and all other checks in groups."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rnnlite_pipeline.report.evidence import Check, Evidence
from rnnlite_pipeline.report.figures import error, share
from rnnlite_pipeline.report.html import Both, Cell, Mark, Section, section, table


def failures(evidence: Evidence) -> Section | None:
    """The checks that failed, in words, each with its remedy; None where all passed."""
    found = [(str(check), check.remedy) for check in evidence.headlines]
    if evidence.broken_off:
        found.append((f"The verification broke off: {evidence.broken_off}", ""))
    if not found:
        return None
    return section("failures", "What failed", bad=True, failures=found)


def comparisons(evidence: Evidence) -> Section | None:
    """One row for each output of a case: its errors by kernels, on the first and second call."""
    rows: dict[tuple[str | None, str | None], list[Check]] = {}
    for check in evidence.checks:
        if check.call is not None:
            rows.setdefault((check.data, check.output), []).append(check)
    if not rows:
        return None
    runs = list(dict.fromkeys(_run(check) for row in rows.values() for check in row))
    noisy = any(check.snr_db is not None for row in rows.values() for check in row)
    columns = ["", "input", "#batch", "output", *(f"#{run}" for run in runs), "#limit"]
    columns += ["#signal to noise"] * noisy
    note = (
        "The largest difference from the source over all values of the output. Below it: its part"
        " of the limit, which is the largest difference that passes."
    )
    return section(
        "comparisons",
        "Largest error against the source",
        note=note,
        table=table(columns, [_comparison(row, runs, noisy) for row in rows.values()]),
        skipped=evidence.skipped,
    )


def _run(check: Check) -> str:
    return f"{check.kernels}, call {check.call}"


def _comparison(row: Sequence[Check], runs: Iterable[str], noisy: bool) -> list[Cell]:
    first = row[0]
    errors: dict[str, Cell] = {
        _run(check): Both(error(check.max_abs_error), share(check.max_abs_error, check.limit or 0))
        for check in row
        if check.max_abs_error is not None
    }
    return [
        Mark(all(check.passed for check in row)),
        str(first.data),
        ", ".join(map(str, first.batch or ())),
        str(first.output),
        *(errors.get(run, "") for run in runs),
        error(first.limit or 0.0),
        *[_noise(row)] * noisy,
    ]


def _noise(row: Sequence[Check]) -> Cell:
    """The lowest signal-to-noise ratio, and the limit; empty where it is not judged."""
    found = [(c.snr_db, c.min_snr_db) for c in row if c.snr_db is not None]
    if not found:
        return ""
    least, asked = min(found)
    return Both(f"{least:.0f} dB", f"at least {asked:g} dB" if asked is not None else "")


def others(evidence: Evidence) -> Section | None:
    """All other checks. Passed checks with the same name and the same words share a row."""
    groups: dict[tuple[object, ...], list[Check]] = {}
    for number, check in enumerate(c for c in evidence.checks if c.call is None):
        key = (check.name, check.detail) if check.passed else (check.name, number)
        groups.setdefault(key, []).append(check)
    rows: list[list[Cell]] = [
        [
            Mark(all(check.passed for check in group)),
            group[0].name,
            _several([c.data for c in group]),
            _several([c.kernels for c in group]),
            group[0].asked or "always",
            group[0].detail or _error(group),
        ]
        for group in groups.values()
    ]
    columns = ("", "check", "input", "kernels", "asked for by", "found")
    shown = table(columns, rows)
    return section("checks", "Other checks", template="table", table=shown) if shown else None


def _several(names: Iterable[str | None]) -> str:
    distinct = list(dict.fromkeys(name for name in names if name))
    more = f" and {len(distinct) - 3} more" if len(distinct) > 3 else ""
    return ", ".join(distinct[:3]) + more


def _error(group: Sequence[Check]) -> str:
    errors = [
        (check.max_abs_error, check.limit or 0.0)
        for check in group
        if check.max_abs_error is not None
    ]
    if not errors:
        return ""
    worst, limit = max(errors)
    of_limit = share(worst, limit)
    return f"error at most {error(worst)}{f', {of_limit} of the limit' if of_limit else ''}"
