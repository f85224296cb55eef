"""What verification does differently for a quantized model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from rnnlite_pipeline.graph.affine import from_integers, to_integers
from rnnlite_pipeline.graph.edit import ensure_signature
from rnnlite_pipeline.graph.ir import Model, Tensor
from rnnlite_pipeline.graph.read import read_model
from rnnlite_pipeline.runtimes.compiled_runner import CompiledRunner
from rnnlite_pipeline.runtimes.interpreter import Runner
from rnnlite_pipeline.runtimes.micro import MicroRunner
from rnnlite_pipeline.runtimes.partition import PartitionedRunner, open_runner
from rnnlite_pipeline.runtimes.runners import open_runner as open_target
from rnnlite_pipeline.runtimes.web import WebRunner
from rnnlite_pipeline.sources.model import Array, TensorSpec
from rnnlite_pipeline.verify.cases import Case
from rnnlite_pipeline.verify.runs import KERNELS
from rnnlite_pipeline.verify.targets import runs_on

if TYPE_CHECKING:
    from rnnlite_pipeline.config import Config


#: A model on one set of kernels.
AnyRunner = Runner | PartitionedRunner | MicroRunner | CompiledRunner | WebRunner


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


class RealRunner:
    """Runs a model with an integer interface on real numbers, as an application does.

    Integers are fed as they are: a source that takes some has them in its data.

    Args:
        runner: The model on some kernels.
        model: The same model's graph, for the scales.
        plain: Whether results stay as the model stores them.

    Attributes:
        kernels: Which kernels run it.
        on_tensorflow: The ops that TensorFlow runs, because LiteRT lacks them.
        stood_in: The ops that nobody here can run, each with the reason.
    """

    def __init__(
        self,
        runner: AnyRunner,
        model: Model,
        *,
        plain: bool = False,
    ) -> None:
        self._runner = runner
        self.kernels: str = runner.kernels
        self.note = runner.note
        parted = runner if isinstance(runner, PartitionedRunner) else None
        self.on_tensorflow = parted.on_tensorflow if parted else ()
        self.stood_in = parted.stood_in if parted else {}
        signature = model.signatures[0]
        self._inputs = _integers(signature.inputs)
        self._outputs = {} if plain else _integers(signature.outputs)

    @property
    def arena_bytes(self) -> int:
        """What TFLM's tensors took; 0 on LiteRT."""
        return self._runner.arena_bytes if isinstance(self._runner, MicroRunner) else 0

    def reset(self) -> None:
        """Gives the states that the model keeps their first values."""
        self._runner.reset()

    def run(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        """Real arrays in and out, whatever the model's own types."""
        feed = dict(inputs)
        for name, tensor in self._inputs.items():
            if inputs[name].dtype.kind == "f":
                feed[name] = to_integers(inputs[name], tensor)
        results = self._runner.run(feed)
        for name, tensor in self._outputs.items():
            results[name] = from_integers(results[name], tensor)
        return results


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


def _integers(named: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {n: t for n, t in named.items() if t.quantization and t.quantization.scale}
