"""The sections on the model itself: its purpose, its inputs and outputs, its origin."""

from __future__ import annotations

import numpy as np

from rnnlite_pipeline.graph.ir import NUMPY, OPEN, Tensor
from rnnlite_pipeline.metadata import read_description
from rnnlite_pipeline.report.evidence import About, Facts
from rnnlite_pipeline.report.figures import share, size
from rnnlite_pipeline.report.html import Cell, Section, pairs, section, table

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


def interface(about: About) -> Section:
    """The settings of the model, and its inputs and outputs."""
    config, told = about.config, about.config.metadata
    description = read_description(about.model)
    said = pairs(
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
    ports = [("input", n, t, _told(about, "inputs", n)) for n, t in signature.inputs.items()]
    ports += [("output", n, t, _told(about, "outputs", n)) for n, t in signature.outputs.items()]
    quantized = any(_scaled(tensor) for _, _, tensor, _ in ports)
    described = any(text for *_, text in ports)
    columns = ["", "name", "shape", "type"]
    columns += ["#scale", "#zero point", "real values"] * quantized + ["what it is"] * described
    rows = [
        [side, name, shape(tensor), tensor.dtype.lower()]
        + (_scales(tensor) if quantized else [])
        + [told] * described
        for side, name, tensor, told in ports
    ]
    return section("model", "The model", facts=said, ports=table(columns, rows))


def _source(about: About) -> str:
    source = about.config.source
    name = (source.path or "").rsplit("/", 1)[-1]
    return f"{FORMATS[source.format]}{f', {name}' if name else ''}"


def _told(about: About, side: str, name: str) -> str:
    tensors = getattr(about.config.metadata, side, ())
    return next((t.description or "" for t in tensors if t.name == name), "")


def _scaled(tensor: Tensor) -> bool:
    """Whether its values are stored as integers; a float tensor may carry a scale as well."""
    stored = NUMPY.get(tensor.dtype)
    is_integer = stored is not None and stored.kind in "iu"
    return is_integer and bool(tensor.quantization and tensor.quantization.scale)


def _scales(tensor: Tensor) -> list[Cell]:
    """real = scale * (stored - zero point), and the real values that the stored ones reach."""
    if tensor.quantization is None or not _scaled(tensor):
        return ["", "", "as they are"]
    scale, zero = tensor.quantization.scale[0], (tensor.quantization.zero_point or (0,))[0]
    bounds = np.iinfo(NUMPY[tensor.dtype])
    low, high = (float(scale) * (int(end) - int(zero)) for end in (bounds.min, bounds.max))
    return [f"{scale:.6g}", str(zero), f"{low:.4g} to {high:.4g}"]


def shape(tensor: Tensor) -> str:
    """The dimensions, `?` where open."""
    if tensor.shape is None:
        return "any"
    return " × ".join("?" if d == OPEN else str(d) for d in tensor.shape) or "one number"


def sizes(facts: Facts) -> Section | None:
    """Each op and how many there are, and bytes, before and after."""
    ops = facts.ops
    if not ops:
        return None
    names = sorted({*ops["source"], *ops["model"]})
    rows = [(n, str(ops["source"].get(n, "")), str(ops["model"].get(n, ""))) for n in names]
    before, after = facts.bytes["source"], facts.bytes["model"]
    note = (
        f"The file has {size(after)}, {share(after, before)} of the {size(before)} of the graph as"
        " imported."
    )
    if facts.tflm:
        note += f" TensorFlow Lite Micro takes {facts.tflm['arena_bytes']:,} bytes of arena."
    columns = ("op, in all subgraphs", "#as imported", "#converted")
    return section("ops", "Ops and size", template="table", note=note, table=table(columns, rows))


def provenance(facts: Facts, about: About | None) -> Section | None:
    """What the model was made from, and by what."""
    digests = [("model.tflite", facts.model_sha256)]
    digests += sorted(about.digests.items()) if about else []
    rows = [(name, digest) for name, digest in digests if digest]
    versions = sorted(facts.versions.items())
    tables = [table(("file", "sha256"), rows), table(("made and judged with", "version"), versions)]
    if not any(tables):
        return None
    return section("provenance", "Provenance", tables=[each for each in tables if each])
