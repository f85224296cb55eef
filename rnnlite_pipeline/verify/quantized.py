"""What verification does differently for a quantized model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from rnnlite_pipeline.graph.edit import ensure_signature
from rnnlite_pipeline.graph.read import read_model
from rnnlite_pipeline.runtimes.compiled_runner import CompiledRunner
from rnnlite_pipeline.runtimes.micro import MicroRunner
from rnnlite_pipeline.runtimes.partition import open_runner
from rnnlite_pipeline.runtimes.runners import open_runner as open_target
from rnnlite_pipeline.runtimes.web import WebRunner
from rnnlite_pipeline.sources.model import TensorSpec
from rnnlite_pipeline.verify.application import AnyRunner, RealRunner
from rnnlite_pipeline.verify.cases import Case
from rnnlite_pipeline.verify.runs import KERNELS
from rnnlite_pipeline.verify.targets import runs_on

if TYPE_CHECKING:
    from rnnlite_pipeline.config import Config


def open_runners(content: bytes, config: Config) -> list[RealRunner]:
    """The model on every set of kernels of every runtime the config names.

    Where the source is a .tflite file, an op that nobody here can run is stood in for, in the model
    as in the source; any other source has run all of its ops.
    """
    model, runtimes = read_model(content), runs_on(config).names
    ensure_signature(model)
    stand_ins = config.source.format == "tflite"
    opened: list[AnyRunner] = []
    if "litert" in runtimes:
        opened += [
            open_runner(model, kernels, content=content, stand_ins=stand_ins) for kernels in KERNELS
        ]
    for name in runtimes:
        if name != "litert":
            runner = open_target(name, content)
            assert isinstance(runner, MicroRunner | CompiledRunner | WebRunner)
            opened.append(runner)
    plain = config.quantization.scheme == "none"  # integers are then the source's own
    return [RealRunner(runner, model, plain=plain) for runner in opened]


def interface(specs: Sequence[TensorSpec], dtype: str) -> list[TensorSpec]:
    """What a source's inputs or outputs become under `input_type` or `output_type`."""
    return [replace(s, dtype=dtype) if s.dtype == "float32" else s for s in specs]


def is_judged(case: Case, config: Config) -> bool:
    """Whether a model's error on a case means something.

    On input outside what it was made for, a quantized model saturates where its source does not.
    Ranges that were measured on data say nothing of random input either.
    """
    if config.quantization.scheme == "none":
        return True
    return not case.extreme and not (config.quantization.calibration and case.drawn)
