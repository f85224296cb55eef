"""The sections on how close the model is to its source, on the data."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from rnnlite_pipeline.report import svg
from rnnlite_pipeline.report.html import section, table

if TYPE_CHECKING:
    from rnnlite_pipeline.sources.model import Array
    from rnnlite_pipeline.verify.evidence import Evidence

#: The bins of the error histogram: next to nothing, then by powers of ten.
EDGES = (0.0, *(10.0**e for e in range(-9, 1)))

#: How many values of an output the scatter shows.
DOTS = 500


def accuracy(evidence: Evidence) -> str:
    """How often each output is right, where the data has labels."""
    rows = [
        (a.output, a.kernels, f"{a.samples:,}", f"{a.source:.2%}", f"{a.litert:.2%}")
        for a in evidence.accuracy
    ]
    return section("Accuracy", table(("output", "kernels", "#samples", "#source", "#LiteRT"), rows))


def profile(evidence: Evidence, output: str) -> str:
    """The errors of one output: over time, how large, and against the source."""
    source, model = evidence.profiles[output]
    if source.dtype.kind != "f" or source.shape != model.shape:
        return ""
    error = np.abs(source.astype(np.float64) - model.astype(np.float64))
    charts = ""
    if error.ndim >= 3:
        steps = error.max(axis=tuple(a for a in range(error.ndim) if a != 1), initial=0.0)
        charts = "<h3>Largest error at each time step</h3>" + svg.line(
            [float(step) for step in steps], "time step", _limit(evidence, output)
        )
    counts, edges = _binned(error)
    charts += f"<h3>How large the errors of {error.size:,} values are</h3>" + svg.histogram(
        counts, edges, "absolute error (bars logarithmic)"
    )
    return section(
        f"Output “{output}” on the data, default kernels", charts + _scatter(*_pairs(source, model))
    )


def _pairs(source: Array, model: Array) -> tuple[Array, Array]:
    """The finite values of both, thinned out evenly, the first and the last kept."""
    finite = np.isfinite(source) & np.isfinite(model)
    both = source[finite], model[finite]
    places = np.linspace(0, max(both[0].size - 1, 0), min(DOTS, both[0].size)).round().astype(int)
    return both[0][places], both[1][places]


def _scatter(source: Array, model: Array) -> str:
    title = f"The model's values over the source's, {len(source):,} of them"
    return f"<h3>{title}</h3>" + svg.scatter(
        [float(v) for v in source], [float(v) for v in model], "the source's value"
    )


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
