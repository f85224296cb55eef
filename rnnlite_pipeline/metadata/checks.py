"""Where a config's `metadata:` and the model do not fit together."""

from __future__ import annotations

from collections.abc import Iterator

from rnnlite_pipeline.config import Config
from rnnlite_pipeline.config.associated import AssociatedFiles
from rnnlite_pipeline.config.description import InputMetadata, OutputMetadata, TensorMetadata
from rnnlite_pipeline.config.document import Loc
from rnnlite_pipeline.errors import did_you_mean
from rnnlite_pipeline.graph.ir import OPEN, Model, Tensor
from rnnlite_pipeline.metadata.names import named_tensors


def wrong_metadata(
    model: Model, config: Config, files: AssociatedFiles
) -> Iterator[tuple[Loc, str]]:
    """Descriptions that do not fit the model; each with its place in the config.

    1. Every name is that of an input or output.
    2. There is a name for each dimension, and a mean for each channel, or one for all.
    3. There is a label for each value of an output's last axis.
    """
    if config.metadata is None:
        return
    described: tuple[tuple[str, tuple[TensorMetadata, ...]], ...] = (
        ("inputs", config.metadata.inputs),
        ("outputs", config.metadata.outputs),
    )
    for side, told in described:
        tensors = named_tensors(model, side)
        for i, each in enumerate(told):
            loc: Loc = ("metadata", side, i)
            if each.name in tensors:
                yield from _wrong_tensor(loc, each, tensors[each.name], files)
            else:
                meant = did_you_mean(each.name, tensors)
                yield (*loc, "name"), f"the model has no {side[:-1]} `{each.name}`. {meant}"


def _wrong_tensor(
    loc: Loc, told: TensorMetadata, tensor: Tensor, files: AssociatedFiles
) -> Iterator[tuple[Loc, str]]:
    shape = tensor.shape
    if shape is None:
        return
    width = shape[-1] if shape else 1
    if told.dimensions and len(told.dimensions) != len(shape):
        count = len(told.dimensions)
        yield (*loc, "dimensions"), f"{count} names; `{told.name}` has {len(shape)} dimensions"
    if isinstance(told, InputMetadata) and told.normalization:
        channels = len(told.normalization.mean)
        if width != OPEN and channels not in (1, width):
            expected = f"`{told.name}` has {width} channels; give 1 or {width}"
            yield (*loc, "normalization", "mean"), f"{channels} values; {expected}"
    if isinstance(told, OutputMetadata) and told.labels:
        labels = files.lines(told.labels)
        if labels is not None and width not in (OPEN, len(labels)):
            said = f"{told.labels} has {len(labels)} labels; `{told.name}` is {width} wide"
            yield (*loc, "labels"), said
