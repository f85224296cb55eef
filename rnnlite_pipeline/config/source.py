"""`source:` where the model comes from."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field

from rnnlite_pipeline.config.base import (
    Broken,
    Distinct,
    Finite,
    FrozenDict,
    FrozenMapping,
    Section,
    Text,
    text_like,
)

Format = Literal["keras", "h5", "saved_model", "concrete_function", "graph_def", "jax", "tflite"]

#: A dotted module and a name in it.
Reference = Annotated[
    str,
    *text_like(
        r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*(\.[A-Za-z_]\w*)*",
        "`module:name`, as in `digits.model:build`",
    ),
]
Sha256 = Annotated[str, *text_like(r"[0-9a-fA-F]{64}", "a sha256: 64 hexadecimal digits")]
#: What a placeholder can be: a number, or a list of numbers.
Constant = bool | int | Finite | tuple[bool | int | Finite, ...]
Dimension = Annotated[int, Field(ge=1, le=2**31 - 1)] | None

#: Which of `path` and `factory` a format can be read from.
ORIGINS: dict[Format, tuple[str, ...]] = {
    "keras": ("path", "factory"),
    "h5": ("path",),
    "saved_model": ("path",),
    "concrete_function": ("factory",),
    "graph_def": ("path",),
    "jax": ("path", "factory"),
    "tflite": ("path",),
}

#: The keys that mean something for some formats only.
ONLY_FOR: dict[str, tuple[Format, ...]] = {
    "signature": ("saved_model",),
    "outputs": ("graph_def",),
    "custom_objects": ("keras", "h5"),
    "allow_lambda": ("keras", "h5"),
    "weights": ("keras", "h5"),
    "constants": ("saved_model", "graph_def"),
    "cell_clip": ("tflite",),
}


def _is_set(value: object) -> bool:
    """Whether a key says something: the number 0 is set; an empty value and false are not."""
    return value is not None and value is not False and value != () and value != FrozenMapping()


class Source(Section):
    """The trained model that is converted."""

    format: Format = Field(
        description="How the source is stored. keras is a .keras file of Keras 3."
    )
    path: Text | None = Field(
        default=None, description="The model's file or folder, relative to this file."
    )
    factory: Reference | None = Field(
        default=None,
        description="Instead of path, for a model built in code: the function that returns it,"
        " as module:function.",
    )
    sha256: Sha256 | None = Field(
        default=None,
        description="The sha256 of path; if the content has another one, it is an error. Of a"
        " folder: the sha256 of the list of its files, as sha256sum prints it, sorted by name.",
    )
    signature: Text | None = Field(
        default=None,
        description="The signature to convert, of a saved_model; serving_default if left out.",
    )
    inputs: FrozenDict[Text, tuple[Dimension, ...]] = Field(
        default_factory=dict,
        validate_default=True,
        description="Shapes of inputs, by name; null leaves a dimension open. Pins dimensions"
        " the source leaves open; names the inputs of a graph_def.",
    )
    outputs: Distinct[Text] = Field(
        default=(), description="The names of the outputs of a graph_def."
    )
    custom_objects: FrozenDict[Text, Reference] = Field(
        default_factory=dict,
        validate_default=True,
        description="The model's own layers and functions, by registered name, each as"
        " module:name.",
    )
    allow_lambda: bool = Field(
        default=False,
        description="Whether the file may hold Lambda layers, which run code of its author.",
    )
    weights: Text | None = Field(
        default=None,
        description="The H5 file of the weights, relative to this file, where path is the"
        " architecture as JSON or YAML: what Keras' to_json, or to_yaml, and save_weights write.",
    )
    constants: FrozenDict[Text, Constant] = Field(
        default_factory=dict,
        validate_default=True,
        description="Placeholders of a TensorFlow 1 graph that become constants, by name, each"
        " with its value: {keep_prob: 1.0, is_training: false}.",
    )
    cell_clip: Annotated[Finite, Field(ge=0)] | None = Field(
        default=None,
        description="The limit of the cell state of a file's fused LSTMs, instead of the file's; 0"
        " for none. TensorFlow's converter clips at 10, even if the model does not clip.",
    )

    def rules(self) -> Iterator[Broken]:
        """One origin that suits the format, and no keys of other formats."""
        yield from self._origin()
        for key, formats in ONLY_FOR.items():
            if _is_set(getattr(self, key)) and self.format not in formats:
                yield (key,), f"only for format {' or '.join(formats)}, not {self.format}"
        if self.sha256 and not self.path:
            yield ("sha256",), "pins the content of path, and there is no path"
        if self.weights and not self.path:
            yield ("weights",), "belongs to an architecture: give path, its JSON file"
        for name in self.constants:
            if name in self.inputs:
                yield ("constants", name), "is an input in source.inputs; it is one or the other"
        if self.format == "graph_def":
            for key in ("inputs", "outputs"):
                if not getattr(self, key):
                    yield (
                        (key,),
                        "required for format graph_def: a graph does not name them",
                    )

    def _origin(self) -> Iterator[Broken]:
        possible = ORIGINS[self.format]
        if self.path and self.factory:
            yield ("factory",), "give path or factory, not both"
            return
        if not self.path and not self.factory:
            yield (), f"format {self.format} needs {' or '.join(possible)}: where the model is"
        for key in ("path", "factory"):
            if getattr(self, key) and key not in possible:
                yield (key,), f"format {self.format} is read from {possible[0]}, not from {key}"
