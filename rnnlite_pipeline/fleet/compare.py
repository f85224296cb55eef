"""The releases of one config beside each other: `DIR/NAME/variants.json` and `variants.html`.

Each figure is taken from what the stages left: the size of model.tflite, verification.json, and
benchmark.json where it was measured on this very model. A release that is not there, or did not
pass, has its row too, and says so.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rnnlite_pipeline.config import digest
from rnnlite_pipeline.files import write_atomically
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
        rows = [row(plan) for plan in releases]
        text = json.dumps({"name": base.name, "releases": rows}, indent=2, ensure_ascii=False)
        write_atomically(base.out / JSON, f"{text}\n".encode())
        write_atomically(base.out / PAGE, page(base.name, rows).encode())
        pages.append(base.out / PAGE)
    return pages


def row(plan: Plan) -> dict[str, Any]:
    """What is known of one release.

    Returns:
        `name`, `version`, `scheme`, `runtimes` (its targets) and `passed` (null where it was not
        verified). Of a model that is there `bytes`; of a verified one `max_abs_error`, how it was
        `held` to each target and, by output, the lowest `accuracy`; of a measured one `median_ms`.
    """
    told: dict[str, Any] = {
        "name": plan.name,
        "version": plan.config.version,
        "scheme": plan.config.quantization.scheme,
        "runtimes": list(plan.config.meant_for),
        "passed": None,
    }
    model, failed = plan.out / "model.tflite", plan.out / "model.failed.tflite"
    if not model.is_file():
        return told | ({"passed": False} if failed.is_file() else {})
    sha256 = digest(model)
    told["bytes"] = model.stat().st_size
    verification = _of_model(plan.out / "verification.json", sha256)
    if verification:
        told["passed"] = verification.get("passed") is True
        told["max_abs_error"] = verification.get("max_abs_error")
        told["held"] = {
            name: each["held"] if each.get("takes") else "no"
            for name, each in verification.get("targets", {}).items()
        }
        lowest: dict[str, float] = {}
        for each in verification.get("accuracy", ()):
            name, rate = each["output"], each["litert"]
            lowest[name] = min(rate, lowest.get(name, rate))
        told["accuracy"] = lowest
    models = _of_model(plan.out / "benchmark.json", sha256).get("models", {})
    if median := models.get("model.tflite", {}).get("ms", {}).get("median"):
        told["median_ms"] = median
    return told


def page(name: str, rows: Sequence[dict[str, Any]]) -> str:
    """The table as a page."""
    from rnnlite_pipeline.report.html import table
    from rnnlite_pipeline.report.templating import templates

    columns = ("release", "version", "scheme", "targets", "passed", "#bytes")
    shown = table((*columns, "#largest error", "#accuracy", "#ms"), map(_cells, rows))
    template = templates("rnnlite_pipeline.report").get_template("comparison.html.jinja")
    return template.render(name=name, table=shown)


def _cells(told: dict[str, Any]) -> tuple[str, ...]:
    passed = {True: "✓", False: "✗", None: "not verified"}[told["passed"]]
    error, accuracy = told.get("max_abs_error"), told.get("accuracy") or {}
    return (
        told["name"],
        told["version"],
        told["scheme"],
        ", ".join(_target(name, told.get("held", {})) for name in told["runtimes"]),
        passed,
        f"{told['bytes']:,}" if "bytes" in told else "",
        f"{error:.2g}" if error is not None else "",
        ", ".join(f"{rate:.4f}" for rate in accuracy.values()),
        f"{told['median_ms']:.3f}" if "median_ms" in told else "",
    )


def _target(name: str, held: dict[str, str]) -> str:
    """A target, and how the release was held to it: `tflm (run)`."""
    return f"{name} ({held[name]})" if name in held else name


def _of_model(path: Path, sha256: str) -> dict[str, Any]:
    """What a stage said, if it is of this model; empty otherwise."""
    try:
        told = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    right = isinstance(told, dict) and told.get("model_sha256") == sha256
    return told if right else {}
