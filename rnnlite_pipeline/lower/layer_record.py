"""What convert writes for later stages: each recurrent layer, its equations, its op."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from rnnlite_pipeline.files import write_atomically
from rnnlite_pipeline.lower.layers import Layer

_NAME = "layers.json"


def leave_layers(out: Path, layers: Iterable[Layer]) -> None:
    """Writes `out/.work/layers.json`."""
    text = json.dumps([_record(layer) for layer in layers], indent=2, ensure_ascii=False)
    write_atomically(out / ".work" / _NAME, f"{text}\n".encode())


def read_layers(out: Path) -> list[dict[str, Any]]:
    """What `leave_layers` wrote; empty for a model that convert did not make."""
    path = out / ".work" / _NAME
    layers: list[dict[str, Any]] = json.loads(path.read_text("utf-8")) if path.is_file() else []
    return layers


def _record(layer: Layer) -> dict[str, Any]:
    record: dict[str, Any] = {"name": layer.name, "op": layer.op, "reason": layer.reason}
    record["scope"] = layer.scope or layer.name
    if layer.recurrence is None:
        return record
    cell = layer.recurrence.cell
    if layer.zeros:
        record["zeros"] = layer.zeros
    return record | {
        "gain": layer.gain,
        "cell": cell.kind,
        "features": cell.own_features,
        "states": list(cell.states),
        "direction": layer.direction,
        "time_major": layer.recurrence.time_major,
        "equations": cell.text(),
    }
