"""The stages convert and describe: the canonical graph of a source becomes a model.

A separate stage, describe, writes the metadata into the model, because the metadata changes more
often than the model and takes no time to write.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from rnnlite_pipeline.config import Config
from rnnlite_pipeline.errors import NotConvertible
from rnnlite_pipeline.files import write_atomically
from rnnlite_pipeline.graph.edit import ensure_signature
from rnnlite_pipeline.graph.ir import Model
from rnnlite_pipeline.graph.read import read_model
from rnnlite_pipeline.graph.write import write_model
from rnnlite_pipeline.lower.choice import LOWERING
from rnnlite_pipeline.lower.layer_record import leave_layers, read_layers
from rnnlite_pipeline.lower.layers import Layer
from rnnlite_pipeline.metadata import described_model
from rnnlite_pipeline.passes.densify import sparse_constants
from rnnlite_pipeline.passes.drop_names import drop_names
from rnnlite_pipeline.passes.dump import PassDump
from rnnlite_pipeline.passes.fence_copies import crossing
from rnnlite_pipeline.passes.manager import Watch, run
from rnnlite_pipeline.quantize import Outcome, takes_sparse
from rnnlite_pipeline.quantize.record import leave
from rnnlite_pipeline.resolve import Composite
from rnnlite_pipeline.runtimes import RUNTIMES, Verdict
from rnnlite_pipeline.runtimes.missing import complex_ops, missing_ops, other_precision, refused_ops
from rnnlite_pipeline.stages.conversion import CONVERSION, Context
from rnnlite_pipeline.state import Keeping


@dataclass(frozen=True, eq=False)
class Conversion:
    """A converted model, and how its recurrent layers were lowered and its ops quantized.

    `composites` are the annotated functions among its layers. `repaired` says whether the source
    kept a state from one call to the next by mistake.
    """

    model: Model
    layers: tuple[Layer, ...]
    quantized: tuple[Outcome, ...] = ()
    before: bytes = b""
    composites: tuple[Composite, ...] = ()
    repaired: bool = False


#: The converted model without its metadata.
_CONVERTED = "converted.tflite"


def convert(config: Config, out: Path) -> None:
    """Both stages: `out/model.tflite` from `out/.work/source.tflite`."""
    convert_graph(config, out)
    describe(config, out)


def convert_graph(config: Config, out: Path, dump_passes: Path | None = None) -> None:
    """The stage convert: writes `out/.work/converted.tflite`.

    Args:
        config: What is asked for.
        out: The model's folder.
        dump_passes: A folder for the graph after each pass, as text; written even where the
            conversion fails.

    Raises:
        NotConvertible: `lowering: fused` and a layer stays a loop, or ops are left that the
            runtime does not have.
    """
    watch = PassDump(dump_passes) if dump_passes else None
    conversion = converted(read_source(out), config, read_limits(out), watch)
    for layer in conversion.layers:
        said = "; ".join(filter(None, (layer.reason, layer.zeros, layer.gain)))
        print(f"{layer.name}: {layer.op}{': ' * bool(said)}{said}", flush=True)
    check_convertible(conversion, config)
    if _passes_through(conversion, config, out):
        content = (out / ".work" / "source.tflite").read_bytes()
    else:
        drop_names(conversion.model)
        content = write_model(conversion.model)
    leave(out, conversion.before, conversion.quantized)
    leave_layers(out, conversion.layers)
    write_atomically(out / ".work" / _CONVERTED, content)


def describe(config: Config, out: Path) -> None:
    """The stage describe: writes `out/model.tflite`, the converted model with its metadata.

    A .tflite source that was not changed and has no new metadata stays as it is.

    Raises:
        ConfigError: `metadata:` describes what the model has not, or its files are wrong.
    """
    content = (out / ".work" / _CONVERTED).read_bytes()
    untouched = content == (out / ".work" / "source.tflite").read_bytes()
    if not untouched or config.metadata or config.source.format != "tflite":
        model = read_model(content)
        ensure_signature(model)
        content = described_model(model, config, read_layers(out))
    write_atomically(out / "model.tflite", content)


def read_source(out: Path) -> Model:
    """The canonical graph that the stage import wrote. Its main graph has a signature."""
    model = read_model((out / ".work" / "source.tflite").read_bytes())
    ensure_signature(model)
    return model


def _passes_through(conversion: Conversion, config: Config, out: Path) -> bool:
    """Whether a .tflite source is the result unchanged: nothing was converted or asked for."""
    asked = config.quantization.scheme != "none"
    read = any(layer.recurrence is not None for layer in conversion.layers)
    kept = config.recurrent.state == "source" and not conversion.repaired
    if config.source.format != "tflite" or asked or read or not kept:
        return False
    source = read_source(out)
    if not takes_sparse(config) and any(sparse_constants(source)):
        return False
    loops = [sum(op.code == "WHILE" for op in m.ops()) for m in (conversion.model, source)]
    if loops[0] != loops[1] or (config.uses_xnnpack and crossing(source)):
        return False
    return not refused_ops(source, config.converter)


def read_limits(out: Path) -> dict[str, range]:
    """The range of each input of whole numbers, as the stage import found it."""
    described = json.loads((out / ".work" / "source.json").read_text())
    return {name: range(*ends) for name, ends in described.get("limits", {}).items()}


def converted(
    model: Model,
    config: Config,
    limits: Mapping[str, range] | None = None,
    watch: Watch | None = None,
) -> Conversion:
    """Converts a graph, pass by pass (conversion.py).

    Args:
        model: The source's graph; changed in place.
        config: What is asked for.
        limits: The range of an input of whole numbers, if it is known.
        watch: Gets the graph after each pass.
    """
    context = Context(config, Keeping(config.recurrent.state), limits)
    run(CONVERSION, model, context, watch)
    return Conversion(
        model,
        context.layers,
        tuple(context.quantized),
        context.before,
        tuple(context.composites),
        repaired=bool(context.states.notes),
    )


def check_convertible(conversion: Conversion, config: Config) -> None:
    """Refuses a model that the config does not allow.

    Raises:
        NotConvertible: As `convert`.
    """
    loops = [layer for layer in conversion.layers if layer.reason]
    if config.recurrent.lowering == "fused" and loops:
        lines = "".join(f"\n  {layer.name}: {layer.reason}" for layer in loops)
        raise NotConvertible(
            f"recurrent.lowering: fused, and {len(loops)} of {len(conversion.layers)}"
            f" recurrent layers have no fused op that computes the same:{lines}",
            "Set recurrent.lowering to auto to keep these as loops, or change the layers.",
            LOWERING,
        )
    refused = refused_ops(conversion.model, config.converter)
    if numbers := complex_ops(conversion.model) if refused else []:
        raise NotConvertible(
            "The model computes with complex numbers, and LiteRT has no op for"
            f" {', '.join(numbers)} of them.",
            "Write it with what is computed on real and imaginary parts: arithmetic, exp, log,"
            " roots, constant powers, tf.abs, tf.math.angle, and tf.signal.fft, rfft and their"
            " inverses of known length; or do it before the model, in the program that calls it.",
        )
    precision = other_precision(conversion.model) if refused else ""
    if precision:
        raise NotConvertible(
            f"The model computes in {precision}, and LiteRT in float32: in {precision} it has no op"
            f" for {', '.join(op.name for op in refused)}.",
            "Build the model in float32, with its weights cast to it, and save it again.",
        )
    if refused:
        flags = " and ".join(sorted({f"converter.{op.flag}: true" for op in refused}))
        raise NotConvertible(
            f"The runtime has no op for {', '.join(map(str, refused))}.",
            f"Replace these ops in the source model; or keep them with {flags}, for a"
            " runtime to which you add these ops (docs/guides/ops.md).",
        )
    _check_targets(conversion.model, config)


#: The runtimes without a CPU that could run the ops that they do not take.
_ALONE = frozenset({"litert-compiled", "litert-web", "tflm", "tflm-cmsis-nn"})


def unsuited(model: Model, config: Config) -> list[Verdict]:
    """The targets that cannot run a model, by their tables, each with the ops that it refuses.

    1. A runtime that has no CPU for other ops must take every op.
    2. An accelerator may leave ops to the CPU, but not all of them.
    3. An op that LiteRT lacks too, and that the config allows, does not count.
    """
    kept = {op.code for op in missing_ops(model)}
    wrong = []
    for name in [name for name in config.meant_for if name != "litert"]:  # `missing_ops` did it
        verdict = RUNTIMES[name].judge(model)
        refused = [each for each in verdict.refusals if each.op not in kept]
        count = sum(each.op != "INPUT" for each in refused)
        nothing = len({each.name for each in refused}) >= sum(1 for _ in model.main.ops)
        if refused and (name in _ALONE or (count and nothing)):
            wrong.append(replace(verdict, refusals=tuple(refused)))
    return wrong


def in_part(name: str, model: Model, verdict: Verdict) -> bool:
    """Whether an accelerator runs a part of a model, and a CPU the other ops.

    Args:
        name: The target.
        model: The model.
        verdict: The result by the target's table.
    """
    if verdict.takes or name in {*_ALONE, "litert"}:
        return False
    wholes = (demand for demand in RUNTIMES[name].table.demands if not demand.of_ops)
    if any(True for demand in wholes for _ in demand.refusals(model)):
        return False
    return len({each.name for each in verdict.refusals}) < sum(1 for _ in model.main.ops)


def _check_targets(model: Model, config: Config) -> None:
    """Refuses a model that a target cannot run.

    Raises:
        NotConvertible: One of `unsuited`.
    """
    if wrong := unsuited(model, config):
        raise NotConvertible(
            "Not every target runs this model, by the targets' tables.\n"
            + "\n".join(map(str, wrong)),
            "Change what is named above, in the config or in the source model, or remove the target"
            " from targets; `rnnlite targets` lists what each target takes.",
            parts=[(("targets", verdict.target), str(verdict)) for verdict in wrong],
        )
