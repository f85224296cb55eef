"""The stage convert: the canonical graph of a source becomes a model with fused ops."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from rnnlite_pipeline.cells.recurrence import BIDIRECTIONAL, RECURRENCE, Lstm, Recurrence
from rnnlite_pipeline.compare.validation import check_whole, objection
from rnnlite_pipeline.config import Config
from rnnlite_pipeline.errors import NotConvertible
from rnnlite_pipeline.files import write_atomically
from rnnlite_pipeline.graph.edit import ensure_signature, prune
from rnnlite_pipeline.graph.ir import Model, Op
from rnnlite_pipeline.graph.read import read_model
from rnnlite_pipeline.graph.write import write_model
from rnnlite_pipeline.lower import lower
from rnnlite_pipeline.lower.choice import Lowered
from rnnlite_pipeline.lower.layer_record import leave_layers
from rnnlite_pipeline.lower.layers import Layer
from rnnlite_pipeline.metadata import described_model
from rnnlite_pipeline.passes import run_passes
from rnnlite_pipeline.passes.fence_copies import crossing, fence_copies
from rnnlite_pipeline.passes.memory import check_memory
from rnnlite_pipeline.passes.settle_dropout import settle_dropout
from rnnlite_pipeline.passes.tensor_lists import tensor_lists_to_tensors
from rnnlite_pipeline.quantize import Outcome, grouping, lowering, quantize
from rnnlite_pipeline.quantize.record import leave
from rnnlite_pipeline.recognise import Finding, recognise
from rnnlite_pipeline.resolve import Composite, chain_steps, distance, resolve
from rnnlite_pipeline.runtimes.missing import other_precision, refused_ops
from rnnlite_pipeline.state import Keeping


@dataclass(frozen=True, eq=False)
class Conversion:
    """A converted model, how each recurrent layer was lowered, and each op quantized.

    The annotated functions among its layers are `composites`; `repaired` says whether states
    leaked in the source.
    """

    model: Model
    layers: tuple[Layer, ...]
    quantized: tuple[Outcome, ...] = ()
    before: bytes = b""
    composites: tuple[Composite, ...] = ()
    repaired: bool = False


def convert(config: Config, out: Path) -> None:
    """Writes `out/model.tflite` from `out/.work/source.tflite`.

    Raises:
        NotConvertible: `lowering: fused` and a layer stays a loop, or ops are left that the
            runtime does not have.
    """
    conversion = converted(read_source(out), config, read_limits(out))
    for layer in conversion.layers:
        print(f"{layer.name}: {layer.op}{': ' * bool(layer.reason)}{layer.reason}", flush=True)
    check_convertible(conversion, config)
    if _passes_through(conversion, config, out):
        content = (out / ".work" / "source.tflite").read_bytes()
    else:
        content = described_model(conversion.model, config, conversion.layers)
    leave(out, conversion.before, conversion.quantized)
    leave_layers(out, conversion.layers)
    write_atomically(out / "model.tflite", content)


def read_source(out: Path) -> Model:
    """The canonical graph that the stage import left; its main graph has a signature."""
    model = read_model((out / ".work" / "source.tflite").read_bytes())
    ensure_signature(model)
    return model


def _passes_through(conversion: Conversion, config: Config, out: Path) -> bool:
    """Whether a .tflite file is the result as it is: nothing in it was read, nothing is asked."""
    asked = config.metadata or config.quantization.scheme != "none"
    read = any(layer.recurrence is not None for layer in conversion.layers)
    kept = config.recurrent.state == "source" and not conversion.repaired
    if config.source.format != "tflite" or asked or read or not kept:
        return False
    if crossing(read_source(out)):
        return False
    return not refused_ops(read_source(out), config.converter)


def read_limits(out: Path) -> dict[str, range]:
    """The whole numbers that inputs take, by name, as the stage import found."""
    described = json.loads((out / ".work" / "source.json").read_text())
    return {name: range(*ends) for name, ends in described.get("limits", {}).items()}


def converted(
    model: Model, config: Config, limits: Mapping[str, range] | None = None
) -> Conversion:
    """Recognises, groups, lays out and lowers, and runs old against new.

    1. Dropout that drops nothing goes. What an annotation says, and every loop that is read,
       becomes recurrences, if it says the same when run.
    2. Passes fold reversals, transposes and last steps, and group both directions.
    3. Recurrences become fused ops or loops; lists of what was not read become tensors.
    4. The whole is run against the source's graph.
    5. It is quantized.
    6. States, until then inputs and outputs of the graph, become what the config asks for.

    Args:
        model: The source's graph; changed in place.
        config: What is asked for.
        limits: For an input of whole numbers, those it takes, where they are known.
    """
    states = Keeping(model, config.recurrent.state)
    composites = resolve(model, distance)
    source = copy.deepcopy(model)
    chained = chain_steps(model)
    print("recognising recurrences", flush=True)
    composites = [c for c in composites if not chained.issuperset(r.name for r in c.recurrences)]
    settle_dropout(model)
    findings = [Finding(c.layer, c.recurrences) for c in composites]
    findings += recognise(model, objection)
    for note in [*states.notes, *(f"{f.name}: {f.note}" for f in findings if f.note)]:
        print(note, flush=True)
    prune(model)
    run_passes(model, grouping(config).recurrent)
    states.expose(model)
    pseudo = _pseudo_ops(model)
    print("lowering", flush=True)
    layers = tuple(_layers(findings, pseudo, lower(model, *lowering(config))))
    unlisted: list[str] = []
    tensor_lists_to_tensors(model, unlisted)
    for reason in unlisted:
        print(reason, flush=True)
    prune(model)
    _keep_output_names(model, source)
    repaired = bool(states.notes)
    conversion = Conversion(model, layers, composites=tuple(composites), repaired=repaired)
    if not refused_ops(model, config.converter):
        print("running the source's graph against the converted model", flush=True)
        lower(source)
        tensor_lists_to_tensors(source)
        accepted = states.accepted(source)
        check_whole(accepted, _settled(copy.deepcopy(model), config), limits, states.first)
        scopes = {layer.name: layer.scope or layer.name for layer in layers}
        before = b"" if config.quantization.scheme == "none" else write_model(model)
        quantized, outcomes = quantize(model, config, scopes, states)
        conversion = replace(conversion, model=quantized, quantized=tuple(outcomes), before=before)
    states.conclude(conversion.model)
    if not refused_ops(conversion.model, config.converter):
        _settled(conversion.model, config)
    return conversion


def _settled(model: Model, config: Config) -> Model:
    """The model without what goes wrong in some interpreters, in place (docs/traps.md, "Memory").

    Raises:
        NotConvertible: The proof that it is right in every interpreter fails.
    """
    if "litert" in config.verification.runtimes:
        fence_copies(model)
        check_memory(model)
    return model


def check_convertible(conversion: Conversion, config: Config) -> None:
    """Refuses a model that the config does not allow.

    Raises:
        NotConvertible: As `convert`.
    """
    loops = [layer for layer in conversion.layers if layer.reason]
    if config.recurrent.lowering == "fused" and loops:
        lines = "".join(f"\n  {layer.name}: {layer.reason}" for layer in loops)
        raise NotConvertible(
            f"recurrent.lowering is fused, and {len(loops)} of {len(conversion.layers)}"
            f" recurrent layers have no fused op that says the same:{lines}",
            "Set recurrent.lowering to auto to keep these as loops, or change the layers.",
        )
    refused = refused_ops(conversion.model, config.converter)
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
            f"Replace what computes them in the source model; or let them stay with {flags}, for a"
            " runtime that you give these ops (docs/guides/ops.md).",
        )


def _pseudo_ops(model: Model) -> list[Op]:
    return [op for op in model.ops() if op.code in (RECURRENCE, BIDIRECTIONAL)]


def _layers(
    findings: list[Finding], pseudo: list[Op], lowered: tuple[Lowered, ...]
) -> Iterator[Layer]:
    """Each finding's layers, with what they were lowered to."""
    became = {each.name: each for each in lowered}
    found = {
        recurrence.name: (op, recurrence) for op in pseudo for recurrence in op.options.values()
    }
    for finding in findings:
        if finding.reason or not finding.recurrences:
            yield Layer(finding.name, None, finding.stays, finding.reason)
        for name in (r.name for r in finding.recurrences if r.name in found):
            op, recurrence = found[name]
            each = became[name]
            scope = next(iter(op.options.values())).name
            code = "WHILE" if each.form == "loop" else _fused_code(op, recurrence)
            yield Layer(name, recurrence, code, each.reason, scope, each.milliseconds)


def _fused_code(op: Op, recurrence: Recurrence) -> str:
    kind = "LSTM" if isinstance(recurrence.cell, Lstm) else "RNN"
    direction = "BI" if op.code == BIDIRECTIONAL else "UNI"
    return f"{direction}DIRECTIONAL_SEQUENCE_{kind}"


def _keep_output_names(model: Model, source: Model) -> None:
    """Gives the outputs the names they had: a rewrite may have put new tensors in their place."""
    for now, before in zip(model.signatures, source.signatures, strict=True):
        for key, tensor in now.outputs.items():
            if tensor not in now.inputs.values() and key in before.outputs:
                tensor.name = before.outputs[key].name
