"""The page with the results of a verification: first the verdict, then the figures behind it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from markupsafe import Markup

from rnnlite_pipeline.latency import rows
from rnnlite_pipeline.report.about import interface, provenance, sizes
from rnnlite_pipeline.report.accuracy import accuracy
from rnnlite_pipeline.report.agreement import profiles
from rnnlite_pipeline.report.checks import comparisons, failures, others
from rnnlite_pipeline.report.evidence import About, Evidence, Facts
from rnnlite_pipeline.report.figures import error, points, rate, share, size
from rnnlite_pipeline.report.graph import graphs
from rnnlite_pipeline.report.html import Section, rendered
from rnnlite_pipeline.report.latency import counted
from rnnlite_pipeline.report.layers import recurrences
from rnnlite_pipeline.report.quantization import quantization
from rnnlite_pipeline.report.runs_on import runs_on
from rnnlite_pipeline.report.search import TRIED
from rnnlite_pipeline.report.slots import slot

#: The slot that the stage report fills with measured times.
WORK = "work"


def render(evidence: Evidence, about: About | None = None) -> str:
    """The report of a verification, HTML.

    Args:
        evidence: The results of the verification.
        about: The model; None if the verification ended before the model was read.
    """
    parts: list[tuple[str, Section | None]] = [("", failures(evidence))]
    parts += [("", runs_on(evidence.facts.targets)), ("", quantization(evidence))]
    if about and about.config.quantization.max_accuracy_drop is not None:
        parts.append((TRIED, None))
    if about:
        parts += [("", part) for part in (interface(about), graphs(about), recurrences(about))]
    parts.append(("", accuracy(evidence, about)))
    if about:
        parts.append((WORK, counted(rows(about.model, about.layers))))
    parts += [("", part) for part in profiles(evidence)]
    parts += [("", part) for part in (comparisons(evidence), others(evidence))]
    parts += [("", part) for part in (sizes(evidence.facts), provenance(evidence.facts, about))]
    return str(
        rendered(
            "report.html.jinja",
            {
                "name": evidence.facts.name,
                "header": _header(evidence, about),
                "contents": [_placed(name, entry, part) for name, part in parts],
                "sections": [_placed(name, whole, part) for name, part in parts],
            },
        )
    )


def entry(part: Section) -> Markup:
    """A section's line in the table of contents."""
    return rendered("entry.html.jinja", {"section": part})


def whole(part: Section) -> Markup:
    """A section as HTML."""
    return rendered("section.html.jinja", {"section": part})


def contents_slot(name: str) -> str:
    """The name of the slot for the same section in the table of contents."""
    return f"contents-{name}"


def _placed(name: str, shown: Any, part: Section | None) -> Markup:
    html = shown(part) if part else Markup("")
    if not name:
        return html
    return slot(contents_slot(name) if shown is entry else name, html)


def _header(evidence: Evidence, about: About | None) -> dict[str, Any]:
    facts, config = evidence.facts, about.config if about else None
    described = config and config.metadata and config.metadata.description
    made = (("pipeline", facts.pipeline), ("sha256", facts.model_sha256))
    ops = ", ".join(facts.unverified_ops)
    verdict = "Verified" if evidence.passed else "Not verified"
    except_ = f", except {ops}" if ops and evidence.passed else ""
    return {
        "good": evidence.passed and not except_,
        "verdict": verdict + except_,
        "title": f"{facts.name}{f' {config.version}' if config else ''}",
        "about": [*filter(None, [described]), *_elsewhere(facts)],
        "made": [f"{title} {value}" for title, value in made if value],
        "tiles": [tile for tile in _tiles(evidence) if tile["value"]],
    }


def _elsewhere(facts: Facts) -> list[str]:
    """Sentences on ops that LiteRT lacks."""
    sentences = [
        f"{op} is not verified ({reason}); another function took its place in source and model."
        for op, reason in facts.unverified_ops.items()
    ]
    if ops := ", ".join(facts.ops_on_tensorflow):
        sentences.append(f"TensorFlow ran {ops}; LiteRT needs the Flex delegate for them.")
    return sentences


def _tiles(evidence: Evidence) -> Sequence[dict[str, str]]:
    """The figures at the top of the page, each with a relative figure below it."""
    facts = evidence.facts
    passed, made = sum(c.passed for c in evidence.checks), len(evidence.checks)
    return [
        _tile("checks passed", f"{passed} of {made}", share(passed, made)),
        _error_tile(evidence),
        *_accuracy_tiles(evidence),
        *_size_tiles(facts),
    ]


def _tile(title: str, value: str, under: str = "") -> dict[str, str]:
    return {"title": title, "value": value, "under": under}


def _error_tile(evidence: Evidence) -> dict[str, str]:
    worst = evidence.worst
    if worst is None:
        return _tile("largest error", "")
    part = share(worst.max_abs_error or 0.0, worst.limit or 0.0)
    under = f"{part} of the limit, {error(worst.limit)}" if part and worst.limit else ""
    return _tile("largest error", error(worst.max_abs_error or 0.0), under)


def _accuracy_tiles(evidence: Evidence) -> Iterable[dict[str, str]]:
    for worst in sorted(evidence.accuracy, key=lambda a: a.litert)[:1]:
        under = f"source {rate(worst.source)}, {points(worst.litert - worst.source)}"
        yield _tile("accuracy", rate(worst.litert), under)


def _size_tiles(facts: Facts) -> Iterable[dict[str, str]]:
    if not facts.bytes:
        return
    own = facts.bytes["model"]
    if facts.quantization:
        before, what = facts.quantization["bytes"]["float"], "the float model"
    else:
        before, what = facts.bytes["source"], "the imported graph"
    yield _tile("size", size(own), f"{share(own, before)} of {what}")
