"""The lines that a run prints about the results of a stage."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from rnnlite_pipeline.files import near
from rnnlite_pipeline.tasks.plan import Plan


def inspection(plan: Plan) -> str:
    """The table of `inspect`."""
    return f"\n{plan.name}\n" + (plan.out / "inspect.txt").read_text(encoding="utf-8")


def benchmark(plan: Plan) -> str:
    """The table of `benchmark`."""
    return f"\n{plan.name}\n" + (plan.out / "benchmark.txt").read_text(encoding="utf-8")


def conversion(plan: Plan) -> str:
    """Where the model is, and its size."""
    return _file(plan.out / "model.tflite")


def verification(plan: Plan) -> str:
    """Where the report is, and what was measured."""
    return _file(plan.out / "report.html") + measured(plan)


def packaging(plan: Plan) -> str:
    """Where the release is, and what was measured."""
    return _file(plan.out / "dist" / f"{plan.name}-{plan.config.version}.zip") + measured(plan)


def measured(plan: Plan) -> str:
    """The headline figures of verification.json."""
    told = json.loads((plan.out / "verification.json").read_text(encoding="utf-8"))
    relative = [
        float(check["max_abs_error"]) / float(check["scale"])
        for check in told.get("checks", ())
        if check.get("scale") and "max_abs_error" in check and "rounding" not in check
    ]
    parts = f" ({max(relative):.2g} of the output's scale)" if relative else ""
    lines = [f"largest difference from the source: {told['max_abs_error']:.2g}{parts}"]
    rates: dict[str, list[Any]] = {}
    for each in told["accuracy"]:
        rates.setdefault(each["output"], []).append(each)
    for output, measured in rates.items():
        worst = min(measured, key=lambda each: each["litert"])
        lines.append(
            f"accuracy of {output} on {worst['samples']} samples: "
            f"{worst['litert']:.4f}, the source's {worst['source']:.4f}"
        )
    return "".join(f"  {line}\n" for line in lines)


def _file(path: Path) -> str:
    return f"{near(path)} ({path.stat().st_size:,} bytes)\n"
