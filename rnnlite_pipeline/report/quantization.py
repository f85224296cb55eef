"""The section of the report on a quantized model."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

from rnnlite_pipeline.report import svg
from rnnlite_pipeline.report.html import table


def quantization(said: dict[str, Any] | None) -> str:
    """What the scheme made of each op, what it saved, and what it cost; empty without a scheme.

    Args:
        said: The section `quantization` of verification.json.
    """
    if not said:
        return ""
    size = said["bytes"]
    sizes = f"{size['float']:,} bytes in float, {size['quantized']:,} quantized"
    parts = [
        f"<h2>Quantization: {escape(said['scheme'])}</h2>",
        f"<p>{sizes}: {size['ratio']:.2f} of it.</p>",
        table(("op", "name", "became", "why"), [_op(each) for each in said["ops"]]),
    ]
    if "not_measured" in said:
        parts.append(f"<p>Noise inside was not measured: {escape(said['not_measured'])}</p>")
    for layer in said.get("recurrent", ()):
        title = f"Signal to noise of {layer['tensor']}: {layer['snr_db']} dB"
        steps = layer["snr_db_by_step"]
        parts.append(f"<h3>{escape(title)}, at each step</h3>")
        parts.append(svg.line([float(s) for s in steps], "time step, dB"))
    if worst := said.get("worst"):
        rows = [(each["tensor"], f"{each['snr_db']:.1f}") for each in worst]
        parts.append("<h3>The noisiest values</h3>" + table(("tensor", "dB"), rows))
    return f"<section>{''.join(parts)}</section>"


def _op(each: dict[str, Any]) -> Sequence[str]:
    where = f" in {each['inside']}" if each.get("inside") else ""
    return each["op"] + where, each["name"], each["became"], each.get("reason", "")
