"""`metadata:` and `package:` the description of the model, and the released files."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from rnnlite_pipeline.config.base import (
    Broken,
    Count,
    Distinct,
    Finite,
    Positive,
    Section,
    Text,
    text_like,
)


class Normalization(Section):
    """(value - mean) / std, which the caller applies before the model."""

    mean: Annotated[tuple[Finite, ...], Field(min_length=1)] = Field(
        description="The mean of each channel, or one for all."
    )
    std: Annotated[tuple[Positive, ...], Field(min_length=1)] = Field(
        description="The standard deviation of each channel, or one for all."
    )

    def rules(self) -> Iterator[Broken]:
        """One standard deviation for each mean."""
        if len(self.mean) != len(self.std):
            yield (
                ("std",),
                f"mean has {len(self.mean)} values, std {len(self.std)}; one for each channel",
            )


#: The keys of `content` that mean something for some kinds only.
CONTENT_KEYS = {"color_space": "image", "sample_rate": "audio", "channels": "audio"}


class Content(Section):
    """What a tensor's values are."""

    kind: Literal["feature", "image", "audio"] = Field(
        description="feature: numbers without a further meaning; image: pixels; audio: samples."
    )
    color_space: Literal["rgb", "grayscale"] | None = Field(
        default=None, description="Of an image: its color space."
    )
    sample_rate: Count | None = Field(default=None, description="Of audio: samples per second.")
    channels: Count | None = Field(default=None, description="Of audio: how many channels.")

    def rules(self) -> Iterator[Broken]:
        """Each key with its kind."""
        for key, kind in CONTENT_KEYS.items():
            if getattr(self, key) is not None and kind != self.kind:
                yield (key,), f"only for kind {kind}, not {self.kind}"
        if self.kind == "audio" and self.sample_rate is None:
            yield ("kind",), "audio needs sample_rate: samples per second"


class TensorMetadata(Section):
    """The description of an input or an output."""

    name: Text = Field(description="The tensor's name in the model.")
    description: Text | None = Field(default=None, description="What the values are.")
    dimensions: Annotated[tuple[Text, ...], Field(min_length=1)] | None = Field(
        default=None, description="The name of each axis: [batch, time, feature]."
    )
    content: Content | None = Field(
        default=None, description="What the values are, such as {kind: audio, sample_rate: 16000}."
    )
    range: Annotated[tuple[Finite, ...], Field(min_length=2, max_length=2)] | None = Field(
        default=None, description="The smallest and the largest value: [0, 1]."
    )

    def rules(self) -> Iterator[Broken]:
        """A range is not empty."""
        if self.range and self.range[0] >= self.range[1]:
            yield ("range",), "expected [smallest, largest]"


class InputMetadata(TensorMetadata):
    """The description of an input."""

    normalization: Normalization | None = Field(
        default=None, description="What the caller subtracts and divides by."
    )
    vocabulary: Text | None = Field(
        default=None,
        description="A text file with the word of each index, one per line, relative to this file.",
    )


class OutputMetadata(TensorMetadata):
    """The description of an output."""

    labels: Text | None = Field(
        default=None,
        description="A text file with the name of each class, one per line, relative to this file.",
    )


class Metadata(Section):
    """TFLite metadata, schema 1.5, written into the model."""

    description: Text | None = Field(default=None, description="What the model does.")
    author: Text | None = Field(default=None, description="Who made it.")
    license: Text | None = Field(default=None, description="Under which terms it may be used.")
    inputs: tuple[InputMetadata, ...] = Field(default=(), description="The inputs, by name.")
    outputs: tuple[OutputMetadata, ...] = Field(default=(), description="The outputs, by name.")

    def rules(self) -> Iterator[Broken]:
        """Each tensor is described once."""
        tensors: tuple[TensorMetadata, ...]
        for key, tensors in (("inputs", self.inputs), ("outputs", self.outputs)):
            names = [tensor.name for tensor in tensors]
            for i, name in enumerate(names):
                if name in names[:i]:
                    yield (key, i, "name"), f"`{name}` is described twice"


def _inside(entry: str) -> str:
    path = PurePosixPath(entry)
    drive = len(entry) > 1 and entry[1] == ":"
    if path.is_absolute() or drive or "\\" in entry or ".." in path.parts:
        raise ValueError("expected a path below this file's folder, without `..`, written with /")
    if path == PurePosixPath():
        raise ValueError("expected a file, not the folder itself")
    if path.as_posix() != entry:
        raise ValueError(f"expected the plain form, {path}")
    return entry


class Card(Section):
    """The part of the model card that is not in the model, as the Hugging Face hub reads it."""

    task: (
        Annotated[str, *text_like(r"[a-z0-9-]+", "an identifier such as audio-classification")]
        | None
    ) = Field(default=None, description="The task, by the hub's identifier: its `pipeline_tag`.")
    base_model: Text | None = Field(
        default=None, description="The hub's name of the model that this one was made from."
    )
    datasets: Distinct[Text] = Field(
        default=(), description="What it was trained on: names of datasets on the hub."
    )
    intended_use: Text | None = Field(
        default=None, description="What the model is for, and who may rely on it."
    )
    limits: Text | None = Field(
        default=None, description="Where it must not be used, and what is known to go wrong."
    )
    license_link: Text | None = Field(
        default=None,
        description="Where the terms stand, if `metadata.license` is no license that the hub knows:"
        " an address, or a file of `include`.",
    )


class Package(Section):
    """The files of the release besides the model."""

    include: Distinct[Annotated[str, Field(min_length=1), AfterValidator(_inside)]] = Field(
        default=(),
        description="Files below this file's folder that are put into the release as they are.",
    )
    card: Card | None = Field(default=None, description="Further contents of the model card.")
