"""`int8` and `int16x8`, from the calibration data to the model."""

from __future__ import annotations

from dataclasses import replace

from rnnlite_pipeline.config import Config
from rnnlite_pipeline.errors import NotConvertible
from rnnlite_pipeline.graph.ir import Model
from rnnlite_pipeline.quantize.calibration import batches, check_alike
from rnnlite_pipeline.quantize.dynamic_range import dynamic_range
from rnnlite_pipeline.quantize.integer import IntegerGraph
from rnnlite_pipeline.quantize.kernels import RECURRENT
from rnnlite_pipeline.quantize.numbers import SCHEMES
from rnnlite_pipeline.quantize.outcome import Outcome
from rnnlite_pipeline.quantize.ranges import measure
from rnnlite_pipeline.quantize.skip import Skip


def full_integer(model: Model, config: Config, skip: Skip) -> list[Outcome]:
    """Calibrates and rewrites, in place; what has no integer form gets int8 weights (hybrid).

    Raises:
        NotConvertible: The calibration data is wrong, the layers have no integer form and
            `lowering: fused` demands it, or no runtime of the config has the kernels.
    """
    asked = config.quantization
    assert asked.calibration is not None  # the config's own rule
    inputs = model.signatures[0].inputs
    path, count = config.resolve(asked.calibration.path), asked.calibration.samples
    data = config.verification.data.path
    if data is not None:
        for warning in check_alike(path, config.resolve(data), inputs, count):
            print(f"warning: quantization.calibration: {warning}", flush=True)
    ranges = measure(model, batches(path, inputs, count))
    graph = IntegerGraph(model, asked.scheme, SCHEMES[asked.scheme], ranges, skip)
    integers = graph.run(asked.input_type, asked.output_type)
    hybrid = {} if asked.scheme == "int16x8" else {_key(o): o for o in dynamic_range(model, skip)}
    outcomes = [_merged(o, hybrid.pop(_key(o), None)) for o in integers]
    outcomes += hybrid.values()
    _check_runnable(outcomes, config)
    return outcomes


def _key(outcome: Outcome) -> tuple[str, str, str]:
    return outcome.name.removesuffix("/real"), outcome.op, outcome.inside


def _merged(integer: Outcome, hybrid: Outcome | None) -> Outcome:
    """An op that stayed float and got int8 weights after all, with the reason it is no more."""
    if hybrid is None or hybrid.became == "float32":
        return integer
    return replace(integer, became=hybrid.became)


def _check_runnable(outcomes: list[Outcome], config: Config) -> None:
    scheme = config.quantization.scheme
    fused = [o for o in outcomes if o.op in RECURRENT]
    left = [o for o in fused if o.became != scheme and "skip" not in o.reason]
    if left and config.recurrent.lowering == "fused":
        lines = "".join(f"\n  {o}" for o in left)
        raise NotConvertible(
            f"recurrent.lowering is fused, and these layers have no {scheme} form:{lines}",
            "Set recurrent.lowering to auto to let them have int8 weights, or name them in"
            " quantization.skip.",
        )
    wide = scheme == "int16x8" and any(o.became == scheme for o in fused)
    if wide and "litert" in config.verification.runtimes:
        raise NotConvertible(
            "LiteRT has no int16x8 LSTM kernel; TensorFlow Lite Micro has.",
            "Set verification.runtimes to [tflm], or the scheme to int8.",
        )
