"""`rnnlite init`: writes a commented config for a model file, from the content of the file."""

from __future__ import annotations

import json
import os
import re
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from rnnlite_pipeline.config import Format, check_files, load_config, schema_text
from rnnlite_pipeline.config.headers.kinds import begins_architecture
from rnnlite_pipeline.errors import CallError, ConfigError
from rnnlite_pipeline.files import write_atomically

_KNOWN = (
    "a .keras or .h5 file of Keras, an architecture of Keras as JSON or YAML, the folder of a"
    " SavedModel, a .pb or .meta graph of TensorFlow 1, or a .tflite file"
)
_USUAL = "serving_default"
_H5 = b"\x89HDF\r\n\x1a\n"


def write_config(
    model: Path, to: Path | None, signature: str = "", custom: Mapping[str, str] | None = None
) -> list[Path]:
    """Writes a config that `validate` and `convert` accept without changes.

    Args:
        model: The model's file or folder.
        to: The config to write; configs/NAME.yaml if None.
        signature: The signature of a SavedModel; empty for its default one.
        custom: As `source.custom_objects`.

    Returns:
        The written files: the config, and the schema that it refers to if there was none.

    Raises:
        CallError: It is not a model file, or the config exists already.
        SourceError: The model cannot be read, or needs objects that only its author can name.
    """
    kind = format_of(model)
    name = _name(model, signature)
    path = to or Path("configs") / f"{name}.yaml"
    if path.exists():
        raise CallError(f"{path} is there already.", "Name another file: -o FILE.")
    from rnnlite_pipeline.sources.described import described

    weights = None
    if kind in ("h5", "keras"):
        from rnnlite_pipeline.sources.weights_beside import pair

        model, weights = pair(model)
    extra: dict[str, Any] = {"signature": signature} if signature else {}
    extra |= {"custom_objects": dict(custom)} if custom else {}
    source: dict[str, Any] = {"format": kind, "path": str(model.absolute())}
    told = described(source | extra | ({"weights": str(weights.absolute())} if weights else {}))
    source["path"] = _relative(model, path.parent)
    source |= {"weights": _relative(weights, path.parent)} if weights else {}
    source |= extra | told.get("source", {})
    write_atomically(path, config_text(name, source, told).encode())
    try:
        check_files(load_config(path))
    except ConfigError:
        path.unlink()
        raise
    schema = path.with_name("schema.json")
    if schema.exists():
        return [path]
    write_atomically(schema, schema_text().encode())
    return [path, schema]


def format_of(model: Path) -> Format:
    """The format of a model file, by its content.

    Raises:
        CallError: There is no such file, or its format does not describe inputs and outputs.
    """
    if model.is_dir():
        if any((model / name).is_file() for name in ("saved_model.pb", "saved_model.pbtxt")):
            return "saved_model"
        raise CallError(f"{model} is a folder without saved_model.pb.", f"Expected {_KNOWN}.")
    if not model.exists():
        raise CallError(f"{model}: no such file or folder.", f"Expected {_KNOWN}.")
    with model.open("rb") as file:
        head = file.read(64)
    if head.startswith(_H5):
        return "h5"
    if head[4:8] == b"TFL3":
        return "tflite"
    if zipfile.is_zipfile(model):
        return "keras"
    if model.suffix in (".pb", ".pbtxt", ".meta"):
        return "graph_def"
    if begins_architecture(head):
        return "h5"
    raise CallError(f"{model} is no model file that is known here.", f"Expected {_KNOWN}.")


