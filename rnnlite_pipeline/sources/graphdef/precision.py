"""Mixed precision: how a model was trained, not what it computes.

Under Keras' policies mixed_float16 and mixed_bfloat16 the weights are float32, and a layer rounds
them and its inputs to half precision for speed on a training device. No kernel of LiteRT computes
so. Such a layer is taken in float32, of which its half precision was the rounding; what the model
is compared with is the same model in float32.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

_HALVES = ("float16", "bfloat16")


def in_float32(layers: Iterable[Any], change: Callable[[Any], None]) -> None:
    """Lets layers of mixed precision compute in float32, in place.

    Args:
        layers: Of Keras 3 or tf-keras, however deep.
        change: Gives one of them the policy float32.
    """
    mixed = [x for x in layers if x.compute_dtype in _HALVES and x.variable_dtype == "float32"]
    for layer in mixed:
        change(layer)
    if mixed:
        names = ", ".join(layer.name for layer in mixed)
        print(f"layers of mixed precision, taken in float32: {names}", flush=True)
