"""Op names as the model's author would say them.

Keras opens a layer's name scope twice (to build and to call), so that TensorFlow numbers the
second one: "functional_1/lstm_1/while". Entered by its absolute path, a scope is not numbered,
and a recurrence can be called as its author called it: "encoder/bidirectional/forward_lstm".
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
    """An absolute scope ends in a slash; TensorFlow allows few characters in it."""
    legal = re.sub(r"[^A-Za-z0-9_.\\/>-]", "_", name)
    return (legal if re.match(r"[A-Za-z0-9.]", legal) else f".{legal}") + "/"