def config_text(name: str, source: Mapping[str, Any], told: Mapping[str, Any]) -> str:
    """The text of the config; its comments list the content of the model.

    Args:
        name: The model's name.
        source: The keys of `source:`.
        told: The model's description, as the stage import writes it.
    """
    first, shape = told["inputs"][0]["name"], told["inputs"][0]["shape"]
    arrays = _printable(", ".join(each["name"] for each in told["inputs"]))
    length_is_open = None in shape[1:]
    sizes = [d or (8 if k else 1) for k, d in enumerate(shape)]
    sizes = [shape[0], *sizes[1:]] if length_is_open else sizes
    pins = f"{{{_scalar(first)}: {_shape(sizes)}}}"
    return f"""\
# yaml-language-server: $schema=./schema.json
#
# What the model holds:
{_comments(told)}
#
# `rnnlite validate` checks this file, `rnnlite inspect` shows what will become of each layer,
# `rnnlite convert` converts, `rnnlite package` makes the release.
name: {_scalar(name)}
version: 0.1.0
pipeline: default            # release: stricter gates; it wants data with labels
source:
{"".join(f"  {key}: {_value(value)}{chr(10)}" for key, value in source.items())}\
{_hint(source, pins)}
targets: [litert]            # the runtimes it must run on; tflm for microcontrollers, and others
recurrent:
  lowering: auto             # fused: a fused op for each layer, or an error that says why not
  bidirectional: group       # split: two ops, one each way
  state: source              # reset, persist or explicit: what is kept between calls
quantization:
  scheme: none               # dynamic_range: int8 weights; float16; int8 and int16x8: integers only
  # calibration: {{path: calibration.npz}}   # for int8 and int16x8; arrays: {arrays}
verification:
  data: {{random: {{samples: 32, seed: 0}}}}   # better, real data: {{path: test.npz}}, with the
                             # arrays {arrays}; and labels for accuracy
  # min_accuracy: 0.97
  # max_accuracy_drop: 0.005
"""


def _hint(source: Mapping[str, Any], pins: str) -> str:
    """A comment on the inputs: check the proposed ones, or close open dimensions."""
    if "inputs" in source:
        return (
            "  # inputs, outputs and constants are a proposal, from the graph's placeholders and\n"
            "  # ends: check them; null leaves a dimension open"
        )
    return f"  # inputs: {pins}   # closes open dimensions (null), as tflm and NPUs need"


def _comments(told: Mapping[str, Any]) -> str:
    lines = [_line("input", each) for each in told["inputs"]]
    lines += [_line("output", each) for each in told["outputs"]]
    for layer in told["layers"]:
        units = f", {layer['units']} units" if "units" in layer else ""
        lines.append(f"layer   {layer['name']}: {layer.get('class', '')}{units}")
    lines += [f"state   {name}" for name in told["states"]]
    return "\n".join(f"#   {_printable(line)}" for line in lines)


def _line(side: str, spec: Mapping[str, Any]) -> str:
    return f"{side:<7} {spec['name']}: {spec['dtype']} {_shape(spec['shape'])}"


def _shape(shape: Iterable[int | None]) -> str:
    return "[" + ", ".join("null" if d is None else str(d) for d in shape) + "]"


def _name(model: Path, signature: str = "") -> str:
    """A model's name, made from the name of the file with the allowed characters.

    It includes the signature if that is not the usual one: each signature is another model.
    """
    stem = model.absolute().name if model.is_dir() else model.stem
    parts = [stem, *([] if signature in ("", _USUAL) else [signature])]
    slugs = (re.sub(r"[^a-z0-9.-]+", "-", part.lower()).strip("-.") for part in parts)
    return "-".join(slug for slug in slugs if slug) or "model"


def _relative(model: Path, folder: Path) -> str:
    return Path(os.path.relpath(model.absolute(), folder.absolute())).as_posix()


def _value(value: Any) -> str:
    """A value of `source:` on one line; JSON is YAML."""
    return _scalar(value) if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _scalar(text: str) -> str:
    """Text as YAML; in quotes if YAML could read it as another value."""
    plain = re.fullmatch(r"[A-Za-z_./][\w./-]*", text, re.ASCII)
    words = ("true", "false", "null", "yes", "no", "on", "off")
    if plain and text.lower() not in words and not text.startswith((".", "-")):
        return text
    if plain and text.startswith(("../", "./")):
        return text
    return json.dumps(text, ensure_ascii=False)


def _printable(text: str) -> str:
    """The text without control characters, so that a name cannot end the comment."""
    return "".join(letter if letter.isprintable() else "?" for letter in text)
