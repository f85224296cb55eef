"""Quantization: the lowered graph in fewer bits, and what became of each op."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnlite_pipeline.config import Config
from rnnlite_pipeline.config.conversion import CALIBRATED
from rnnlite_pipeline.graph.ir import Model
from rnnlite_pipeline.lower.by_targets import has_op
from rnnlite_pipeline.lower.choice import Form
from rnnlite_pipeline.passes.block_sparse import block_sparse
from rnnlite_pipeline.quantize.dynamic_range import dynamic_range
from rnnlite_pipeline.quantize.float16 import float16
from rnnlite_pipeline.quantize.full_integer import full_integer, rewrite
from rnnlite_pipeline.quantize.numbers import SCHEMES
from rnnlite_pipeline.quantize.outcome import Outcome
from rnnlite_pipeline.quantize.ranges import measure
from rnnlite_pipeline.quantize.skip import Skip
from rnnlite_pipeline.state import Keeping
from rnnlite_pipeline.steps import step

__all__ = [
    "Outcome",
    "grouping",
    "lowering",
    "quantize",
    "skipped",
    "takes_sparse",
    "trial",
    "weight_bytes",
]

#: The schemes that change weights alone, in place.
_WEIGHTS: Mapping[str, Callable[[Model, Skip], list[Outcome]]] = {
    "dynamic_range": dynamic_range,
    "float16": float16,
}


def grouping(config: Config) -> Config:
    """The config with `bidirectional: split` where there is no bidirectional kernel.

    BIDIRECTIONAL_SEQUENCE_LSTM has no integer form, and TensorFlow Lite Micro, for one, has it not
    at all; two unidirectional ops are there.
    """
    split = config.recurrent.model_copy(update={"bidirectional": "split"})
    has = has_op(config.meant_for)
    apart = config.quantization.scheme in CALIBRATED or not has("BIDIRECTIONAL_SEQUENCE_LSTM")
    if not apart or config.recurrent == split:
        return config
    return config.model_copy(update={"recurrent": split})


def lowering(config: Config) -> tuple[Form, bool, tuple[str, ...], str]:
    """How recurrences are to be lowered, as `lower` takes it.

    Under `fused` what has no fused op is refused after the model is lowered, with all reasons.
    """
    asked = config.recurrent.lowering
    fused = asked == "fused"
    form: Form = "auto" if fused else asked
    scheme = config.quantization.scheme
    dtype = SCHEMES[scheme].activation if scheme in CALIBRATED else "FLOAT32"
    return form, scheme in CALIBRATED and not fused, config.meant_for, dtype


def weight_bytes(config: Config) -> int:
    """What a weight takes when the model runs: float16 is made float32 when it is loaded."""
    return 1 if config.quantization.scheme == "dynamic_range" else 4


def skipped(config: Config) -> Callable[[str], bool]:
    """Whether a recurrent layer of a name stays in float."""
    return Skip(config.quantization.skip).has_layer


def takes_sparse(config: Config) -> bool:
    """Whether all runtimes that the model is for take weights without their zeros.

    LiteRT's Interpreter does. CompiledModel says of its own loader that they "may not yet be fully
    supported" (litert/core/model/model_load.cc), TensorFlow Lite Micro has no such kernel.
    """
    return {*config.meant_for} == {"litert"}


def trial(config: Config) -> Callable[[Model, Mapping[str, str]], None]:
    """Finishes a layer that stands alone as the model will be, in place, so that it can be timed.

    It is quantized, and zeros are left out where that pays.

    Ranges are measured on random numbers: they change what is computed, not how long it takes.
    """
    scheme = config.quantization.scheme

    def finish(model: Model, scopes: Mapping[str, str]) -> None:
        skip = Skip(config.quantization.skip, scopes)
        if scheme in _WEIGHTS:
            _WEIGHTS[scheme](model, skip)
        elif scheme in CALIBRATED:
            rewrite(model, scheme, measure(model, iter([_random(model)])), skip)
        if takes_sparse(config):
            block_sparse(model)

    return finish


def _random(model: Model) -> dict[str, NDArray[Any]]:
    """Numbers for each input; open dimensions are 1."""
    rng = np.random.default_rng(0)
    shapes = {name: t.shape or () for name, t in model.signatures[0].inputs.items()}
    closed = {name: [max(size, 1) for size in shape] for name, shape in shapes.items()}
    return {name: rng.normal(size=shape).astype(np.float32) for name, shape in closed.items()}


def quantize(
    model: Model,
    config: Config,
    scopes: Mapping[str, str] | None = None,
    states: Keeping | None = None,
) -> tuple[Model, Sequence[Outcome]]:
    """The model by the config's scheme, and what each op with weights became.

    Args:
        model: The lowered graph: fused ops, the ops that write their states, loops of builtin ops.
            It may be changed.
        config: What to do; `quantization.calibration` is read where the scheme needs it.
        scopes: For each recurrent layer, the scope of its op's tensors.
        states: The states that are inputs and outputs of the graph, until they are concluded.

    Raises:
        NotConvertible: A name in `skip` is unknown, or the scheme has no form for the model.
    """
    scheme = config.quantization.scheme
    if scheme == "none":
        return model, ()
    skip = Skip(config.quantization.skip, scopes)
    skip.check(model)
    step(f"quantizing: {scheme}")
    if scheme in _WEIGHTS:
        outcomes = _WEIGHTS[scheme](model, skip)
    else:
        kept = (states.states, states.policy) if states else ()
        outcomes = full_integer(model, config, skip, *kept)
    for outcome in outcomes:
        print(outcome, flush=True)
    return model, outcomes
