"""Evidence to a page a person reads: the verdict first, then the figures it rests on."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import TYPE_CHECKING, Any

from rnnlite_pipeline.latency import rows
from rnnlite_pipeline.report.about import (
    About,
    interface,
    provenance,
    recurrences,
    sizes,
)
from rnnlite_pipeline.report.agreement import accuracy, profile
from rnnlite_pipeline.report.checks import comparisons, failures, others
from rnnlite_pipeline.report.graph import graphs
from rnnlite_pipeline.report.html import size
from rnnlite_pipeline.report.latency import counted
from rnnlite_pipeline.report.quantization import quantization
from rnnlite_pipeline.report.style import STYLE

if TYPE_CHECKING:
    from rnnlite_pipeline.verify.evidence import Evidence


def render(evidence: Evidence, about: About | None = None) -> str:
    """The report of a verification, HTML.

    Args:
        evidence: What was found.
        about: The model; None where the verification broke off before it was read.
    """
    name = escape(str(evidence.facts.get("name", "model")))
    sections = [
        _summary(evidence, about),
        failures(evidence),
        *(
            (interface(about), graphs(about.source, about.model), recurrences(about))
            if about
            else ()
        ),
        accuracy(evidence),
        quantization(evidence.facts.get("quantization")),
        counted(rows(about.model, about.layers)) if about else "",
        *(profile(evidence, output) for output in evidence.profiles),
        comparisons(evidence),
        others(evidence),
        sizes(evidence.facts),
        provenance(evidence.facts, about),
    ]
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{name}: verification</title><style>{STYLE}</style></head><body><main>"
        f"{''.join(filter(None, sections))}</main></body></html>\n"
    )


def _summary(evidence: Evidence, about: About | None) -> str:
    passed, facts = evidence.passed, evidence.facts
    name, told = str(facts.get("name", "model")), about.config.metadata if about else None
    shown = "".join(
        f'<div class="tile"><b>{escape(value)}</b><span>{title}</span></div>'
        for title, value in _tiles(evidence)
        if value
    )
    described = (
        f'<p class="about">{escape(told.description)}</p>' if told and told.description else ""
    )
    version = f" {about.config.version}" if about else ""
    ops = ", ".join(facts.get("unverified_ops", {}))
    unverified = escape(f", except {ops}") if ops and passed else ""
    return (
        f'<header><p class="verdict {"good" if passed and not unverified else "bad"}">'
        f"{'Verified' if passed else 'Not verified'}{unverified}</p>"
        f"<h1>{escape(name + version)}</h1>{_elsewhere(facts)}"
        f'{described}<p class="digest">pipeline {escape(str(facts.get("pipeline", "")))} · sha256 '
        f'{escape(str(facts.get("model_sha256", "")))}</p><div class="tiles">{shown}</div></header>'
    )


def _elsewhere(facts: Mapping[str, Any]) -> str:
    """The ops that LiteRT lacks."""
    said = [
        f"{op} is not verified ({reason}); another function took its place in source and model."
        for op, reason in facts.get("unverified_ops", {}).items()
    ]
    if ops := facts.get("ops_on_tensorflow"):
        said.append(f"TensorFlow ran {', '.join(ops)}; LiteRT needs the Flex delegate for them.")
    return "".join(f'<p class="about">{escape(each)}</p>' for each in said)


def _tiles(evidence: Evidence) -> list[tuple[str, str]]:
    facts, error = evidence.facts, evidence.max_abs_error
    bytes_ = facts.get("bytes", {}).get("model")
    worst = min((each.litert for each in evidence.accuracy), default=None)
    return [
        ("checks passed", f"{sum(c.passed for c in evidence.checks)} of {len(evidence.checks)}"),
        ("largest error", "" if error is None else f"{error:.1e}"),
        ("tolerance", f"{facts['tolerance']:.0e}" if "tolerance" in facts else ""),
        ("accuracy", "" if worst is None else f"{worst:.2%}"),
        ("size", "" if bytes_ is None else size(bytes_)),
    ]
