"""The inputs and outputs of a model, and the error of a source file that is wrong."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from rnnlite_pipeline.config.document import Loc

Shape = tuple[int | None, ...]


@dataclass(frozen=True)
class Tensor:
    """An input or output: its shape, None where it is open, and its dtype as NumPy names it.

    Attributes:
        shape: One size for each axis; None as a whole where even the rank is open.
        dtype: Such as `float32`.
    """

    shape: Shape | None
    dtype: str


@dataclass(frozen=True)
class Interface:
    """The interface of a model, as far as it is known.

    Attributes:
        inputs: By name.
        outputs: By name, the first one first; empty where they are not known.
        layers: The names of its layers, or of its tensors with those of their layers in front;
            empty where they are not known.
    """

    inputs: Mapping[str, Tensor]
    outputs: Mapping[str, Tensor] = field(default_factory=dict)
    layers: frozenset[str] = field(default=frozenset(), compare=False)


class WrongSource(Exception):
    """A source file is not what the config says, or is damaged.

    Args:
        message: What is wrong, what was expected, and what to do.
        loc: The value of the config that is wrong.
    """

    def __init__(self, message: str, loc: Loc = ("source", "path")) -> None:
        super().__init__(message)
        self.message = message
        self.loc = loc
