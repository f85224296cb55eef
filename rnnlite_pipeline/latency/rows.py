"""The parts of a model as rows of a table: what is known of each without running it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from rnnlite_pipeline.graph.ir import Model, Op
from rnnlite_pipeline.graph.multiply_adds import of_op, weight_bytes
from rnnlite_pipeline.latency.cut import Part, parts


def rows(model: Model, layers: Iterable[Mapping[str, Any]] = ()) -> list[dict[str, Any]]:
    """One row a part, in the order of `parts`; the same on every machine.

    Args:
        model: The model.
        layers: The recurrent layers, as convert left them (layer_record.py).

    Returns:
        "index" and "op" of the leading op, the "indices" of all of its ops in the main graph, and
        "with" what other ops; "name", the tensor that it computes; the recurrent "layer" where it
        is one; "multiply_adds", as `multiply_adds.of_op`; "weight_bytes", of its constants;
        whether it is the one part of "sizes" and constants.
    """
    layers = list(layers)
    places = {op: place for place, op in enumerate(model.main.ops)}
    return [_row(part, places, layers) for part in parts(model)]


def _row(part: Part, places: Mapping[Any, int], layers: list[Mapping[str, Any]]) -> dict[str, Any]:
    fixed, per_step = (sum(counts) for counts in zip(*map(of_op, part.ops), strict=True))
    name = part.lead.outputs[0].name if part.lead.outputs else ""
    return {
        "index": places[part.lead],
        "indices": [places[op] for op in part.ops],
        "op": part.lead.code,
        "with": dict(Counter(op.code for op in part.ops if op is not part.lead)),
        "name": name,
        "layer": ", ".join(each["name"] for each in layers if is_within(part.lead, each)),
        "multiply_adds": {"fixed": fixed, "per_step": per_step},
        "weight_bytes": sum(map(weight_bytes, part.ops)),
        "sizes": part.is_early,
    }


def title(row: Mapping[str, Any]) -> str:
    """What a row is called: its leading op, and what runs with it."""
    if row["sizes"]:
        return f"sizes and constants ({len(row['indices'])} ops)"
    return " + ".join([row["op"], *(f"{count} {code}" for code, count in row["with"].items())])


def place(row: Mapping[str, Any]) -> str:
    """Where a row is in the model: the layer that a recurrence is, else the tensor it computes."""
    if row["sizes"]:
        return ""
    recurrent = row["op"] == "WHILE" or "_SEQUENCE_" in row["op"]
    return str((recurrent and row["layer"]) or row["name"].split(";")[0])


def is_within(op: Op, layer: Mapping[str, Any]) -> bool:
    """Whether a result, a constant or a state of the op has its name in the layer's scope."""
    scope = layer.get("scope") or layer["name"]
    own = (t for t in op.inputs if t is not None and (t.data is not None or t.is_variable))
    return any(t.name == scope or t.name.startswith(f"{scope}/") for t in (*op.outputs, *own))
