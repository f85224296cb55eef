"""How a Keras 3 model is traced: under which names, and TimeDistributed in another form.

Names. Keras opens the name scope of a layer twice, to build it and to call it, so TensorFlow
numbers the second one: "functional_1/lstm_1/while". A scope that is opened by its absolute path is
not numbered. So a recurrence has the name that its author gave: "encoder/forward_lstm".

TimeDistributed calls its layer once for each step. Where the length is fixed, the graph has T
copies of the layer; where it is open, a vectorized map, whose own loop no reference kernel runs. A
layer that treats the entries of a batch independently, as Keras' own layers do in inference, is
called once instead, with time folded into the batch: [B, T, ...] to [B * T, ...] and back. The
oracle runs the layers as they are, so verification does not depend on this.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from typing import Any

from rnnlite_pipeline.toolchain import load


@contextlib.contextmanager
def layer_paths(root: Any) -> Iterator[None]:
    """While open, the ops of a Keras layer are named by its path below `root`.

    A layer called twice shares its scope, and TensorFlow numbers the ops in it.

    Args:
        root: The model; its own name is not part of the paths.
    """
    tf, layer_class = load("tensorflow"), load("keras").Layer
    keras_scope = load("keras.src.backend.common.name_scope").name_scope
    stack: list[tuple[Any, str]] = []

    @contextlib.contextmanager
    def open_scope(layer: Any) -> Iterator[None]:
        if stack and stack[-1][0] is layer:
            yield
            return
        parent = stack[-1][1] if stack else ""
        path = "" if layer is root else parent + _scope(layer.name)
        stack.append((layer, path))
        try:
            with keras_scope(layer.name, caller=layer), tf.name_scope(path):
                yield
        finally:
            stack.pop()

    original = layer_class._open_name_scope
    layer_class._open_name_scope = open_scope
    try:
        yield
    finally:
        layer_class._open_name_scope = original


def _scope(name: str) -> str:
    """An absolute scope ends in a slash; TensorFlow allows few characters in it.

    A graph allows fewer than a scope does: there ">" stands between two names (node_def_util.cc,
    IsValidNodeName).
    """
    legal = re.sub(r"[^A-Za-z0-9_.\\/-]", "_", name)
    return (legal if re.match(r"[A-Za-z0-9.]", legal) else f".{legal}") + "/"


@contextlib.contextmanager
def folded_time() -> Iterator[None]:
    """While open, TimeDistributed folds time into the batch where that is the same."""
    wrapper = load("keras").layers.TimeDistributed
    original = wrapper.call

    def call(self: Any, inputs: Any, training: Any = None, mask: Any = None) -> Any:
        masked = mask is not None and self.layer._call_has_mask_arg
        if masked or not _independent(self.layer):
            return original(self, inputs, training=training, mask=mask)
        return _folded(self.layer, inputs, training)

    wrapper.call = call
    try:
        yield
    finally:
        wrapper.call = original


def _folded(layer: Any, inputs: Any, training: Any) -> Any:
    """inputs [B, T, ...] to the layer's output of each step, [B, T, ...]."""
    ops = load("keras").ops
    batch, steps, *features = ops.shape(inputs)
    flat = ops.reshape(inputs, (-1, *features))
    options = {"training": training} if layer._call_has_training_arg else {}
    outputs = layer.call(flat, **options)
    return ops.reshape(outputs, (batch, steps, *ops.shape(outputs)[1:]))


def _independent(layer: Any) -> bool:
    """Whether it and all layers in it are Keras' own, which do not mix the entries of a batch."""
    code = load("keras").layers.Lambda
    return all(
        type(each).__module__.split(".")[0] == "keras" and not isinstance(each, code)
        for each in layer._flatten_layers()
    )
