"""Functions of complex numbers on pairs of real tensors."""

from __future__ import annotations

from typing import Any

import numpy as np

from rnnlite_pipeline.sources.graphdef.complex_math import absolute, div, power, sqrt
from rnnlite_pipeline.toolchain import load


def test_functions_where_a_square_would_overflow_or_vanish() -> None:
    """Magnitudes, quotients and roots of very large and very small numbers are those of NumPy."""
    tf: Any = load("tensorflow")
    z = np.array([3e30 + 4e30j, 3e-30 - 4e-30j, -2 + 0j, -2 - 1e-6j, 5j, 0, -1e30 + 1e22j])
    w = np.array([2e30 - 1e30j, 1e-30 + 1e-30j, 3j, 2, -1 - 1j, 1 + 1j, 1e25 + 1e25j])
    pairs = [(tf.constant(v.real, tf.float32), tf.constant(v.imag, tf.float32)) for v in (z, w)]

    def joined(pair: Any) -> Any:
        return sum(
            (np.asarray(part, np.float64) * unit for part, unit in zip(pair, (1, 1j), strict=True)),
            start=0j,
        )

    np.testing.assert_allclose(np.asarray(absolute(pairs[0])), np.abs(z), rtol=1e-6)
    np.testing.assert_allclose(joined(div(*pairs)), z / w, rtol=1e-6)
    np.testing.assert_allclose(joined(sqrt(pairs[0])), np.sqrt(z), rtol=1e-6)
    np.testing.assert_allclose(joined(power(pairs[1], -0.25))[2:], (w**-0.25)[2:], rtol=1e-6)
