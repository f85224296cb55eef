"""`int8` and `int16x8`, from the calibration data to the model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from rnnlite_pipeline.compare.batch_axis import axes_of_model
from rnnlite_pipeline.config import Config
from rnnlite_pipeline.config.arrays import NotArrays, read_headers
from rnnlite_pipeline.errors import NotConvertible
from rnnlite_pipeline.graph.edit import producers
from rnnlite_pipeline.graph.ir import Model, Tensor
from rnnlite_pipeline.graph.ops import RECURRENT
from rnnlite_pipeline.graph.variables import State
from rnnlite_pipeline.lower.choice import LOWERING
from rnnlite_pipeline.quantize.calibration import batches
from rnnlite_pipeline.quantize.dynamic_range import dynamic_range
from rnnlite_pipeline.quantize.integer_model import IntegerModel, Interface
from rnnlite_pipeline.quantize.joins import go_round_joins
from rnnlite_pipeline.quantize.narrow_sums import narrow_sums
from rnnlite_pipeline.quantize.outcome import Outcome
from rnnlite_pipeline.quantize.ranges import Ranges, measure
from rnnlite_pipeline.quantize.skip import SKIPPED, Skip
from rnnlite_pipeline.quantize.worth import recurrent_units, with_times
from rnnlite_pipeline.runtimes.partition import open_runner

#: Said of both layers that `bidirectional: group` would have made one op.
SPLIT = "apart from its other direction, as the bidirectional op has no integer form"


def full_integer(
    model: Model, config: Config, skip: Skip, states: Sequence[State] = (), policy: str = "reset"
) -> list[Outcome]:
    """Calibrates and rewrites, in place; what has no integer form gets int8 weights (hybrid).

    Args:
        model: The lowered float graph.
        config: What to do.
        skip: The layers to leave.
        states: The states that are inputs and outputs of the graph.
        policy: What becomes of them: explicit or persist.

    Raises:
        NotConvertible: The calibration data is wrong, the layers have no integer form and
            `lowering: fused` demands it, or no runtime of the config has the kernels.
    """
    asked = config.quantization
    assert asked.calibration is not None  # the config's own rule
    go_round_joins(model)
    signature = model.signatures[0]
    axes = axes_of_model(model, lambda feed: open_runner(model).run(feed), {})
    inputs = axes.tensors_batch_first(signature.inputs)
    path, count = config.resolve(asked.calibration.path), asked.calibration.samples
    own = [] if policy == "explicit" and _has_all(path, states) else list(states)
    for state in own:
        del inputs[state.input]
    split = _split_pairs(model) if config.recurrent.bidirectional == "group" else set()
    if own:
        print("calibrating states: each sample goes on where the one before ended", flush=True)
    feeds = batches(path, inputs, count, rows=1 if own else None)
    ranges = measure(model, feeds, own, axes)
    whole = policy == "persist" or asked.input_type != "float32"
    interface = Interface(
        asked.input_type,
        asked.output_type,
        "int16" if whole else "float32",
        {signature.inputs[s.input]: signature.outputs[s.output] for s in states},
    )
    units = recurrent_units(model)
    outcomes = rewrite(model, asked.scheme, ranges, skip, interface)
    narrow_sums(model, config.meant_for)
    outcomes = with_times(outcomes, units, config.meant_for)
    outcomes = [replace(o, reason=o.reason or SPLIT) if o.name in split else o for o in outcomes]
    _check_runnable(outcomes, config)
    return outcomes


def rewrite(
    model: Model,
    scheme: str,
    ranges: Ranges,
    skip: Skip,
    interface: Interface | None = None,
) -> list[Outcome]:
    """Integers where there are kernels, then int8 weights where there are not, in place.

    Args:
        model: The lowered float graph.
        scheme: "int8" or "int16x8"; the latter has no hybrid kernels, as TFLM has none.
        ranges: What was measured on the calibration data.
        skip: The layers to leave.
        interface: The types of the model's inputs and outputs; float32 if not given.
    """
    integers = IntegerModel(model, scheme, ranges, skip, interface or Interface()).run()
    return _merged(integers, [] if scheme == "int16x8" else dynamic_range(model, skip))


def _has_all(path: Path, states: Sequence[State]) -> bool:
    """Whether the calibration data has an array for every state."""
    try:
        return {state.input for state in states} <= read_headers(path).keys()
    except NotArrays:
        return False  # `batches` says what is wrong with it


def _split_pairs(model: Model) -> set[str]:
    """The names of the outputs of layers that run over one input in both directions."""
    made = producers(model.main)
    seen: dict[Tensor, list[tuple[bool, str]]] = {}
    for op in model.main.ops:
        if op.code in RECURRENT and op.inputs[0] is not None:
            before = made.get(op.inputs[0])
            turned = before is not None and before.code == "REVERSE_V2"
            x = before.inputs[0] if before is not None and turned else op.inputs[0]
            assert x is not None
            seen.setdefault(x, []).append((turned, op.outputs[0].name))
    both = (pair for pair in seen.values() if {turned for turned, _ in pair} == {True, False})
    return {name for pair in both for _, name in pair}


def _key(outcome: Outcome) -> tuple[str, str, str]:
    return outcome.name.removesuffix("/real"), outcome.op, outcome.inside


def _merged(integers: list[Outcome], hybrid: list[Outcome]) -> list[Outcome]:
    """Both together: an op that stayed float and got int8 weights after all keeps the reason.

    Names need not be unique: of ops of one name, those that stayed float come in the same order.
    """
    left: dict[tuple[str, str, str], list[Outcome]] = {}
    for each in hybrid:
        left.setdefault(_key(each), []).append(each)
    outcomes = []
    for integer in integers:
        same = left.get(_key(integer)) if integer.became == "float32" else None
        outcomes.append(replace(integer, became=same.pop(0).became) if same else integer)
    return outcomes + [each for rest in left.values() for each in rest]


def _check_runnable(outcomes: list[Outcome], config: Config) -> None:
    scheme = config.quantization.scheme
    fused = [o for o in outcomes if o.op in RECURRENT]
    left = [o for o in fused if o.became != scheme and o.reason != SKIPPED]
    if left and config.recurrent.lowering == "fused":
        lines = "".join(f"\n  {o}" for o in left)
        raise NotConvertible(
            f"recurrent.lowering: fused, and these layers have no {scheme} form:{lines}",
            "Set recurrent.lowering to auto to let them have int8 weights, or name them in"
            " quantization.skip.",
            LOWERING,
        )
    wide = scheme == "int16x8" and any(o.became == scheme for o in fused)
    if wide and config.uses_xnnpack:
        raise NotConvertible(
            "LiteRT has no int16x8 LSTM kernel; TensorFlow Lite Micro has.",
            "Set targets to [tflm], recurrent.lowering to auto, or the scheme to int8.",
            ("quantization", "scheme"),
        )
