"""The sections on the model itself: what it is, its recurrent layers, where it comes from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from html import escape
from typing import TYPE_CHECKING, Any

from rnnlite_pipeline.graph.ir import OPEN, Model, Tensor
from rnnlite_pipeline.metadata import read_description
from rnnlite_pipeline.report.html import equation, facts, section, size, table

if TYPE_CHECKING:
    from rnnlite_pipeline.config import Config

#: How a source's format is called in a sentence.
FORMATS = {
    "keras": "a .keras archive of Keras 3",
    "h5": "an H5 file of Keras 2 or 3",
    "saved_model": "a SavedModel",
    "concrete_function": "a TensorFlow function, built by code",
    "graph_def": "a frozen TensorFlow 1 graph",
    "jax": "a JAX function, built by code",
    "tflite": "a .tflite file",
}


@dataclass(frozen=True, eq=False)
class About:
    """What the report tells of a model besides its verification.

    Attributes:
        config: The model's config.
        source: The source's graph as imported.
        model: The converted model.
        layers: The recurrent layers, as convert left them (layer_record.py).
        digests: The sha256 of the files it was made and verified from, by what they are.
    """

    config: Config
    source: Model
    model: Model
    layers: list[dict[str, Any]] = field(default_factory=list)
    digests: Mapping[str, str] = field(default_factory=dict)


def interface(about: About) -> str:
    """What the model is for, and what goes in and out."""
    config, told = about.config, about.config.metadata
    description = read_description(about.model)
    said = facts(
        [
            ("source", _source(about)),
            ("lowering", config.recurrent.lowering),
            ("state", str(description.recurrent.get("state", config.recurrent.state))),
            ("quantization", config.quantization.scheme),
            ("author", (told and told.author) or ""),
            ("license", (told and told.license) or ""),
            *sorted(config.annotations.items()),
        ]
    )
    signature = about.model.signatures[0]
    rows = [
        *(_port("in", n, t, _told(about, "inputs", n)) for n, t in signature.inputs.items()),
        *(_port("out", n, t, _told(about, "outputs", n)) for n, t in signature.outputs.items()),
    ]
    return section("The model", said + table(("", "name", "shape", "type", "what it is"), rows))


def _source(about: About) -> str:
    source = about.config.source
    name = (source.path or "").rsplit("/", 1)[-1]
    return f"{FORMATS[source.format]}{f', {name}' if name else ''}"


def _told(about: About, side: str, name: str) -> str:
    tensors = getattr(about.config.metadata, side, ())
    return next((t.description or "" for t in tensors if t.name == name), "")


def _port(side: str, name: str, tensor: Tensor, told: str) -> tuple[str, str, str, str, str]:
    return side, name, shape(tensor), tensor.dtype.lower(), told


def shape(tensor: Tensor) -> str:
    """The dimensions, `?` where open."""
    if tensor.shape is None:
        return "any"
    return " × ".join("?" if d == OPEN else str(d) for d in tensor.shape) or "one number"


def recurrences(about: About) -> str:
    """Each recurrent layer: its equations, what it became, and why."""
    note = (
        "As read from the source's graph: x is a step's input, a prime marks a state after the"
        " step, W, R and P are matrices, σ is the logistic function, ⊙ multiplies number by"
        " number."
    )
    return section("Recurrent layers", "".join(map(_layer, _alike(about.layers))), note)


def _alike(layers: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Layers that differ in nothing but name and direction are shown as one."""
    groups: dict[str, dict[str, Any]] = {}
    for layer in layers:
        same = {k: v for k, v in layer.items() if k not in ("name", "direction", "scope")}
        shown = groups.setdefault(repr(same), {**layer, "names": []})
        shown["names"].append((layer["name"], layer.get("direction", "")))
    return list(groups.values())


def _layer(layer: dict[str, Any]) -> str:
    names = ", ".join(f"{name} ({way})" if way else name for name, way in layer["names"])
    lines = "".join(f"<li>{equation(line)}</li>" for line in layer.get("equations", ()))
    shown = f'<ol class="equations">{lines}</ol>' if lines else ""
    sizes = ""
    if "cell" in layer:
        states = " and ".join(map(str, layer["states"]))
        sizes = f"{layer['cell']}, {layer['features']} features, state {states} wide"
    became = f"became {layer['op']}{': ' * bool(layer['reason'])}{layer['reason']}"
    return (
        f'<div class="layer"><h3>{escape(names)}</h3><p>{escape(sizes)}'
        f"{' · ' * bool(sizes)}{escape(became)}</p>{shown}</div>"
    )


def sizes(told: Mapping[str, Any]) -> str:
    """Each op and how many there are, and bytes, before and after.

    Args:
        told: The facts of a verification.
    """
    ops = told.get("ops")
    if not ops:
        return ""
    names = sorted({*ops["source"], *ops["model"]})
    rows = [(n, str(ops["source"].get(n, "")), str(ops["model"].get(n, ""))) for n in names]
    total = ("size", size(told["bytes"]["source"]), size(told["bytes"]["model"]))
    shown = table(("op, in all subgraphs", "#as imported", "#converted"), [*rows, total])
    arena = told.get("tflm")
    note = f"TensorFlow Lite Micro takes {arena['arena_bytes']:,} bytes of arena." if arena else ""
    return section("Ops and size", shown, note)


def provenance(told: Mapping[str, Any], about: About | None) -> str:
    """What the model was made from, and by what."""
    digests = [("model.tflite", str(told.get("model_sha256", "")))]
    digests += sorted(about.digests.items()) if about else []
    rows = [(name, digest) for name, digest in digests if digest]
    versions = [(name, str(v)) for name, v in sorted(told.get("versions", {}).items())]
    shown = table(("file", "sha256"), rows) + table(("made and judged with", "version"), versions)
    return section("Provenance", shown)
