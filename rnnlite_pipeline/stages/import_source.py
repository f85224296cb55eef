"""The stage import: converts the source to a TFLite file that still has its loops."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from rnnlite_pipeline.config.declared import source_digest
from rnnlite_pipeline.files import write_atomically
from rnnlite_pipeline.sources.opening import describe, open_source
from rnnlite_pipeline.sources.to_tflite import to_tflite
from rnnlite_pipeline.steps import step

if TYPE_CHECKING:
    from rnnlite_pipeline.config import Config


def import_source(config: Config, out: Path) -> None:
    """The stage import: writes `.work/source.tflite` and `.work/source.json` into `out`.

    It runs in a child process, because TensorFlow's converter can crash. It prints each step before
    the step begins, so that the log shows where a crash happened.

    Raises:
        SourceError: The source cannot be read or built.
        NotConvertible: TensorFlow's converter refuses it, or it keeps state.
    """
    step(f"opening the source of {config.name} ({config.source.format})")
    source = open_source(config)
    work = out / ".work"
    as_custom = config.converter.allow_custom_ops and not config.converter.select_tf_ops
    told = {"of": source_digest(config), **describe(source)}
    write_atomically(work / "source.tflite", to_tflite(source, as_custom=as_custom))
    write_atomically(work / "source.json", json.dumps(told, indent=2).encode() + b"\n")
    print("imported.", flush=True)
