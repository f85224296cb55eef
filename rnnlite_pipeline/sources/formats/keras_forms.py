"""Keras layers traced in another form that computes the same.

TimeDistributed calls its layer once a step: T copies of it in the graph where the length is
fixed, and where it is open a vectorized map, whose own loop no reference kernel runs. A layer that
treats the entries of a batch independently, as Keras' own do in inference, is called once with
time folded into the batch instead: [B, T, ...] to [B * T, ...] and back. The oracle runs the
layers as they are, so that verification does not rest on this.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from rnnlite_pipeline.toolchain import load


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
