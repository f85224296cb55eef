"""The stage batch: runs source and model on a part of the verification data.

It makes no check. The stage verify combines the parts (`verify/batches.py`) and checks them.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from rnnlite_pipeline.compare.batch_axis import batch_axes, batch_first
from rnnlite_pipeline.graph.read import read_model
from rnnlite_pipeline.sources.opening import open_source
from rnnlite_pipeline.state import described
from rnnlite_pipeline.steps import step
from rnnlite_pipeline.verify.batches import Parts, made_of, run_part
from rnnlite_pipeline.verify.carried import fed_by_hand
from rnnlite_pipeline.verify.cases import cases
from rnnlite_pipeline.verify.data import samples_of
from rnnlite_pipeline.verify.oracle import oracles
from rnnlite_pipeline.verify.quantized import open_runners
from rnnlite_pipeline.verify.runs import runs_of

if TYPE_CHECKING:
    from rnnlite_pipeline.config import Config
    from rnnlite_pipeline.config.part import Part


def batch(config: Config, out: Path, part: Part) -> None:
    """Writes the outputs of a part of the data.

    Args:
        config: The model's config.
        out: The folder with model.tflite.
        part: Which one.

    Raises:
        VerificationFailed: The data is not the source's, or the source cannot run on it.
    """
    content = (out / "model.tflite").read_bytes()
    imported = (out / ".work" / "source.tflite").read_bytes()
    step("opening the source")
    states = described(read_model(content))
    source = fed_by_hand(open_source(config), states)
    axes = batch_axes(source.inputs, source.run, source.limits)
    first = batch_first(source, axes)
    data = next(cases(samples_of(config, first), first.inputs, source.limits))
    runs = runs_of(open_runners(content, config), states, axes)
    held_to = tuple(dict.fromkeys(oracles(source, axes, runs).values()))
    step(f"running part {part} of the data")
    ran = run_part(part, data, held_to, runs)
    Parts(out, partial(made_of, config, content, imported)).write(part, ran)
