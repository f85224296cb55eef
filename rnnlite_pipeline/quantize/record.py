"""What convert leaves for verify: the float model, and what became of each op."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rnnlite_pipeline.files import write_atomically
from rnnlite_pipeline.quantize.outcome import Outcome

_FLOAT, _OUTCOMES = "float.tflite", "quantization.json"


def leave(out: Path, before: bytes, outcomes: Sequence[Outcome]) -> None:
    """Writes both into `out/.work`; removes them where nothing was quantized.

    Args:
        out: The model's folder.
        before: The lowered float model; empty where the scheme is none.
        outcomes: One for each op.
    """
    work = out / ".work"
    if not before:
        for name in (_FLOAT, _OUTCOMES):
            (work / name).unlink(missing_ok=True)
        return
    said = [outcome.as_json() for outcome in outcomes]
    write_atomically(work / _FLOAT, before)
    write_atomically(work / _OUTCOMES, (json.dumps(said, indent=2) + "\n").encode())


def read(out: Path) -> tuple[bytes, list[dict[str, Any]]] | None:
    """The float model and the outcomes; None where nothing was quantized."""
    work = out / ".work"
    if not (work / _FLOAT).is_file():
        return None
    return (work / _FLOAT).read_bytes(), json.loads((work / _OUTCOMES).read_text())
