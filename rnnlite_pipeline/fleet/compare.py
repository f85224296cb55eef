"""The releases of one config beside each other: `DIR/NAME/variants.json` and `variants.html`.

Each figure is taken from what the stages left: the size of model.tflite, verification.json, and
benchmark.json where it was measured on this very model. A release that is not there, or did not
pass, has its row too, and says so.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from rnnlite_pipeline.files import write_atomically
from rnnlite_pipeline.report.figures import error, share, size, time
from rnnlite_pipeline.report.html import Both, Cell, Mark, table
from rnnlite_pipeline.report.results import Results
from rnnlite_pipeline.report.templating import templates
from rnnlite_pipeline.tasks.plan import Plan

#: The names of the files.
JSON, PAGE = "variants.json", "variants.html"


def write_comparisons(plans: Sequence[Plan]) -> list[Path]:
    """Writes both files for each config of which several releases are here; returns the pages.

    Args:
        plans: Releases of any configs.
    """
    pages = []
    for base in plans:
        releases = [plan for plan in plans if plan.path == base.path]
        if base.config.variant or len(releases) < 2:
            continue
        rows = [Row.of(plan) for plan in releases]
        content = {"name": base.name, "releases": [row.as_json() for row in rows]}
        text = json.dumps(content, indent=2, ensure_ascii=False)
        write_atomically(base.out / JSON, f"{text}\n".encode())
        write_atomically(base.out / PAGE, page(base.name, rows).encode())
        pages.append(base.out / PAGE)
    return pages


@dataclass(frozen=True)
class Row:
    """The results of one release; what was not made or measured is None or empty.

    Attributes:
        name: Its name.
        version: Its version.
        scheme: How it is quantized.
        runtimes: Its targets.
        passed: Whether it was verified; None where that was not tried.
        bytes: The size of its model.
        max_abs_error: The largest error.
        held: How it was checked for each target: "run", "compiled", "by table" or "no".
        accuracy: The lowest, by output.
        median_ms: The median time of a call, in milliseconds.
    """

    name: str
    version: str
    scheme: str
    runtimes: tuple[str, ...]
    passed: bool | None = None
    bytes: int | None = None
    max_abs_error: float | None = None
    held: Mapping[str, str] = field(default_factory=dict)
    accuracy: Mapping[str, float] = field(default_factory=dict)
    median_ms: float | None = None

    @classmethod
    def of(cls, plan: Plan) -> Row:
        """The release of a plan, by the files that its stages left."""
        config, model = plan.config, plan.out / "model.tflite"
        row = cls(plan.name, config.version, config.quantization.scheme, config.meant_for)
        if not model.is_file():
            failed = plan.out / "model.failed.tflite"
            return replace(row, passed=False if failed.is_file() else None)
        found = Results.of(plan.out)
        return replace(
            row,
            passed=found.passed,
            bytes=model.stat().st_size,
            max_abs_error=found.error,
            held=found.held,
            accuracy=found.accuracies,
            median_ms=found.milliseconds,
        )

    def as_json(self) -> dict[str, Any]:
        """The fields that are known, and `passed`."""
        known = {k: v for k, v in asdict(self).items() if v is not None and v != {}}
        return known | {"passed": self.passed}

    def cells(self, first: Row) -> tuple[Cell, ...]:
        """The row of the page; size and time beside those of the first release."""
        return (
            "not verified" if self.passed is None else Mark(self.passed),
            self.name,
            self.version,
            self.scheme,
            ", ".join(self._target(name) for name in self.runtimes),
            _beside(self.bytes, first.bytes, size),
            "" if self.max_abs_error is None else error(self.max_abs_error),
            ", ".join(f"{rate:.2%}" for rate in self.accuracy.values()),
            _beside(self.median_ms, first.median_ms, time),
        )

    def _target(self, name: str) -> str:
        """A target, and how the release was checked for it: `tflm (run)`."""
        return f"{name} ({self.held[name]})" if name in self.held else name


def _beside(value: float | None, first: float | None, shown: Callable[[Any], str]) -> Cell:
    if value is None or not first or value == first:
        return "" if value is None else shown(value)
    return Both(shown(value), f"{share(value, first)} of the first", value)


def page(name: str, rows: Sequence[Row]) -> str:
    """The table as a page; there is no column of times where nothing was measured."""
    columns: tuple[str, ...] = ("verified", "release", "version", "scheme", "targets", "#size")
    columns += ("#largest error", "#accuracy", "#time")
    cells = [row.cells(rows[0]) for row in rows]
    if not any(row[-1] for row in cells):
        columns, cells = columns[:-1], [row[:-1] for row in cells]
    template = templates("rnnlite_pipeline.report").get_template("comparison.html.jinja")
    return template.render(name=name, table=table(columns, cells))
