"""Discrete Fourier transforms of pairs of real tensors, as products with constant matrices.

LiteRT has one kernel for them: RFFT2D, of real numbers, its length a power of two
(kernels/rfft2d.cc). A transform of n points is

    X[k] = sum over m of x[m] e^(-2 pi i k m / n)

and its inverse the same with +i, divided by n. [re, im] side by side, [..., 2 n], times one real
matrix [2 n, 2 n], is the whole of it.

Above DIRECT points that matrix is large, and its sums are long. n = a b is then computed as b
transforms of a points, n turns of phase, and a transforms of b points (Cooley and Tukey 1965).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnlite_pipeline.toolchain import load

#: The most points that one product transforms. Its matrix has 1 MB there, as 512 real points.
DIRECT = 512

#: A tensor, or None where all of it is zero.
Part = Any
#: The real and the imaginary part of a complex tensor; one of them is there.
Pair = tuple[Part, Part]


def dft(z: Pair, n: int, *, inverse: bool = False) -> Pair:
    """The transform over the last axis, [..., n] to [..., n]."""
    a = _factor(n)
    if n <= DIRECT or a == 1:
        return _direct(z, n, n, inverse=inverse)
    tf, b = load("tensorflow"), n // a
    # x[b p + q] at [..., p, q]; the transform over p gives [..., q, k].
    rows = _each(z, lambda part: tf.linalg.matrix_transpose(_reshaped(part, 1, (a, b))))
    re, im = dft(rows, a, inverse=inverse)
    angle = _angles(b, a, n) * (1.0 if inverse else -1.0)
    cos, sin = (tf.constant(f(angle), re.dtype) for f in (np.cos, np.sin))
    turned = (re * cos - im * sin, re * sin + im * cos)
    # ... that over q gives [..., k, l], which is point k + a l.
    columns = dft(_each(turned, tf.linalg.matrix_transpose), b, inverse=inverse)
    re, im = (_reshaped(tf.linalg.matrix_transpose(part), 2, (n,)) for part in columns)
    return re, im


def rdft(x: Any, n: int) -> Pair:
    """The first n // 2 + 1 points of the transform of real numbers, [..., n]."""
    points = n // 2 + 1
    if n <= DIRECT or _factor(n) == 1:
        return _direct((x, None), n, points)
    re, im = dft((x, None), n)
    return re[..., :points], im[..., :points]


def irdft(z: Pair, n: int) -> Any:
    """The real numbers, [..., n], whose transform begins with z, [..., n // 2 + 1].

    The imaginary parts of the first point, and of the last where n is even, do not count.
    """
    tf, points = load("tensorflow"), n // 2 + 1
    if n <= DIRECT or _factor(n) == 1:
        weight = np.full((points, 1), 2.0 / n)  # every other point stands for its conjugate too
        weight[0] = 1 / n
        if n % 2 == 0:
            weight[-1] = 1 / n
        angle = _angles(points, n, n)
        return _summed(z, (np.cos(angle) * weight, -np.sin(angle) * weight))
    rest = n - points  # the conjugates, from the last to the first

    def whole(part: Any, sign: int) -> Any:
        mirrored = tf.reverse(part[..., 1 : rest + 1], [-1])
        return tf.concat([part, sign * mirrored], -1)

    re, im = (None if p is None else whole(p, s) for p, s in zip(z, (1, -1), strict=True))
    return dft((re, im), n, inverse=True)[0]


def _direct(z: Pair, n: int, points: int, *, inverse: bool = False) -> Pair:
    """The first `points` points, by one product."""
    angle = _angles(n, points, n)
    scale, sign = (1 / n, 1.0) if inverse else (1.0, -1.0)
    cos, sin = np.cos(angle) * scale, np.sin(angle) * sign * scale
    both = np.concatenate([cos, sin], 1), np.concatenate([-sin, cos], 1)
    re, im = load("tensorflow").split(_summed(z, both), 2, axis=-1)
    return re, im


def _angles(rows: int, columns: int, n: int) -> NDArray[np.float64]:
    """2 pi j k / n, taken modulo n first: exact for any j and k."""
    turns = np.outer(np.arange(rows), np.arange(columns)) % n
    return np.asarray(turns * (2 * math.pi / n))


def _summed(z: Pair, matrices: tuple[NDArray[Any], NDArray[Any]]) -> Any:
    """re @ matrices[0] + im @ matrices[1], as one product."""
    tf = load("tensorflow")
    there = [(p, m) for p, m in zip(z, matrices, strict=True) if p is not None]
    x = there[0][0] if len(there) == 1 else tf.concat([p for p, _ in there], -1)
    matrix = tf.constant(np.concatenate([m for _, m in there]), x.dtype)
    if x.shape.rank == 1:
        return tf.matmul(x[None], matrix)[0]
    return tf.matmul(x, matrix)


def _reshaped(x: Any, axes: int, last: Sequence[int]) -> Any:
    """x, its last axes replaced by others."""
    tf = load("tensorflow")
    before = x.shape[:-axes].as_list()
    if before.count(None) > 1:
        return tf.reshape(x, tf.concat([tf.shape(x)[:-axes], last], 0))
    return tf.reshape(x, [*(-1 if d is None else d for d in before), *last])


def _each(z: Pair, change: Any) -> Pair:
    return None if z[0] is None else change(z[0]), None if z[1] is None else change(z[1])


def _factor(n: int) -> int:
    """The largest divisor of n that is at most its square root."""
    return next(a for a in range(math.isqrt(n), 0, -1) if n % a == 0)
