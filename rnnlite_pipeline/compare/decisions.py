"""The classes that outputs and labels name.

Axes: N samples, T steps, C classes.
"""

from __future__ import annotations

import numpy as np

from rnnlite_pipeline.compare.distance import Array


def expectations(values: Array, labels: Array) -> Array:
    """The class each label names, where labels may be rows of C: as `predictions` gives them."""
    if labels.shape == values.shape and values.ndim > 1:
        return np.asarray(np.argmax(labels, -1) if labels.shape[-1] > 1 else labels[..., 0])
    return labels


def predictions(values: Array) -> Array:
    """The class each prediction names: [N, C] to [N], [N, T, C] to [N, T]."""
    if values.ndim > 1 and values.shape[-1] > 1 and values.dtype.kind == "f":
        return np.asarray(np.argmax(values, axis=-1))
    single = values[..., 0] if values.ndim > 1 and values.shape[-1] == 1 else values
    return (single > 0.5).astype(np.int64) if single.dtype.kind == "f" else single
