"""Discrete Fourier transforms as products with matrices."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from rnnlite_pipeline.sources.graphdef.fourier import dft, irdft, rdft
from rnnlite_pipeline.toolchain import load


@pytest.mark.parametrize("n", [1, 2, 5, 12, 512, 514, 521, 3000])
def test_transforms_are_as_exact_as_float32(n: int) -> None:
    """Of every length, prime ones and long ones too, and back; 512 points to 1e-6 of the scale."""
    tf: Any = load("tensorflow")
    random = np.random.default_rng(n)
    z = random.normal(size=(3, n)) + 1j * random.normal(size=(3, n))
    parts = (tf.constant(z.real, tf.float32), tf.constant(z.imag, tf.float32))

    def error(found: Any, expected: Any) -> float:
        made = np.asarray(found[0]) + 1j * np.asarray(found[1])
        return float(np.abs(made - expected).max() / np.abs(expected).max())

    assert error(dft(parts, n), np.fft.fft(z)) < 1e-6
    assert error(dft(parts, n, inverse=True), np.fft.ifft(z)) < 1e-6
    assert error(rdft(parts[0], n), np.fft.rfft(z.real)) < 1e-6
    points = n // 2 + 1
    half = tuple(part[:, :points] for part in parts)
    assert error((irdft(half, n), 0.0), np.fft.irfft(z[:, :points], n)) < 1e-6
