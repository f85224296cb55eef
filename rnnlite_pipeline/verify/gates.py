"""The gates of a config and pipeline: size, ops, error, accuracy, runtimes, metadata.

What a pipeline asks for is a gate: its check says the file and the line where it stands, and the
figure that missed it. What the config asks for is judged by itself, beside it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from rnnlite_pipeline.config.licenses import identifier
from rnnlite_pipeline.graph.ir import Model, Op
from rnnlite_pipeline.metadata import Description
from rnnlite_pipeline.report.evidence import Accuracy, Check, Held
from rnnlite_pipeline.verify.targets import runs_on, shares

if TYPE_CHECKING:
    from rnnlite_pipeline.config import Config, Pipeline
    from rnnlite_pipeline.config.document import Loc
    from rnnlite_pipeline.config.model import FileSection

_INSPECT = "Run `rnnlite inspect` to see how each recurrence is lowered, and why."
_LABELS = "Give verification.data.path an .npz file with `labels`."
_TRAIN = "Train the model further, or lower the gate."


def op_histogram(model: Model) -> dict[str, int]:
    """How many ops of each name there are, in all subgraphs; a custom op MyOp is CUSTOM:MyOp."""
    return dict(sorted(Counter(map(_op_name, model.ops())).items()))


def _op_name(op: Op) -> str:
    return f"CUSTOM:{op.code}" if op.custom and not op.code.startswith("Flex") else op.code


def check_gates(
    config: Config,
    pipeline: Pipeline,
    size: int,
    ops: Mapping[str, int],
    description: Description,
) -> Iterator[Check]:
    """What can be judged before the model has run.

    Args:
        config: The model's config.
        pipeline: Its gates.
        size: Bytes of the file.
        ops: Its histogram.
        description: Its metadata, as read from the file.
    """
    gates = pipeline.gates
    if gates.max_bytes is not None:
        over = size > gates.max_bytes
        yield Check(
            "gate max_bytes",
            not over,
            f"{size:,} bytes, at most {gates.max_bytes:,} pass: {size / gates.max_bytes - 1:.1%}"
            " too many"
            if over
            else "",
            "Make the model smaller, or raise the gate.",
            asked=_place(pipeline, "gates", "max_bytes"),
        )
    for name, wanted in gates.require_ops.items():
        found = sum(count for op, count in ops.items() if fnmatchcase(op, name))
        fits = found > 0 if wanted is True else found == wanted
        asked = "at least one" if wanted is True else f"exactly {wanted}"
        yield Check(
            f"gate require_ops {name}",
            fits,
            "" if fits else f"{found} in the model, {asked} required",
            _INSPECT,
            asked=_place(pipeline, "gates", "require_ops", name),
        )
    for i, pattern in enumerate(gates.forbid_ops):
        asked = _place(pipeline, "gates", "forbid_ops", i)
        yield _without(f"gate forbid_ops {pattern}", ops, (pattern,), asked)
    for i, field in enumerate(gates.require_metadata):
        asked = _place(pipeline, "gates", "require_metadata", i)
        told = _told(field, description, asked)
        yield _licensed(told, config, description) if field == "license" else told
    for i, runtime in enumerate(gates.runtimes):
        judged = runs_on(config).names
        yield Check(
            f"gate runtimes {runtime}",
            runtime in judged,
            "" if runtime in judged else f"verified on {', '.join(judged)} only",
            f"Add {runtime} to targets, or to verification.runtimes of the config.",
            asked=_place(pipeline, "gates", "runtimes", i),
        )
    if config.recurrent.lowering == "fused":
        asked = _place(config, "recurrent", "lowering")
        yield _without("every recurrence is fused", ops, ("WHILE", "FlexTensorList*"), asked)


def check_npu(pipeline: Pipeline, held: Mapping[str, Held]) -> Iterator[Check]:
    """The gate npu_share, of each Ethos-U target; a model that was not compiled does not pass.

    Args:
        pipeline: Its gates.
        held: How the model is held to each target (targets.py).
    """
    least = pipeline.gates.npu_share
    for name, share, reasons in shares(held) if least is not None else ():
        passed = share is not None and share >= (least or 0.0)
        found = "not compiled" if share is None else f"{share:.4g} of the operations are on it"
        yield Check(
            f"gate npu_share {name}",
            passed,
            "" if passed else f"{found}, at least {least:g} passes; {reasons}",
            "Leave to the NPU what it takes: scheme int8 with input_type and output_type int8, a"
            " pinned batch of 1 and length; `rnnlite targets` says what it takes.",
            asked=_place(pipeline, "gates", "npu_share"),
        )


def check_error(pipeline: Pipeline, checks: Sequence[Check]) -> Iterator[Check]:
    """The gate max_abs_error, held to the worst comparison of each output.

    As of every comparison, the limit grows with outputs above 1 (compare/distance.py, rule 2).
    Extreme input is judged by its own rule alone, and what is not judged at all does not count.
    """
    gate = pipeline.gates.max_abs_error
    if gate is None:
        return
    worst: dict[str | None, Check] = {}
    for check in checks:
        if check.max_abs_error is None or check.limit is None or check.rounding is not None:
            continue
        if check.output not in worst or _ratio(check) > _ratio(worst[check.output]):
            worst[check.output] = check
    for output, check in worst.items():
        error, limit = check.max_abs_error or 0.0, gate * (check.scale or 0.0)
        yield Check(
            "gate max_abs_error",
            error <= limit,
            "" if error <= limit else _said(error, limit, check.scale or 0.0),
            "Raise the gate, or find out with `rnnlite inspect` what the model computes.",
            data=check.data,
            kernels=check.kernels,
            output=output,
            asked=_place(pipeline, "gates", "max_abs_error"),
        )


def _said(error: float, limit: float, scale: float) -> str:
    """An error and its limit, as they are and as parts of the output's scale."""
    parts = f" ({error / scale:.3g} of the output's scale)" if scale else ""
    return f"error {error:.3g}{parts}, at most {limit:.3g} passes"


