"""Models of Keras 2 and tf-keras, from H5 or `.keras` files.

Their LSTM and GRU layers choose an implementation at run time: a function annotated as
replaceable, with a loop as its body. Traced without a GPU and inlined when variables are frozen,
the loop is what the converter sees.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import Any

from rnnlite_pipeline import preloaded
from rnnlite_pipeline.errors import SourceError
from rnnlite_pipeline.sources.graphdef.functions import Pins, function_model, tensor_spec
from rnnlite_pipeline.sources.graphdef.precision import in_float32
from rnnlite_pipeline.sources.model import SourceModel, TensorSpec, unique
from rnnlite_pipeline.toolchain import load


def prepare_tf_keras() -> None:
    """Makes `tf.keras` in the user's own classes mean tf-keras; before TensorFlow is imported."""
    preloaded.before_tensorflow()
    os.environ["TF_USE_LEGACY_KERAS"] = "1"


def source_model(model: Any, pins: Pins) -> SourceModel:
    """A tf-keras model as a `SourceModel`.

    Raises:
        SourceError: It does not know its inputs, or a pin does not fit.
    """
    in_float32(model._flatten_layers(), lambda layer: layer._set_dtype_policy("float32"))
    if not model.inputs:
        raise SourceError(
            f'The model "{model.name}" does not say what its inputs are.',
            "Build it with tf_keras.Input, or call it once before it is saved.",
        )
    for layer in model._flatten_layers():  # "a>/b" is a scope's name, and no op's
        layer._name = layer.name.replace(">", "_")
    flat = load("tensorflow").nest.flatten
    inputs = [_spec(n, t) for n, t in zip(model.input_names, model.inputs, strict=True)]
    outputs = unique(list(model.output_names))

    def call(tensors: Sequence[Any]) -> list[Any]:
        return list(flat(model(_packed(model, tensors), training=False)))

    source = function_model(call, inputs, outputs, pins)
    return SourceModel(
        source.inputs,
        source.outputs,
        source.trace,
        source.run,
        layers=tuple(_layers(model, "")),
        versions={**source.versions, "tf-keras": load("tf_keras").__version__},
        scope=model.name,
        limits=_limits(model, inputs),
    )


def _packed(model: Any, tensors: Sequence[Any]) -> Any:
    """The tensors as the model takes them: one, a list, or a dict."""
    struct = getattr(model, "_nested_inputs", None)
    if struct is None:
        return tensors[0] if len(tensors) == 1 else list(tensors)
    return load("tensorflow").nest.pack_sequence_as(struct, list(tensors))


def _spec(name: str, tensor: Any) -> TensorSpec:
    return tensor_spec(name, tensor.dtype, tensor.shape)


def _layers(model: Any, path: str) -> Iterator[dict[str, Any]]:
    """Name (its path below the model), class and, where it has them, units of each layer."""
    entrance = load("tf_keras").layers.InputLayer
    for layer in model._flatten_layers(include_self=False, recursive=False):
        if isinstance(layer, entrance):
            continue
        name, units = f"{path}{layer.name}", getattr(layer, "units", None)
        yield {"name": name, "class": type(layer).__name__} | ({"units": units} if units else {})
        yield from _layers(layer, f"{name}/")


def _limits(model: Any, inputs: Sequence[TensorSpec]) -> dict[str, range]:
    """For an integer input, the smallest range of indices that an Embedding of the model takes."""
    embedding = load("tf_keras").layers.Embedding
    sizes = [int(x.input_dim) for x in model._flatten_layers() if isinstance(x, embedding)]
    tokens = [s.name for s, t in zip(inputs, model.inputs, strict=True) if _is_read(t, embedding)]
    names = {s.name for s in inputs if "int" in s.dtype} | set(tokens)
    return {name: range(min(sizes)) for name in sorted(names)} if sizes else {}


def _is_read(tensor: Any, embedding: type) -> bool:
    """Whether an Embedding reads an input: Keras 2 lets indices be floats."""
    nodes = tensor.node.layer.outbound_nodes
    return any(isinstance(node.layer, embedding) for node in nodes)
