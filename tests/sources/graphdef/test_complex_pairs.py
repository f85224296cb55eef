"""Complex tensors as pairs of real ones: random graphs, loops, spectra, and what stays refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from rnnlite_pipeline.errors import NotConvertible
from rnnlite_pipeline.sources.formats.concrete_function import source_model
from rnnlite_pipeline.sources.graphdef.complex_math import absolute, div, power, sqrt
from rnnlite_pipeline.sources.graphdef.fourier import dft, irdft, rdft
from rnnlite_pipeline.sources.graphdef.session import session_model
from rnnlite_pipeline.sources.model import SourceModel
from rnnlite_pipeline.toolchain import load
from tests.random_models.held import convert_source, hold

FRAME = 24


def _source(call: Callable[..., Any], *shape: int | None) -> SourceModel:
    tf: Any = load("tensorflow")
    specs = [tf.TensorSpec(shape, tf.float32, name="x")]
    return source_model(tf.function(call, input_signature=specs), "f", {})


# The numbers --------------------------------------------------------------------------------------


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


# Graphs -------------------------------------------------------------------------------------------


def _steps(tf: Any, random: np.random.Generator) -> list[Callable[[Any, Any], Any]]:
    """What a random graph is made of: from two tensors [B, T, FRAME] to one."""
    weights = random.normal(size=(FRAME, FRAME)) + 1j * random.normal(size=(FRAME, FRAME))
    matrix = tf.constant(weights / FRAME, tf.complex64)
    turn = tf.constant(np.exp(1j * random.normal(size=FRAME)), tf.complex64)

    def chosen(z: Any, w: Any) -> Any:
        return tf.where(tf.math.real(z) > 0, z, w)

    def in_a_loop(z: Any, w: Any) -> Any:
        def body(k: Any, v: Any) -> Any:
            return k + 1, v * turn + w

        shapes = (tf.TensorShape([]), tf.TensorShape([None, None, FRAME]))
        return tf.while_loop(lambda k, _: k < 3, body, (0, z), shape_invariants=shapes)[1]

    def in_a_branch(z: Any, w: Any) -> Any:
        positive = tf.reduce_sum(tf.math.real(z)) > 0
        return tf.cond(positive, lambda: tf.math.conj(z), lambda: 2.0 * w)

    return [
        lambda z, w: z + w,
        lambda z, w: z - 1j * w,
        lambda z, w: z * w / 3.0,
        lambda z, w: z / (w * tf.math.conj(w) + 2.0),
        lambda z, _: tf.exp(0.1 * z),
        lambda z, _: tf.math.sqrt(z),
        lambda z, _: tf.math.log(z + 4.0),
        lambda z, _: (0.3 * z) ** 3,
        lambda z, _: (
            tf.cast(tf.abs(z), tf.complex64)
            * tf.exp(1j * tf.cast(tf.math.angle(z + 0.1), tf.complex64))
        ),
        lambda z, _: tf.complex(tf.math.imag(z), tf.tanh(tf.math.real(z))),
        lambda z, _: tf.signal.ifft(tf.signal.fft(z) * turn),
        lambda z, _: tf.signal.fft(tf.cast(tf.math.real(z), tf.complex64)) / 5.0,
        lambda z, _: tf.pad(tf.signal.rfft(tf.math.real(z)), [[0, 0], [0, 0], [3, 8]]) / 5.0,
        lambda z, _: tf.cast(tf.signal.irfft(z[..., :13]), tf.complex64) * (1 + 1j),
        lambda z, _: tf.matmul(z, matrix, adjoint_b=True),
        lambda z, _: tf.einsum("btf,fg->btg", z, matrix),
        lambda z, w: tf.concat([z[..., 5:], w[..., :5]], -1),
        lambda z, w: tf.unstack(tf.stack([z, w]))[1] + tf.reverse(z, [2]),
        lambda z, _: tf.transpose(tf.transpose(z, [0, 2, 1], conjugate=True), [0, 2, 1]),
        lambda z, w: sum(tf.split(tf.gather(tf.concat([z, w], -1), range(48), axis=-1), 2, -1)),
        lambda z, _: tf.reshape(z, tf.shape(z)) - tf.reduce_mean(z, 1, keepdims=True),
        chosen,
        in_a_loop,
        in_a_branch,
        tf.function(lambda z, w: z + 0.5 * w * turn),
    ]


def _random_graph(seed: int, length: int) -> tuple[Callable[[Any], Any], list[int]]:
    """A function of x [B, T, FRAME], and the steps that it takes."""
    tf: Any = load("tensorflow")
    random = np.random.default_rng(seed)
    steps = _steps(tf, random)
    order = [int(k) for k in random.permutation(len(steps))[:length]]

    def call(x: Any) -> Any:
        z, w = tf.complex(x, tf.reverse(x, [2])), tf.cast(x, tf.complex64)
        for k in order:
            z, w = steps[k](z, w), z
            z = z / tf.cast(1.0 + tf.reduce_max(tf.abs(z)), tf.complex64)
        return tf.math.real(z), tf.math.imag(z) + tf.abs(w)

    return call, order


@pytest.mark.parametrize("seed", range(3))
def test_random_graphs(seed: int) -> None:
    """Graphs of random complex ops have builtin ops alone, and TensorFlow's numbers."""
    call, order = _random_graph(seed, 9)
    hold(_source(call, None, None, FRAME), [f"seed {seed}", f"steps {order}"])


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(10, 50))
def test_more_random_graphs(seed: int) -> None:
    """The same of many more, and longer ones."""
    call, order = _random_graph(seed, 14)
    hold(_source(call, None, None, FRAME), [f"seed {seed}", f"steps {order}"])


