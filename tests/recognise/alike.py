"""What holds of a loop and of the model it was rewritten to."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from rnnlite_pipeline.graph.ir import Model
from rnnlite_pipeline.graph.write import write_model
from rnnlite_pipeline.runtimes.interpreter import Kernels, Runner

Array = NDArray[np.generic]

#: Inputs by name, for a batch.
Feed = Callable[[np.random.Generator, int], dict[str, Array]]


def sequence(random: np.random.Generator, batch: int) -> dict[str, Array]:
    """x [B, 6, 2], normal."""
    return {"x": random.normal(size=(batch, 6, 2)).astype(np.float32)}


def check_alike(
    loop: Model, model: Model, kernels: Kernels = "reference", feed: Feed = sequence
) -> None:
    """The model gives the loop's numbers at every batch size, call after call."""
    old, new = Runner(write_model(loop), "reference"), Runner(write_model(model), kernels)
    random = np.random.default_rng(0)
    for batch in (1, 3, 17):
        arrays = feed(random, batch)
        expected = old.run(arrays)
        for _ in range(2):
            for name, values in new.run(arrays).items():
                np.testing.assert_allclose(values, expected[name], rtol=0, atol=2e-6)