def check_accuracy(
    config: Config, pipeline: Pipeline, accuracy: Sequence[Accuracy]
) -> Iterator[Check]:
    """Accuracy, where config or pipeline ask for it; without labels that cannot be passed."""
    for section, prefix, loc in (
        (config.verification, "", ("verification",)),
        (pipeline.gates, "gate ", ("gates",)),
    ):
        file: FileSection = pipeline if prefix else config
        lowest, drop = section.min_accuracy, section.max_accuracy_drop
        if lowest is not None:
            asked = _place(file, *loc, "min_accuracy")
            yield from _at_least(f"{prefix}min_accuracy", lowest, accuracy, asked)
        if drop is not None:
            asked = _place(file, *loc, "max_accuracy_drop")
            yield from _dropped(f"{prefix}max_accuracy_drop", drop, accuracy, asked)


def _at_least(
    name: str, lowest: float, accuracy: Sequence[Accuracy], asked: str
) -> Iterator[Check]:
    if not accuracy:
        yield Check(name, False, "the data has no labels", _LABELS, asked=asked)
    for each in accuracy:
        said = f"{each.litert:.4f}, at least {lowest:g} passes (source: {each.source:.4f})"
        yield _accurate(name, each, each.litert >= lowest, said, asked)


def _dropped(name: str, most: float, accuracy: Sequence[Accuracy], asked: str) -> Iterator[Check]:
    if not accuracy:
        yield Check(name, False, "the data has no labels", _LABELS, asked=asked)
    for each in accuracy:
        drop = each.source - each.litert
        yield _accurate(name, each, drop <= most, f"{drop:.4f}, at most {most:g} passes", asked)


def _accurate(name: str, each: Accuracy, passed: bool, said: str, asked: str) -> Check:
    return Check(
        name,
        passed,
        "" if passed else said,
        _TRAIN,
        data="data",
        kernels=each.kernels,
        output=each.output,
        asked=asked,
    )


def _told(field: str, description: Description, asked: str) -> Check:
    """Whether a field of the metadata is told: of the model, or of each of its tensors."""
    missing = description.missing(field)
    return Check(
        f"gate require_metadata {field}",
        not missing,
        missing,
        f"Give `metadata:` of the config its {field}.",
        asked=asked,
    )


def _licensed(told: Check, config: Config, description: Description) -> Check:
    """A license was chosen: one that has an identifier, or one whose terms stand somewhere."""
    named = str((description.fields or {}).get("license", ""))
    card = config.package.card
    if not told.passed or identifier(named) or (card and card.license_link):
        return told
    return replace(
        told,
        passed=False,
        detail=f"“{named}” is no license that has an identifier, and its terms are not linked",
        remedy="Give metadata.license an identifier such as apache-2.0, or give the terms in"
        " package.card.license_link.",
    )


def _without(name: str, ops: Mapping[str, int], patterns: Sequence[str], asked: str) -> Check:
    found = [op for op in ops if any(fnmatchcase(op, pattern) for pattern in patterns)]
    said = ", ".join(f"{ops[op]} {op}" for op in found)
    return Check(name, not found, f"the model holds {said}" if found else "", _INSPECT, asked=asked)


def _ratio(check: Check) -> float:
    """An error as a part of what is tolerable; of exact outputs, any error is the worst."""
    error = check.max_abs_error or 0.0
    return error / check.scale if check.scale else error * float("inf") if error else 0.0


def _place(file: FileSection, *loc: str | int) -> str:
    """Where a gate is set: the file, by a name that is the same on every machine, and the line."""
    way: Loc = loc
    path = file.path
    name = f"{path.parent.name}/{path.name}" if path.parent.name == "pipelines" else path.name
    return f"{name}:{file.document.problem(way, '').line}"
