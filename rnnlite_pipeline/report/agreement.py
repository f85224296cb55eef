"""The sections on how close the outputs of the model are to those of its source."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from rnnlite_pipeline.report import svg
from rnnlite_pipeline.report.evidence import Evidence
from rnnlite_pipeline.report.figures import error, share
from rnnlite_pipeline.report.html import Section, pairs, section

if TYPE_CHECKING:
    from rnnlite_pipeline.sources.model import Array

#: The lower edges of the bins of the error histogram: 0, then powers of ten.
EDGES = (0.0, *(10.0**e for e in range(-9, 1)))

#: How many values of an output the scatter shows.
DOTS = 500

#: The words for the samples, by the name of their case. Random samples come last, because they are
#: run in addition to the others (verify/data.py).
_SAMPLES = {"data": "the data", "calibration": "the calibration data", "random": "random input"}


def profiles(evidence: Evidence) -> list[Section]:
    """A section for each float output: its errors at each step, their sizes, and a scatter plot."""
    found = []
    for number, output in enumerate(evidence.profiles):
        source, model = evidence.profiles[output]
        if source.dtype.kind == "f" and source.shape == model.shape:
            kernels = evidence.profiled_on.get(output, "default")
            found.append(
                section(
                    f"agreement-{number}",
                    f"Agreement of “{output}”",
                    template="agreement",
                    note=f"On {_samples(evidence, output)}, with the {kernels} kernels.",
                    figures=pairs(_figures(source, model)),
                    charts=_charts(source, model, _limit(evidence, output)),
                )
            )
    return found


def _samples(evidence: Evidence, output: str) -> str:
    """The samples on which the output was compared: the config's data, or what replaces it."""
    cases = {check.data for check in evidence.checks if check.output == output}
    return next((said for name, said in _SAMPLES.items() if name in cases), "the data")


def _figures(source: Array, model: Array) -> list[tuple[str, str]]:
    """Absolute errors, each also as a share of the largest value of the source."""
    finite = np.isfinite(source) & np.isfinite(model)
    true, off = source[finite].astype(np.float64), _error(source, model)[finite]
    if not true.size:
        return []
    largest = float(np.abs(true).max())
    measures = {
        "largest error": float(off.max()),
        "mean error": float(off.mean()),
        "99% of the errors are below": float(np.quantile(off, 0.99)),
    }
    rows = [(name, _relative(value, largest)) for name, value in measures.items()]
    return [*rows, ("largest value of the source", f"{largest:.3g}")]


def _relative(value: float, largest: float) -> str:
    part = share(value, largest)
    return f"{error(value)}{f', {part} of the largest value' if part else ''}"


def _charts(source: Array, model: Array, limit: float) -> list[dict[str, Any]]:
    off = _error(source, model)
    charts = []
    if off.ndim >= 3:
        steps = off.max(axis=tuple(a for a in range(off.ndim) if a != 1), initial=0.0)
        drawn = svg.line([float(step) for step in steps], "time step", "largest error", limit)
        charts.append({"title": "Largest error at each time step", "drawn": drawn})
    counts, edges = _binned(off)
    finite = int(np.isfinite(off).sum())
    title = f"How large the errors of {finite:,} values are"
    if finite < off.size:
        title += f"; {off.size - finite:,} values are not finite"
    drawn = svg.histogram(counts, edges, "absolute error", "values (logarithmic)")
    charts.append({"title": title, "drawn": drawn})
    theirs, ours = _pairs(source, model)
    drawn = svg.scatter(
        [float(v) for v in theirs],
        [float(v) for v in ours],
        "the source's value",
        "the model's value",
    )
    title = f"The model's values over the source's, {len(theirs):,} of them"
    return [*charts, {"title": title, "drawn": drawn}]


def _error(source: Array, model: Array) -> Array:
    with np.errstate(invalid="ignore"):
        return np.abs(source.astype(np.float64) - model.astype(np.float64))


def _pairs(source: Array, model: Array) -> tuple[Array, Array]:
    """At most `DOTS` pairs of finite values, at equal distances, with the first and the last."""
    finite = np.isfinite(source) & np.isfinite(model)
    both = source[finite], model[finite]
    places = np.linspace(0, max(both[0].size - 1, 0), min(DOTS, both[0].size)).round().astype(int)
    return both[0][places], both[1][places]


def _binned(error: Array) -> tuple[list[int], list[float]]:
    """The number of errors in each bin, up to the last bin that is not empty; and the edges."""
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
