"""What `validate` finds before any model is opened; without it, a stage would fail minutes later.

1. The modules that the config names can be found, without running them.
2. The extras that a source, a runtime or a gate needs are installed.
3. The metadata that the gates ask for is in the config, and the license has an identifier.
4. The described inputs and outputs exist, and have as many dimensions, channels and labels.
5. The names of the files are not longer than a file system allows.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator, Mapping
from importlib.machinery import PathFinder
from pathlib import Path

from rnnlite_pipeline.config.associated import AssociatedFiles
from rnnlite_pipeline.config.declared import Declared
from rnnlite_pipeline.config.description import InputMetadata, OutputMetadata, TensorMetadata
from rnnlite_pipeline.config.document import Loc
from rnnlite_pipeline.config.headers.interface import Shape, Tensor
from rnnlite_pipeline.config.licenses import identifier
from rnnlite_pipeline.config.model import Config
from rnnlite_pipeline.config.pipeline import Pipeline

Wrong = Iterator[tuple[Loc, str]]

#: The longest name of a file that common file systems take, in bytes.
LONGEST = 255

#: The longest ending of a file that is named after a release, while it is written.
_ENDING = ".-.provenance.json.xxxxxxxx"


def wrong_early(
    config: Config, pipeline: Pipeline | None, known: Declared | None, files: AssociatedFiles
) -> Wrong:
    """Each problem with the value of the config that is wrong.

    Args:
        config: The config.
        pipeline: Its pipeline; None if the file of the pipeline is wrong.
        known: The model's interface, as far as it is known.
        files: The label and vocabulary files that the config names.
    """
    yield from _wrong_name(config)
    yield from _wrong_modules(config)
    yield from _missing_extras(config, pipeline)
    if pipeline:
        yield from _missing_metadata(config, pipeline)
    if known and config.metadata:
        yield from _wrong_lengths(config, known, files)


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
                    " give a link to its terms in package.card.license_link"
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


def _wrong_lengths(config: Config, known: Declared, files: AssociatedFiles) -> Wrong:
    assert config.metadata is not None
    sides: tuple[tuple[str, Mapping[str, Tensor], tuple[TensorMetadata, ...]], ...] = (
        ("inputs", known.inputs, config.metadata.inputs),
        ("outputs", known.outputs, config.metadata.outputs),
    )
    for side, tensors, described in sides:
        for i, told in enumerate(described):
            loc: Loc = ("metadata", side, i)
            tensor = tensors.get(told.name)
            if tensor is not None:
                yield from wrong_tensor(loc, told, tensor.shape, files)
            elif tensors and config.recurrent.state != "explicit":
                names = ", ".join(tensors)
                yield (*loc, "name"), f"the model has no {side[:-1]} `{told.name}`; it has {names}"


def wrong_tensor(
    loc: Loc, told: TensorMetadata, shape: Shape | None, files: AssociatedFiles
) -> Wrong:
    """What the metadata of one input or output says that does not fit its shape.

    Args:
        loc: Where the config describes it.
        told: The description.
        shape: Its sizes, None where one is open; None where the rank is not known.
        files: The label files that the config names.
    """
    if shape is None:
        return
    rank, count = len(shape), len(told.dimensions or ())
    width = shape[-1] if shape else 1
    if count and count != rank:
        yield (*loc, "dimensions"), f"{count} names; `{told.name}` has {rank} dimensions"
    if isinstance(told, InputMetadata) and told.normalization:
        channels = len(told.normalization.mean)
        if width is not None and channels not in (1, width):
            expected = f"`{told.name}` has {width} channels; give 1 or {width}"
            yield (*loc, "normalization", "mean"), f"{channels} values; {expected}"
    if isinstance(told, OutputMetadata) and told.labels:
        labels = files.lines(told.labels)
        if labels is not None and width not in (None, len(labels)):
            said = f"{told.labels} has {len(labels)} labels; `{told.name}` is {width} wide"
            yield (*loc, "labels"), said
