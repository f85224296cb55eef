"""Complex tensors as pairs of real ones: spectra, what stays, and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from rnnlite_pipeline.errors import NotConvertible
from rnnlite_pipeline.sources.formats.concrete_function import source_model
from rnnlite_pipeline.sources.model import SourceModel
from rnnlite_pipeline.toolchain import load
from tests.random_models.held import convert_source, hold


def _source(call: Callable[..., Any], *shape: int | None) -> SourceModel:
    tf: Any = load("tensorflow")
    specs = [tf.TensorSpec(shape, tf.float32, name="x")]
    return source_model(tf.function(call, input_signature=specs), "f", {})


def test_a_mask_between_two_transforms() -> None:
    """STFT, a mask on magnitudes, the phases, inverse STFT: with open batch and length."""
    tf: Any = load("tensorflow")

    def call(x: Any) -> Any:
        z = tf.signal.stft(tf.pad(x, [[0, 0], [0, 60]]), 60, 20, 60)  # no power of two
        size = tf.abs(z) * tf.sigmoid(tf.abs(z))
        z = tf.cast(size, tf.complex64) * tf.exp(1j * tf.cast(tf.math.angle(z), tf.complex64))
        return tf.signal.inverse_stft(z, 60, 20, 60)

    conversion = hold(_source(call, None, None), ["a mask"])
    assert "RFFT2D" not in {op.code for op in conversion.model.ops()}


def test_what_litert_has_stays() -> None:
    """The magnitude of a real transform is RFFT2D and COMPLEX_ABS, as it was."""
    tf: Any = load("tensorflow")
    conversion = convert_source(_source(lambda x: tf.abs(tf.signal.rfft(x)), None, 64))
    codes = {op.code for op in conversion.model.ops()}
    assert {"RFFT2D", "COMPLEX_ABS"} <= codes
    assert "ATAN2" not in codes


def test_an_op_that_is_not_known_is_refused_by_name() -> None:
    """It alone is named; what is around it is no reason."""
    tf: Any = load("tensorflow")
    source = _source(lambda x: tf.abs(tf.exp(tf.tanh(tf.complex(x, x)))), None, 6)
    with pytest.raises(NotConvertible) as told:
        convert_source(source)
    assert "no op for Tanh of them" in told.value.message
