"""What ops of TensorFlow compute of complex numbers, written over pairs of real tensors.

A part that is None is zero everywhere, as the imaginary part of a real number is: no op is spent
on it. Formulas: the principal branches, as TensorFlow's kernels have them (cwise_ops.h, which calls
std::complex).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from rnnlite_pipeline.sources.graphdef.fourier import Pair, Part, dft, irdft, rdft
from rnnlite_pipeline.toolchain import load

#: The largest exponent that is a chain of products.
MOST = 16


def mul(z: Pair, w: Pair) -> Pair:
    """Z w, broadcast."""
    (a, b), (c, d) = z, w
    return _minus(_times(a, c), _times(b, d)), _plus(_times(a, d), _times(b, c))


def div(z: Pair, w: Pair) -> Pair:
    """Z / w, broadcast; w is scaled first, so that its square does not overflow."""
    (a, b), (c, d) = z, w
    if d is None:
        return _over(a, c), _over(b, c)
    if c is None:  # (a + bi) / di = (b - ai) / d
        return _over(b, d), _over(_minus(None, a), d)
    tf = load("tensorflow")
    size = tf.maximum(tf.abs(c), tf.abs(d))
    c, d = c / size, d / size
    whole = (c * c + d * d) * size
    re, im = mul(z, (c, -d))
    return _over(re, whole), _over(im, whole)


def absolute(z: Pair) -> Any:
    """The magnitude; it neither overflows nor vanishes where its square does."""
    tf, (a, b) = load("tensorflow"), z
    if a is None or b is None:
        return tf.abs(b if a is None else a)
    a, b = tf.abs(a), tf.abs(b)
    size = tf.maximum(a, b)
    ratio = tf.math.divide_no_nan(tf.minimum(a, b), size)
    return size * tf.sqrt(1.0 + ratio * ratio)


def angle(z: Pair) -> Any:
    """The phase, from -pi to pi; 0 at 0."""
    tf, (a, b) = load("tensorflow"), z
    zero = tf.zeros_like(b if a is None else a)
    return tf.atan2(zero if b is None else b, zero if a is None else a)


def exp(z: Pair) -> Pair:
    """E^z."""
    tf, (a, b) = load("tensorflow"), z
    if b is None:
        return tf.exp(a), None
    size = None if a is None else tf.exp(a)
    cos, sin = tf.cos(b), tf.sin(b)
    return (cos, sin) if size is None else (size * cos, size * sin)


def log(z: Pair) -> Pair:
    """The principal logarithm."""
    return load("tensorflow").math.log(absolute(z)), angle(z)


def sqrt(z: Pair) -> Pair:
    """The root with a real part that is not negative; no difference of like numbers is taken."""
    tf, (a, b) = load("tensorflow"), z
    a = tf.zeros_like(b) if a is None else a
    b = tf.zeros_like(a) if b is None else b
    larger = tf.sqrt((absolute((a, b)) + tf.abs(a)) / 2)
    smaller = tf.math.divide_no_nan(tf.abs(b), 2 * larger)
    right = a >= 0
    im = tf.where(right, smaller, larger)
    return tf.where(right, larger, smaller), tf.where(b < 0, -im, im)


def sign(z: Pair) -> Pair:
    """Z / |z|; 0 at 0."""
    no_nan, size = load("tensorflow").math.divide_no_nan, absolute(z)
    return tuple_of(None if part is None else no_nan(part, size) for part in z)


def power(z: Pair, exponent: float) -> Pair:
    """Z to a real number that is known."""
    tf = load("tensorflow")
    if exponent < 0:
        one = tf.ones_like(next(part for part in z if part is not None))
        return div((one, None), power(z, -exponent))
    if float(exponent).is_integer() and exponent <= MOST:
        return _chain(z, int(exponent))
    if exponent == 0.5:
        return sqrt(z)
    size, turn = tf.pow(absolute(z), exponent), exponent * angle(z)
    return size * tf.cos(turn), size * tf.sin(turn)


def _chain(z: Pair, exponent: int) -> Pair:
    """Products of squares."""
    one = load("tensorflow").ones_like(next(part for part in z if part is not None))
    result: Pair | None = None
    while exponent:
        if exponent % 2:
            result = z if result is None else mul(result, z)
        exponent //= 2
        z = mul(z, z) if exponent else z
    return (one, None) if result is None else result


# Transforms over the last axes --------------------------------------------------------------------


def transform(z: Pair, axes: int, *, inverse: bool) -> Pair:
    """FFT, FFT2D, FFT3D and their inverses: over the last axes, whose lengths are known."""
    for axis in range(-axes, 0):
        z = _over_axis(z, axis, inverse=inverse)
    return z


def real_transform(x: Any, lengths: Sequence[int]) -> Pair:
    """RFFT, RFFT2D, RFFT3D: of so many points, the first of them."""
    z = rdft(_sized(x, -1, lengths[-1]), lengths[-1])
    for axis, n in zip(range(-len(lengths), -1), lengths[:-1], strict=True):
        z = _over_axis(tuple_of(_sized(p, axis, n) for p in z), axis, inverse=False)
    return z


def real_inverse(z: Pair, lengths: Sequence[int]) -> Any:
    """IRFFT, IRFFT2D, IRFFT3D: so many points."""
    points = [*lengths[:-1], lengths[-1] // 2 + 1]
    for axis, n in zip(range(-len(lengths), 0), points, strict=True):
        z = tuple_of(_sized(p, axis, n) for p in z)
    for axis in range(-len(lengths), -1):
        z = _over_axis(z, axis, inverse=True)
    return irdft(z, lengths[-1])


def _over_axis(z: Pair, axis: int, *, inverse: bool) -> Pair:
    tf = load("tensorflow")
    shape = next(part for part in z if part is not None).shape
    order = list(range(shape.rank))
    order[axis], order[-1] = order[-1], order[axis]

    def turned(part: Part) -> Part:
        return part if axis == -1 or part is None else tf.transpose(part, order)

    return tuple_of(map(turned, dft(tuple_of(map(turned, z)), shape[axis], inverse=inverse)))


def _sized(x: Part, axis: int, n: int) -> Part:
    """The first n elements of an axis; the op requires that it has so many (fft_ops.cc)."""
    if x is None or x.shape[axis] == n:
        return x
    place = x.shape.rank + axis
    cut = x[(*[slice(None)] * place, slice(n))]
    shape = [*x.shape[:place], n, *x.shape[place + 1 :]]
    return load("tensorflow").ensure_shape(cut, shape)


# Arithmetic with parts that are zero --------------------------------------------------------------


def tuple_of(parts: Any) -> Pair:
    """Two parts as a pair."""
    re, im = parts
    return re, im


def _plus(a: Part, b: Part) -> Part:
    if a is None or b is None:
        return b if a is None else a
    return a + b


def _minus(a: Part, b: Part) -> Part:
    if b is None:
        return a
    return -b if a is None else a - b


def _times(a: Part, b: Part) -> Part:
    return None if a is None or b is None else a * b


def _over(a: Part, b: Part) -> Part:
    return None if a is None else a / b


#: Functions of one complex number, by the op: to a complex one, and to a real one.
COMPLEX: dict[str, Callable[[Pair], Pair]] = {
    "Exp": exp,
    "Log": log,
    "Sqrt": sqrt,
    "Sign": sign,
    "Square": lambda z: mul(z, z),
    "Rsqrt": lambda z: power(z, -0.5),
    "Reciprocal": lambda z: power(z, -1),
    "Inv": lambda z: power(z, -1),
}
REAL: dict[str, Callable[[Pair], Any]] = {"ComplexAbs": absolute, "Angle": angle}
