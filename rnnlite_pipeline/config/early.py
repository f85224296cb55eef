"""What `validate` finds before any model is opened, which would else fail minutes later.

1. The arrays of data and calibration are those of the model's inputs (`declared.py`).
2. The modules that the config names can be found, without running them.
3. The extras that a source, a runtime or a gate needs are installed.
4. What the gates ask of the metadata stands in the config, and the license is one.
5. Names, dimensions and labels are as many as they must be, and not too long for a file.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator, Mapping
from importlib.machinery import PathFinder
from pathlib import Path

from rnnlite_pipeline.config.arrays import Header
from rnnlite_pipeline.config.declared import Declared, Tensor
from rnnlite_pipeline.config.document import Loc
from rnnlite_pipeline.config.licenses import identifier
from rnnlite_pipeline.config.model import Config
from rnnlite_pipeline.config.pipeline import Pipeline

Wrong = Iterator[tuple[Loc, str]]

#: The longest name of a file that common file systems take, in bytes.
LONGEST = 255

#: The longest ending of a file that is named after a release, while it is written.
_ENDING = ".-.provenance.json.xxxxxxxx"

_DTYPES = {
    "f2": "float16",
    "f4": "float32",
    "f8": "float64",
    "b1": "bool",
    **{f"{kind}{size}": f"{word}{8 * size}" for kind, word in (("i", "int"), ("u", "uint"))
       for size in (1, 2, 4, 8)},
}  # fmt: skip


def wrong_early(config: Config, pipeline: Pipeline | None, known: Declared | None) -> Wrong:
    """All of it but rule 1.

    Args:
        config: The config.
        pipeline: Its pipeline; None where its own file is wrong.
        known: The model's interface, as far as it is known.
    """
    yield from _wrong_name(config)
    yield from _wrong_modules(config)
    yield from _missing_extras(config, pipeline)
    if pipeline:
        yield from _missing_metadata(config, pipeline)
    if known and config.metadata:
        yield from _wrong_lengths(config, known)


def wrong_arrays(
    config: Config, loc: Loc, path: Path, headers: Mapping[str, Header], known: Declared
) -> Wrong:
    """Rule 1, for one file.

    Args:
        config: The config.
        loc: Where it names the file.
        path: The file.
        headers: Its arrays.
        known: The model's interface.
    """
    sizes = {t.shape[0] for t in known.inputs.values() if t.shape}
    whole = len(sizes) > 1 and None not in sizes  # taken as they are, without a batch axis
    for name, tensor in known.inputs.items():
        if name not in headers:
            holds = ", ".join(sorted(headers))
            yield (
                loc,
                f"{path} has no array for the input `{name}` ({known.said_by}); it has {holds}",
            )
            continue
        header = headers[name]
        dtype = _DTYPES.get(header.dtype.lstrip("<>|="), header.dtype)
        if dtype != tensor.dtype:
            cast = f'store it with .astype("{tensor.dtype}")'
            yield loc, f"{path}: `{name}` is {dtype}, and the input {tensor.dtype}; {cast}"
        if tensor.shape and not whole and not _fits(config, header.shape, tensor.shape):
            expected = ", ".join(["N", *("any" if d is None else str(d) for d in tensor.shape[1:])])
            found = ", ".join(map(str, header.shape))
            said = f"`{name}` has the shape [{found}]; expected [{expected}] ({known.said_by})"
            yield loc, f"{path}: {said}"
    if loc[0] != "verification":
        return
    for name in headers:
        if name not in known.inputs and name != "labels" and not name.startswith("labels_"):
            inputs = ", ".join(known.inputs)
            yield loc, f"{path} has an array `{name}`, which is no input; the inputs are {inputs}"


def _fits(config: Config, shape: tuple[int, ...], wanted: tuple[int | None, ...]) -> bool:
    """Whether samples fit; only of a Keras model is it known that its second axis is no batch."""
    first = 1 if config.source.format == "keras" else 2
    return len(shape) == len(wanted) and all(
        d in (None, n) for n, d in zip(shape[first:], wanted[first:], strict=True)
    )


def _wrong_name(config: Config) -> Wrong:
    name = f"{config.name}-{config.version}"
    over = len(f"{name}{_ENDING}".encode()) - LONGEST
    if over > 0:
        loc: Loc = ("variants", config.variant) if config.variant else ("name",)
        said = f"files are named {config.name[:20]}…-{config.version[:20]}, which is {over} bytes"
        yield loc, f"{said} longer than a file's name can be; make it shorter"


def _wrong_modules(config: Config) -> Wrong:
    source = config.source
    named: list[tuple[Loc, str]] = []
    if source.factory:
        named.append((("source", "factory"), source.factory))
    for name, target in source.custom_objects.items():
        named.append((("source", "custom_objects", name), target))
    for loc, target in named:
        if missing := _missing_module(target.partition(":")[0], config.folder):
            where = "neither beside the config, nor in the working folder, nor installed"
            yield loc, f"there is no module {missing}, {where}"


def _missing_module(module: str, folder: Path) -> str:
    """The first part of `a.b.c` that cannot be found, without importing any of it."""
    path: list[str] | None = [str(folder), str(Path.cwd()), *sys.path]
    parts = module.split(".")
    for i, part in enumerate(parts):
        name = ".".join(parts[: i + 1])
        if i == 0 and name in sys.builtin_module_names:
            return ""
        spec = PathFinder.find_spec(name if i == 0 else part, path)
        if spec is None:
            return name
        if spec.submodule_search_locations is None:
            return ".".join(parts[: i + 2]) if i + 1 < len(parts) else ""
        path = list(spec.submodule_search_locations)
    return ""


def _missing_extras(config: Config, pipeline: Pipeline | None) -> Wrong:
    needed: list[tuple[Loc, str, str, str]] = []
    if config.source.format == "jax":
        needed.append((("source", "format"), "jax", "jax", "the source is of format jax"))
    for i, runtime in enumerate(config.verification.runtimes or ()):
        if runtime == "tflm":
            loc: Loc = ("verification", "runtimes", i)
            needed.append((loc, "tflite_micro", "tflm", "the model is verified on tflm"))
    targets = [target for target in config.targets if target.startswith("ethos-u")]
    if pipeline and pipeline.gates.npu_share is not None and targets:
        why = f"`{pipeline.name}` has the gate npu_share, which needs Vela"
        needed.append((("targets",), "ethosu", "ethos-u", why))
    for loc, module, extra, why in needed:
        if importlib.util.find_spec(module) is None:
            yield loc, f"{why}, and that is not installed: run `pip install 'rnnlite[{extra}]'`"


def _missing_metadata(config: Config, pipeline: Pipeline) -> Wrong:
    told = config.metadata
    for field in pipeline.gates.require_metadata:
        side, _, of_tensor = field.partition(".")
        gate = f"`{pipeline.name}` has the gate require_metadata {field}"
        if not of_tensor:
            if not (told and getattr(told, field)):
                yield ("metadata",), f"{gate}, and the config does not give it: add {field}"
            elif field == "license" and told.license and not _licensed(config, told.license):
                message = (
                    f"“{told.license}” is no license that has an identifier, such as apache-2.0; or"
                    " say in package.card.license_link where its terms stand"
                )
                yield ("metadata", "license"), message
            continue
        tensors = getattr(told, side) if told else ()
        if not tensors:
            yield ("metadata",), f"{gate}, and the config describes no {side}"
        for i, tensor in enumerate(tensors):
            if not getattr(tensor, of_tensor):
                message = f"{gate}, and `{tensor.name}` does not give it: add {of_tensor}"
                yield ("metadata", side, i), message


def _licensed(config: Config, named: str) -> bool:
    card = config.package.card
    return bool(identifier(named) or (card and card.license_link))


def _wrong_lengths(config: Config, known: Declared) -> Wrong:
    assert config.metadata is not None
    sides: tuple[tuple[str, Mapping[str, Tensor]], ...] = (
        ("inputs", known.inputs),
        ("outputs", known.outputs),
    )
    for side, tensors in sides:
        for i, told in enumerate(getattr(config.metadata, side)):
            tensor = tensors.get(told.name)
            if tensor is None:
                if tensors and config.recurrent.state != "explicit":
                    names = ", ".join(tensors)
                    message = f"the model has no {side[:-1]} `{told.name}`; it has {names}"
                    yield ("metadata", side, i, "name"), message
                continue
            rank, count = len(tensor.shape), len(told.dimensions or ())
            if count and count != rank:
                message = f"{count} names; `{told.name}` has {rank} dimensions"
                yield ("metadata", side, i, "dimensions"), message
