"""Where a config's `metadata:` and the model do not fit together."""

from __future__ import annotations

from collections.abc import Iterator

from rnnlite_pipeline.config import Config
from rnnlite_pipeline.config.associated import AssociatedFiles
from rnnlite_pipeline.config.description import TensorMetadata
from rnnlite_pipeline.config.document import Loc
from rnnlite_pipeline.config.early import wrong_tensor
from rnnlite_pipeline.config.headers.interface import Shape
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
                yield from wrong_tensor(loc, each, _shape(tensors[each.name]), files)
            else:
                meant = did_you_mean(each.name, tensors)
                yield (*loc, "name"), f"the model has no {side[:-1]} `{each.name}`. {meant}"


def _shape(tensor: Tensor) -> Shape | None:
    """The sizes as a config has them: None where one is open."""
    if tensor.shape is None:
        return None
    return tuple(None if size == OPEN else size for size in tensor.shape)
