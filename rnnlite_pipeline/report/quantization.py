"""The section on a quantized model: which ops were quantized, the loss, and the smaller size."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from rnnlite_pipeline.graph.loop_names import of_layer
from rnnlite_pipeline.report import svg
from rnnlite_pipeline.report.evidence import Evidence
from rnnlite_pipeline.report.figures import error, plural, points, rate, share, size
from rnnlite_pipeline.report.html import Cell, Section, section, table

#: The word in `quantization.ops` of verification.json for an op that was not changed.
FLOAT = "float32"

#: What each outcome means, in the order of the summary.
FORMS = {
    FLOAT: "computes with float32 weights and values",
    "float16 weights": "stores float16 weights, computes with float32",
    "int8 weights": "stores int8 weights, takes and gives float32",
    "int8": "computes with int8 weights and values",
    "int16x8": "computes with int8 weights and int16 values",
}

#: How many kinds of ops a row of the summary names.
NAMED = 5

#: How many recurrent layers have a chart of their noise: those with the most.
CHARTS = 4


def quantization(evidence: Evidence) -> Section | None:
    """The outcome of each op, the loss and the gain; None for a model that is not quantized."""
    said = evidence.facts.quantization
    if not said:
        return None
    ops = said["ops"]
    details = table(("op", "name", "became", "why"), [_op(each) for each in ops])
    worst = [(_value(each), f"{each['snr_db']:.1f}") for each in said.get("worst", ())]
    return section(
        "quantization",
        f"Quantization: {said['scheme']}",
        sentences=[_became(ops), *_cost(evidence, said), _gain(said["bytes"])],
        summary=table(("became", "#ops", "which", "why"), _summary(ops)),
        details=details,
        count=plural(len(ops), "op"),
        **_charts(said.get("recurrent", ())),
        noisiest=table(("value", "#signal to noise, dB"), worst),
        not_measured=said.get("not_measured", ""),
    )


def _became(ops: Sequence[Mapping[str, Any]]) -> tuple[str, str]:
    """The first sentence: the number of ops with each outcome."""
    counts = Counter(op["became"] for op in ops)
    left = counts.pop(FLOAT, 0)
    made = " and ".join(f"{count:,} became {form}" for form, count in counts.items())
    rest = f"{left:,} stayed in {FLOAT}; the table says why" if left else "none stayed in float32"
    whole = f"Of {plural(len(ops), 'op')} that could be quantized"
    return "What changed", f"{whole}, {made + '; ' if made else ''}{rest}."


def _cost(evidence: Evidence, said: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The sentences on error, accuracy and noise."""
    parts = []
    if worst := evidence.worst:
        off = worst.max_abs_error or 0.0
        part = share(off, worst.limit or 0.0)
        parts.append(f"the largest error is {error(off)}{f', {part} of the limit' if part else ''}")
    if evidence.accuracy:
        each = min(evidence.accuracy, key=lambda a: a.litert - a.source)
        parts.append(
            f"accuracy is {rate(each.litert)} where the source has {rate(each.source)}"
            f" ({points(each.litert - each.source)})"
        )
    if noisy := said.get("worst"):
        parts.append(
            f"the noisiest value, {_value(noisy[0])}, is {noisy[0]['snr_db']:.1f} dB above its"
            " noise"
        )
    text = "; ".join(parts)
    return [("What it cost", f"{text[:1].upper()}{text[1:]}.")] if parts else []


def _gain(bytes_: Mapping[str, Any]) -> tuple[str, str]:
    before, after = bytes_["float"], bytes_["quantized"]
    if before == after:
        return "What it did to the size", f"{size(after)}, as large as in float."
    way = "smaller" if after < before else "larger"
    change = share(abs(before - after), before)
    said = f"{size(after)} instead of {size(before)} in float: {change} {way}."
    return "What it gained" if after < before else "What it did to the size", said


def _summary(ops: Sequence[Mapping[str, Any]]) -> list[list[Cell]]:
    """One row for each outcome and reason, with ops that stayed in float first."""
    groups: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for op in ops:
        groups.setdefault((op["became"], op.get("reason", "")), []).append(op)
    order = list(FORMS)
    ranked = sorted(groups, key=lambda key: order.index(key[0]) if key[0] in order else 9)
    return [
        [
            became,
            f"{len(groups[became, reason]):,}",
            _which(groups[became, reason]),
            reason or FORMS.get(became, ""),
        ]
        for became, reason in ranked
    ]


def _which(ops: Sequence[Mapping[str, Any]]) -> str:
    """The ops by name if they are few, otherwise counted by kind."""
    if len(ops) <= NAMED:
        return ", ".join(f"{op['op']} {of_layer(op['name'].split(';')[0])}" for op in ops)
    kinds = Counter(op["op"] for op in ops).most_common()
    named = ", ".join(f"{count} {code}" for code, count in kinds[:NAMED])
    rest = sum(count for _, count in kinds[NAMED:])
    return f"{named} and {plural(rest, 'other')}" if rest else named


def _op(each: Mapping[str, Any]) -> Sequence[str]:
    name, inside = of_layer(each["name"]), of_layer(each.get("inside", ""))
    where = f" in {inside}" if inside and not name.startswith(f"{inside}/") else ""
    return each["op"], name + where, each["became"], each.get("reason", "")


def _charts(layers: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Charts of the noise at each step of the noisiest layers, and a sentence on the others."""
    noisiest = sorted(layers, key=lambda layer: float(layer["snr_db"]))
    rest = noisiest[CHARTS:]
    verb = "is" if len(rest) == 1 else "are"
    said = f"{plural(len(rest), 'layer')} with less noise {verb} not shown." if rest else ""
    return {"charts": [_chart(each) for each in noisiest[:CHARTS]], "uncharted": said}


def _chart(layer: Mapping[str, Any]) -> dict[str, Any]:
    steps = [float(step) for step in layer["snr_db_by_step"]]
    drawn = svg.line(steps, "time step", "signal to noise, dB")
    return {"title": f"{_value(layer)}: {layer['snr_db']:.1f} dB in all", "drawn": drawn}


def _value(each: Mapping[str, Any]) -> str:
    """The name of a value: the layer that computes it, or else its tensor."""
    return str(each.get("value", each["tensor"])).split(";")[0]
