"""The section that compares models of one source, for example in float and in int8."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rnnlite_pipeline.report.figures import error, points, rate, share, size, time, times
from rnnlite_pipeline.report.html import Bar, Both, Cell, Link, Mark, Section, section, table
from rnnlite_pipeline.report.results import Results

#: The schemes in the order of the table.
SCHEMES = ("none", "float16", "dynamic_range", "int16x8", "int8")


def forms(models: Sequence[Results], folder: Path) -> list[Section]:
    """A section for each source from which more than one model was made.

    Two models have the same source if the bytes of their imported graphs are equal.

    Args:
        models: All models.
        folder: The folder of the page; links are relative to it.
    """
    groups: dict[str, list[Results]] = {}
    for each in models:
        if each.source and each.bytes is not None:
            groups.setdefault(each.source, []).append(each)
    several = [group for group in groups.values() if len(group) > 1]
    return [_section(ranked(group), folder, number) for number, group in enumerate(several)]


def ranked(group: Sequence[Results]) -> list[Results]:
    """The models by number of bits, float first. All others are compared with the first one."""
    return sorted(group, key=lambda each: (_place(each.scheme), each.name))


def _place(scheme: str) -> int:
    return SCHEMES.index(scheme) if scheme in SCHEMES else len(SCHEMES)


def _section(group: Sequence[Results], folder: Path, number: int) -> Section:
    first = group[0]
    columns = ["", "model", "scheme", "#size", "", "#largest error", "#accuracy"]
    note = f"Size and time are compared with those of {first.name}, the error with its limit."
    timed = [each for each in group if each.milliseconds is not None]
    if timed:
        columns += ["#time", ""]
    if len({each.machine for each in timed}) > 1:
        note += " Times of different machines or inputs are not compared."
    rows = [_row(each, group, folder) for each in group]
    return section(
        f"forms-{number}",
        f"{first.name}, float and quantized",
        template="table",
        note=note,
        table=table(columns, rows),
    )


def _row(each: Results, group: Sequence[Results], folder: Path) -> list[Cell]:
    first = group[0]
    name: Cell = Link(each.name, each.page(folder)) if each.has_page else each.name
    most = max(other.bytes or 0 for other in group) or 1
    cells: list[Cell] = [
        *(Mark(bool(each.passed)), name, each.scheme),
        *(size_of(each, first), Bar((each.bytes or 0) / most)),
        *(error_of(each), accuracy_of(each)),
    ]
    times_ = [other.milliseconds for other in group if other.milliseconds is not None]
    if times_:
        slowest = max(times_) or 1.0
        bar: Cell = "" if each.milliseconds is None else Bar(each.milliseconds / slowest)
        cells += [time_of(each, first) or "not measured", bar]
    return cells


def size_of(each: Results, first: Results) -> Cell:
    """The size, and its share of the first model's; for that one, of the size in float."""
    if each.bytes is None:
        return ""
    if each != first:
        beside = f"{share(each.bytes, first.bytes or 0)} of {first.name}"
    else:
        part = share(each.bytes, each.float_bytes or 0)
        beside = f"{part} of the size in float" if part else ""
    return Both(size(each.bytes), beside, each.bytes)


def time_of(each: Results, first: Results) -> Cell:
    """The time of a call; as a multiple of the first model's if machine and input are the same."""
    own, other = each.milliseconds, first.milliseconds
    if own is None:
        return ""
    alike = other and each != first and each.machine == first.machine
    return Both(time(own), f"{times(own / other)} {first.name}" if alike and other else "", own)


def error_of(each: Results) -> Cell:
    """The largest error, with its share of the limit and the signal-to-noise ratio."""
    if each.error is None:
        return ""
    part = share(each.error, each.limit or 0.0)
    beside = [f"{part} of the limit"] if part else []
    beside += [f"{each.snr_db:.0f} dB signal to noise"] if each.snr_db is not None else []
    return Both(error(each.error), ", ".join(beside), each.error)


def accuracy_of(each: Results) -> Cell:
    """The lowest accuracy of an output, and its difference from the accuracy of the source."""
    if each.accuracy is None:
        return ""
    own, source = each.accuracy
    return Both(rate(own), points(own - source), own)
