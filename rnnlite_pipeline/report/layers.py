"""The section on the recurrent layers: their equations, their ops in the model, and the reasons."""

from __future__ import annotations

from typing import Any

from rnnlite_pipeline.graph.ir import Model, Op, Tensor
from rnnlite_pipeline.latency.rows import is_within
from rnnlite_pipeline.report.evidence import About
from rnnlite_pipeline.report.figures import plural
from rnnlite_pipeline.report.html import Section, equation, section

_NOTE = (
    "As read from the source's graph. x is the input of a step; a prime marks a state after the"
    " step. W, R and P are matrices, σ is the logistic function, ⊙ multiplies number by number."
)
_MASKED = " m is the mask of the step: where it is false, the state stays as it was."


def recurrences(about: About) -> Section | None:
    """An entry for each recurrent layer. Layers that differ only in name and direction share it."""
    groups: dict[str, dict[str, Any]] = {}
    for layer in about.layers:
        same = {k: v for k, v in layer.items() if k not in ("name", "direction", "scope")}
        group = groups.setdefault(repr(same), {**layer, "layers": []})
        group["layers"].append(f"{layer['name']}{_direction(layer, about.model)}")
    if not groups:
        return None
    shown = [_shown(group) for group in groups.values()]
    masked = any("(m, " in line for each in about.layers for line in each.get("equations", ()))
    note = _NOTE + _MASKED * masked
    return section("layers", "Recurrent layers", note=note, groups=shown)


def _shown(group: dict[str, Any]) -> dict[str, Any]:
    facts = []
    if "cell" in group:
        units = " and ".join(map(str, dict.fromkeys(group["states"])))
        facts = [group["cell"], plural(group["features"], "feature"), f"states of {units}"]
    return {
        "names": group["layers"],
        "facts": facts,
        "op": group["op"],
        "reason": group["reason"],
        "gain": group.get("gain", ""),
        "zeros": group.get("zeros", ""),
        "equations": [equation(line) for line in group.get("equations", ())],
    }


def _direction(layer: dict[str, Any], model: Model) -> str:
    """The direction in time, as the author of the model sees it; empty where it is not known."""
    if "direction" not in layer:
        return ""
    turned = any(reads_reversed(model, op) for op in model.main.ops if is_recurrent(op, layer))
    return " (backward)" if turned or layer["direction"] == "backward" else " (forward)"


def is_recurrent(op: Op, layer: dict[str, Any]) -> bool:
    """Whether an op runs a layer over time."""
    return (op.code == "WHILE" or "_SEQUENCE_" in op.code) and is_within(op, layer)


def reads_reversed(model: Model, op: Op) -> bool:
    """Whether every sequence that an op reads was reversed in time before it.

    A layer that runs backward is often a forward loop over a reversed input. If the reversal could
    not be folded into the loop, a REVERSE_V2 is in front of it.
    """
    makers = {tensor: each for each in model.main.ops for tensor in each.outputs}
    known: dict[Tensor, frozenset[bool]] = {}

    def turns(tensor: Tensor) -> frozenset[bool]:
        """For each path to a tensor: whether it reverses time an odd number of times."""
        stack = [tensor]
        while stack:
            top = stack[-1]
            maker = makers.get(top)
            if top in known:
                stack.pop()
                continue
            if maker is None or maker.code == "WHILE" or "_SEQUENCE_" in maker.code:
                known[top] = frozenset() if _is_no_sequence(top) else frozenset({False})
                continue
            operands = [t for t in maker.inputs if t is not None and not _is_no_sequence(t)]
            missing = [t for t in operands if t not in known]
            if missing:
                stack += missing
                continue
            found = frozenset[bool]().union(*(known[t] for t in operands))
            known[top] = frozenset(not t for t in found) if maker.code == "REVERSE_V2" else found
        return known[tensor]

    operands = [t for t in op.inputs if t is not None and not _is_no_sequence(t, rank=3)]
    return frozenset[bool]().union(*map(turns, operands)) == {True}


def _is_no_sequence(tensor: Tensor, rank: int = 2) -> bool:
    """Whether a tensor is a constant, a state, or has fewer axes than `rank`."""
    axes = len(tensor.shape) if tensor.shape is not None else rank
    return tensor.data is not None or tensor.is_variable or axes < rank
