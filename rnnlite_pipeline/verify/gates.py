"""The judgements that need no run: the interface, the ops, the size, and accuracy."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from rnnlite_pipeline.graph.ir import NUMPY, OPEN, Model, Tensor
from rnnlite_pipeline.sources.model import TensorSpec
from rnnlite_pipeline.verify.evidence import Accuracy, Check

if TYPE_CHECKING:
    from rnnlite_pipeline.config import Config, Gates

_INTERFACE = "This is a bug of the conversion, please report it."
_INSPECT = "Run `rnnlite inspect` to see how each recurrence is lowered, and why."


def op_histogram(model: Model) -> dict[str, int]:
    """How many ops of each name there are, in all subgraphs."""
    return dict(sorted(Counter(op.code for op in model.ops()).items()))


def check_interface(
    model: Model, inputs: Sequence[TensorSpec], outputs: Sequence[TensorSpec]
) -> Iterator[Check]:
    """Names, order, dtypes and shapes of a model, against those of its source."""
    for side, specs in (("inputs", inputs), ("outputs", outputs)):
        tensors: list[Tensor] = getattr(model.main, side)
        found = [_described(tensor) for tensor in tensors]
        expected = list(specs)
        said = "" if found == expected else f"{_shown(found)} instead of {_shown(expected)}"
        yield Check(f"{side} as in the source", not said, said, _INTERFACE)
        named = [getattr(s, side) for s in model.signatures if s.subgraph is model.main]
        by_name = {spec.name: t for spec, t in zip(specs, tensors, strict=False)}
        wrong = not named or any(
            signature.keys() != by_name.keys()
            or any(signature[name] is not by_name[name] for name in by_name)
            for signature in named
        )
        yield Check(
            f"signature names the {side}",
            not wrong,
            "its names do not lead to the tensors of those names" if wrong else "",
            _INTERFACE,
        )


def check_gates(config: Config, gates: Gates, size: int, ops: Mapping[str, int]) -> Iterator[Check]:
    """Size and ops of a model, against what its config and its pipeline ask for.

    Args:
        config: The model's config.
        gates: The pipeline's.
        size: Bytes of the file.
        ops: Its histogram.
    """
    if gates.max_bytes is not None:
        over = size > gates.max_bytes
        yield Check(
            "gate max_bytes",
            not over,
            f"{size:,} bytes, at most {gates.max_bytes:,} pass" if over else "",
            "Make the model smaller, or raise the gate in the pipeline.",
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
        )
    for pattern in gates.forbid_ops:
        yield _without(f"gate forbid_ops {pattern}", ops, (pattern,))
    if config.recurrent.lowering == "fused":
        yield _without("every recurrence is fused", ops, ("WHILE", "FlexTensorList*"))


def check_accuracy(config: Config, gates: Gates, accuracy: Sequence[Accuracy]) -> Iterator[Check]:
    """Accuracy, where config or pipeline ask for it; without labels that cannot be passed."""
    own = config.verification
    lowest = max(filter(None, (own.min_accuracy, gates.min_accuracy)), default=None)
    drops = [d for d in (own.max_accuracy_drop, gates.max_accuracy_drop) if d is not None]
    if lowest is None and not drops:
        return
    if not accuracy:
        yield Check(
            "accuracy",
            False,
            "asked for, and the data has no labels",
            "Give verification.data.path an .npz file with `labels`.",
        )
    for each in accuracy:
        if lowest is not None:
            yield _accurate(
                "accuracy",
                each,
                each.litert >= lowest,
                f"{each.litert:.4f}, at least {lowest:g} passes (source: {each.source:.4f})",
            )
        if drops:
            drop = each.source - each.litert
            yield _accurate(
                "accuracy drop", each, drop <= min(drops), f"{drop:.4f}, at most {min(drops):g}"
            )


def _accurate(name: str, each: Accuracy, passed: bool, said: str) -> Check:
    return Check(
        name,
        passed,
        "" if passed else said,
        "Train the model further, or lower the gate.",
        data="data",
        kernels=each.kernels,
        output=each.output,
    )


def _without(name: str, ops: Mapping[str, int], patterns: Sequence[str]) -> Check:
    found = [op for op in ops if any(fnmatchcase(op, pattern) for pattern in patterns)]
    said = ", ".join(f"{ops[op]} {op}" for op in found)
    return Check(name, not found, f"the model holds {said}" if found else "", _INSPECT)


def _described(tensor: Tensor) -> TensorSpec:
    dtype = NUMPY[tensor.dtype].name if tensor.dtype in NUMPY else tensor.dtype
    return TensorSpec(
        tensor.name, dtype, tuple(None if d == OPEN else d for d in tensor.shape or ())
    )


def _shown(specs: Sequence[TensorSpec]) -> str:
    return ", ".join(
        f"{s.name}: {s.dtype}[{', '.join('null' if d is None else str(d) for d in s.shape)}]"
        for s in specs
    )
