"""The parts of the graph that reading and writing must agree on, both ways side by side.

The file can say one thing in several ways (a static shape beside an open dimension, an empty
quantization table). The plain objects hold the meaning; where a file's spelling is not the one
the writer would choose, it is kept in `extra` under `SPELLING`, and is written again only while
it still means what the object says, so that a pass need not know of it.
"""

from __future__ import annotations

from typing import Any

from rnnlite_pipeline.graph import schema
from rnnlite_pipeline.graph.flat import Fields, damaged
from rnnlite_pipeline.graph.ir import OPEN, Quantization, Subgraph, Tensor

#: The key of `extra` that holds the file's own fields for shape and quantization.
SPELLING = "spelling"

#: Options fields that hold the index of a subgraph, or a list of them, and their name here.
SUBGRAPH_FIELDS = {
    ("CallOptions", "subgraph"): "subgraph",
    ("StablehloCaseOptions", "branch_subgraph_indices"): "branch_subgraphs",
    ("StablehloCustomCallOptions", "called_computations"): "called_subgraphs",
}

#: The Operator fields that hold options, and the enums of their unions.
OPTIONS_UNIONS = {"builtin_options": "BuiltinOptions", "builtin_options2": "BuiltinOptions2"}

#: Options fields that hold an ActivationFunctionType.
ACTIVATION = "fused_activation_function"

Shape = tuple[int, ...] | None


def read_shape(fields: Fields, constant: bool) -> Shape:
    """The shape a tensor's fields mean: OPEN where the signature is, None for unknown rank."""
    static, signature = fields.get("shape"), fields.get("shape_signature")
    if constant:
        return tuple(static or ())
    if not static and not signature and not fields["has_rank"]:
        return None
    return tuple(signature or static or ())


def write_shape(shape: Shape) -> Fields:
    """The fields for a shape; the static shape is 1 where a dimension is open."""
    if shape is None:
        return {"has_rank": False}
    fields: Fields = {"has_rank": True, "shape": [1 if d == OPEN else d for d in shape]}
    if OPEN in shape:
        fields["shape_signature"] = list(shape)
    return fields


def read_quantization(fields: Fields | None) -> Quantization | None:
    """Affine quantization, or None where the table says nothing."""
    if not fields or not any(fields.get(k) for k in ("scale", "zero_point", "min", "max")):
        return None
    return Quantization(
        scale=tuple(fields.get("scale", ())),
        zero_point=tuple(fields.get("zero_point", ())),
        minimum=tuple(fields.get("min", ())),
        maximum=tuple(fields.get("max", ())),
        axis=fields["quantized_dimension"],
    )


def write_quantization(quantization: Quantization | None) -> Fields:
    """The fields of a quantization table, its empty vectors left out.

    A real-valued tensor has an empty table, as the converter writes it: tools rely on it.
    """
    if quantization is None:
        return {"details_type": 0, "quantized_dimension": 0}
    vectors = {
        "scale": quantization.scale,
        "zero_point": quantization.zero_point,
        "min": quantization.minimum,
        "max": quantization.maximum,
    }
    fields: Fields = {name: list(vector) for name, vector in vectors.items() if vector}
    return fields | {"details_type": 0, "quantized_dimension": quantization.axis}


def spelling(fields: Fields, tensor: Tensor) -> Fields:
    """What of a tensor's fields the writer would spell otherwise; empty as a rule."""
    shape_keys = ("shape", "shape_signature", "has_rank")
    shape = {k: fields[k] for k in shape_keys if k in fields}
    quantization = fields.get("quantization", write_quantization(None))
    kept: Fields = {}
    if shape != write_shape(tensor.shape):
        kept["shape"] = shape
    if quantization != write_quantization(tensor.quantization):
        kept["quantization"] = quantization
    return kept


def shape_fields(tensor: Tensor) -> Fields:
    """A tensor's shape fields: the file's own while they still mean `tensor.shape`."""
    kept: Fields | None = tensor.extra.get(SPELLING, {}).get("shape")
    if kept is not None and read_shape(kept, tensor.data is not None) == tensor.shape:
        return kept
    return write_shape(tensor.shape)


def quantization_fields(tensor: Tensor) -> Fields:
    """A tensor's quantization fields: the file's own while they still mean the same."""
    kept: Fields | None = tensor.extra.get(SPELLING, {}).get("quantization")
    if kept is not None and read_quantization(kept) == tensor.quantization:
        return kept
    return write_quantization(tensor.quantization)


def read_options(name: str, fields: Fields, subgraphs: list[Subgraph]) -> dict[str, Any]:
    """Options as `Op.options` holds them: activations by name, subgraphs as objects.

    Raises:
        ModelFormatError: An index or an activation is out of range.
    """
    options = dict(fields)
    if ACTIVATION in options:
        names = schema.enum_names("ActivationFunctionType")
        options[ACTIVATION] = _lookup(names, options[ACTIVATION], "activation")
    by_index = dict(enumerate(subgraphs))
    for field in fields:
        if target := _subgraph_name(name, field):
            value = options.pop(field)
            many = isinstance(value, list)
            found = [_lookup(by_index, i, "subgraph") for i in (value if many else [value])]
            options[target] = found if many else found[0]
    return options


def write_options(name: str, options: dict[str, Any], subgraphs: dict[Subgraph, int]) -> Fields:
    """The reverse of `read_options`.

    Raises:
        ValueError: The options hold a field that the schema's table has not.
    """
    fields: Fields = {}
    left = set(options)
    for field in schema.table(name).fields:
        key = _subgraph_name(name, field.name) or field.name
        if key not in options or options[key] is None:
            left.discard(key)
            continue
        left.remove(key)
        value = options[key]
        if key != field.name or (name, key) in SUBGRAPH_FIELDS:
            value = [subgraphs[s] for s in value] if field.vector else subgraphs[value]
        elif key == ACTIVATION:
            value = schema.enum_values("ActivationFunctionType")[value]
        fields[field.name] = value
    if left:
        raise ValueError(f"{name} has no field {', '.join(sorted(left))}")
    return fields


def options_union(name: str) -> str:
    """The Operator field that holds options of the table `name`."""
    return next(f for f, u in OPTIONS_UNIONS.items() if name in schema.enum_values(u))


def _subgraph_name(table: str, field: str) -> str | None:
    if field.endswith("_subgraph_index"):
        return field.removesuffix("_index")
    return SUBGRAPH_FIELDS.get((table, field))


def _lookup(table: dict[int, Any], index: int, what: str) -> Any:
    if index not in table:
        raise damaged(f"there is no {what} {index}")
    return table[index]
