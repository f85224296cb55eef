"""Compares the interface of a converted model with that of its source."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal

from rnnlite_pipeline.graph.edit import ports
from rnnlite_pipeline.graph.ir import NUMPY, OPEN, Model, Tensor
from rnnlite_pipeline.report.evidence import Check
from rnnlite_pipeline.sources.model import TensorSpec

_INTERFACE = "This is a bug of the conversion, please report it."


def check_interface(
    model: Model,
    inputs: Sequence[TensorSpec],
    outputs: Sequence[TensorSpec],
    by_signature: bool = False,
) -> Iterator[Check]:
    """Names, order, dtypes and shapes of a model, against those of its source.

    Args:
        model: The converted model.
        inputs: The source's.
        outputs: The source's.
        by_signature: Whether the signature's names are enough: a .tflite source that passed
            through may name its tensors otherwise.
    """
    sides: tuple[tuple[Literal["inputs", "outputs"], Sequence[TensorSpec]], ...]
    sides = (("inputs", inputs), ("outputs", outputs))
    for side, specs in sides:
        named_tensors = ports(model, side)
        tensors = [tensor for _, tensor in named_tensors]
        expected = list(specs)
        known = {spec.name for spec in specs}
        found = [
            _described(n if by_signature and t.name not in known else t.name, t)
            for n, t in named_tensors
        ]
        said = "" if found == expected else f"{_shown(found)} instead of {_shown(expected)}"
        yield Check(f"{side} as in the source", not said, said, _INTERFACE)
        named = [getattr(s, side) for s in model.signatures if s.subgraph is model.main]
        by_name = {spec.name: t for spec, t in zip(specs, tensors, strict=False)}
        wrong = any(
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


def _described(name: str, tensor: Tensor) -> TensorSpec:
    dtype = NUMPY[tensor.dtype].name if tensor.dtype in NUMPY else tensor.dtype
    return TensorSpec(name, dtype, tuple(None if d == OPEN else d for d in tensor.shape or ()))


def _shown(specs: Sequence[TensorSpec]) -> str:
    return ", ".join(
        f"{s.name}: {s.dtype}[{', '.join('null' if d is None else str(d) for d in s.shape)}]"
        for s in specs
    )