def test_a_recurrence_of_complex_numbers() -> None:
    """A diagonal linear recurrence, its state and its sequences complex, is a loop."""
    tf: Any = load("tensorflow")
    turn = tf.constant(0.9 * np.exp(1j * np.linspace(0, 3, 6)), tf.complex64)

    def call(x: Any) -> Any:
        z = tf.transpose(tf.complex(x, tf.tanh(x)), [1, 0, 2])
        steps = tf.shape(z)[0]
        taken = tf.TensorArray(tf.complex64, steps, element_shape=(None, 6)).unstack(z)
        made = tf.TensorArray(tf.complex64, steps, element_shape=(None, 6))

        def body(t: Any, h: Any, made: Any) -> Any:
            h = turn * h + taken.read(t)
            return t + 1, h, made.write(t, h)

        start = (0, tf.zeros_like(z[0]), made)
        shapes = (tf.TensorShape([]), tf.TensorShape([None, 6]), tf.TensorShape(None))
        ended = tf.while_loop(lambda t, *_: t < steps, body, start, shape_invariants=shapes)
        return tf.math.real(ended[2].stack()), tf.abs(ended[1])

    hold(_source(call, None, None, 6), ["a complex recurrence"])


def test_a_loop_of_control_flow_v1() -> None:
    """Both parts go round a loop as TensorFlow 1 writes it, and so do arrays of complex tensors."""
    tf: Any = load("tensorflow")
    v1 = tf.compat.v1
    later = v1.control_flow_v2_enabled()
    v1.disable_control_flow_v2()
    try:
        with tf.Graph().as_default() as graph:
            x = v1.placeholder(tf.float32, [None, 5, 6], "x")
            z = tf.transpose(tf.complex(x, 1.0 - x), [1, 0, 2])
            taken = tf.TensorArray(tf.complex64, 5, element_shape=(None, 6)).unstack(z)
            made = tf.TensorArray(tf.complex64, 5, element_shape=(None, 6))
            state = tf.zeros_like(z[0])
            state.set_shape([None, 6])

            def body(t: Any, h: Any, made: Any) -> Any:
                h = tf.exp(0.1 * tf.signal.fft(h)) * taken.read(t) / 3.0
                return t + 1, h, made.write(t, tf.math.conj(h))

            ended = v1.while_loop(lambda t, *_: t < 5, body, (0, state, made))
            outputs = {"y": tf.math.imag(ended[2].stack()), "last": tf.math.real(ended[1])}
            source = session_model(v1.Session(graph=graph), {"x": x}, outputs, {})
    finally:
        if later:
            v1.enable_control_flow_v2()
    hold(source, ["control flow v1"])


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
